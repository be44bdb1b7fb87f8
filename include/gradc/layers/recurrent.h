#pragma once
/// Layers that go through the steps of sequences, [steps, features], and hand states of `units` numbers from one to the next. A state
/// starts as zeros; with `stateful` it starts as the image at the same place of the batch before left it, in training, evaluation and
/// prediction alike, until Model::reset_states. They give the last step's output, or those of all steps with `return_sequences`: with
/// `go_backwards` in the order in which they were made, the last step's first.

#include <memory>

#include "gradc/layers/basics.h"

namespace gradc {

struct Config;
struct SimpleRNNCell;
struct LSTMCell;
struct GRUCell;
struct StackedRNNCells;

/// What an RNN does in a step, any of the cells below: held as the (class_name, config) that a model.json has.
class Cell {
 public:
  Cell(const SimpleRNNCell&);
  Cell(const LSTMCell&);
  Cell(const GRUCell&);
  Cell(const StackedRNNCells&);
  /// As gradc reads it from a file.
  Cell(std::string class_name, std::shared_ptr<const Config> config) : class_name_(std::move(class_name)), config_(std::move(config)) {}

  const std::string& class_name() const { return class_name_; }
  const Config& config() const { return *config_; }
  /// The cell's name, which may be empty.
  std::string name() const;

 private:
  std::string class_name_;
  std::shared_ptr<const Config> config_;
};

/// The cell of SimpleRNN, and its options.
struct SimpleRNNCell {
  std::int64_t units = 0;
  std::string activation = "tanh";
  bool use_bias = true;
  Initializer kernel_initializer = "glorotUniform", recurrent_initializer = Orthogonal{}, bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, recurrent_regularizer = {}, bias_regularizer = {};
  Constraint kernel_constraint = {}, recurrent_constraint = {}, bias_constraint = {};
  double dropout = 0, recurrent_dropout = 0;
  std::string name = {};
};

/// The cell of LSTM.
struct LSTMCell {
  std::int64_t units = 0;
  std::string activation = "tanh", recurrent_activation = "sigmoid";
  bool use_bias = true, unit_forget_bias = true;
  Initializer kernel_initializer = "glorotUniform", recurrent_initializer = Orthogonal{}, bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, recurrent_regularizer = {}, bias_regularizer = {};
  Constraint kernel_constraint = {}, recurrent_constraint = {}, bias_constraint = {};
  double dropout = 0, recurrent_dropout = 0;
  std::string name = {};
};

/// The cell of GRU.
struct GRUCell {
  std::int64_t units = 0;
  std::string activation = "tanh", recurrent_activation = "sigmoid";
  bool use_bias = true, reset_after = true;
  Initializer kernel_initializer = "glorotUniform", recurrent_initializer = Orthogonal{}, bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, recurrent_regularizer = {}, bias_regularizer = {};
  Constraint kernel_constraint = {}, recurrent_constraint = {}, bias_constraint = {};
  double dropout = 0, recurrent_dropout = 0;
  std::string name = {};
};

/// Cells of which each takes the output of the one before.
struct StackedRNNCells {
  std::vector<Cell> cells = {};
  std::string name = {};
};

/// A cell on the steps of sequences. Its further inputs, if there are any, are the states that it starts from; with `return_state` its
/// further outputs are those that it ends with. So are those of the layers below.
struct RNN {
  std::optional<Cell> cell = {};
  Regularizer activity_regularizer = {};
  bool return_sequences = false, return_state = false, go_backwards = false, zero_output_for_mask = false, stateful = false;
  Dims input_shape = {};
  std::string name = {};
};

/// h' = activation(x · kernel + h · recurrent_kernel + bias), the output and the only state.
struct SimpleRNN {
  std::int64_t units = 0;
  std::string activation = "tanh";
  bool use_bias = true;
  Initializer kernel_initializer = "glorotUniform", recurrent_initializer = Orthogonal{}, bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, recurrent_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Constraint kernel_constraint = {}, recurrent_constraint = {}, bias_constraint = {};
  double dropout = 0, recurrent_dropout = 0;  ///< Of the input and of the state, the same for all steps and gates.
  bool return_sequences = false, return_state = false, go_backwards = false, zero_output_for_mask = false, stateful = false;
  Dims input_shape = {};
  std::string name = {};
};

/// Long short-term memory (Hochreiter and Schmidhuber 1997): gates i, f, o and the candidate c, in the weights in the order i, f, c, o.
struct LSTM {
  std::int64_t units = 0;
  std::string activation = "tanh", recurrent_activation = "sigmoid";
  bool use_bias = true, unit_forget_bias = true;  ///< The latter: the bias of the gate f starts as ones.
  Initializer kernel_initializer = "glorotUniform", recurrent_initializer = Orthogonal{}, bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, recurrent_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Constraint kernel_constraint = {}, recurrent_constraint = {}, bias_constraint = {};
  double dropout = 0, recurrent_dropout = 0;
  bool return_sequences = false, return_state = false, go_backwards = false, zero_output_for_mask = false, stateful = false;
  Dims input_shape = {};
  std::string name = {};
};

/// LSTM whose products are convolutions (Shi et al. 2015), on sequences of images. The state's convolution has stride 1 and zeros around.
template <int n>
struct ConvLSTMND {
  static constexpr int spatial = n;
  static constexpr int channels_first = 2;  ///< The dimension of the channels where they come first.
  std::int64_t filters = 0;
  Dims kernel_size = {};
  Dims strides = Dims(n, 1);
  std::string padding = "valid";
  Dims dilation_rate = Dims(n, 1);
  std::string activation = "tanh", recurrent_activation = "sigmoid";
  bool use_bias = true, unit_forget_bias = true;
  Initializer kernel_initializer = "glorotUniform", recurrent_initializer = Orthogonal{}, bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, recurrent_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Constraint kernel_constraint = {}, recurrent_constraint = {}, bias_constraint = {};
  double dropout = 0, recurrent_dropout = 0;
  bool return_sequences = false, return_state = false, go_backwards = false, zero_output_for_mask = false, stateful = false;
  Dims input_shape = {};
  std::string name = {};
};
using ConvLSTM1D = ConvLSTMND<1>;
using ConvLSTM2D = ConvLSTMND<2>;
using ConvLSTM3D = ConvLSTMND<3>;

/// Gated recurrent unit (Cho et al. 2014): gates z and r and the candidate h, in the weights in this order. The gate r takes part of the
/// state before its product with the recurrent kernel, or with `reset_after` of the product, which then has a bias of its own.
struct GRU {
  std::int64_t units = 0;
  std::string activation = "tanh", recurrent_activation = "sigmoid";
  bool use_bias = true, reset_after = true;
  Initializer kernel_initializer = "glorotUniform", recurrent_initializer = Orthogonal{}, bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, recurrent_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Constraint kernel_constraint = {}, recurrent_constraint = {}, bias_constraint = {};
  double dropout = 0, recurrent_dropout = 0;
  bool return_sequences = false, return_state = false, go_backwards = false, zero_output_for_mask = false, stateful = false;
  Dims input_shape = {};
  std::string name = {};
};

/// What cells and their layers have in common.
template <class Fields, class C>
void describe_cell(Fields& f, C& cell) {
  if constexpr (requires { cell.units; }) f.integer("units", cell.units, 1);
  f.activation("activation", cell.activation);
  f.kernel("kernel", cell.kernel_initializer, cell.kernel_regularizer, cell.kernel_constraint);
  f.weight("recurrent", cell.recurrent_initializer, cell.recurrent_regularizer, cell.recurrent_constraint);
  f.boolean("use_bias", cell.use_bias);
  f.weight("bias", cell.bias_initializer, cell.bias_regularizer, cell.bias_constraint);
  f.number("dropout", cell.dropout);
  f.number("recurrent_dropout", cell.recurrent_dropout);
  f.name(cell.name);
}

template <class Fields, class C>
void describe_lstm(Fields& f, C& cell) {
  f.recurrent_activation(cell.recurrent_activation);
  f.boolean("unit_forget_bias", cell.unit_forget_bias);
  describe_cell(f, cell);
}

template <class Fields, class C>
void describe_gru(Fields& f, C& cell) {
  f.recurrent_activation(cell.recurrent_activation);
  f.reset_after(cell.reset_after);
  describe_cell(f, cell);
}

/// How a layer goes through steps.
template <class Fields, class L>
void describe_steps(Fields& f, L& layer) {
  f.boolean("return_sequences", layer.return_sequences);
  f.boolean("return_state", layer.return_state, Written::unless_default);
  f.boolean("go_backwards", layer.go_backwards);
  f.boolean("zero_output_for_mask", layer.zero_output_for_mask, Written::unless_default);
  f.boolean("stateful", layer.stateful, Written::unless_default);
  f.activity_regularizer(layer.activity_regularizer);
  f.input_shape(layer.input_shape);
}

template <class Fields>
void describe(Fields& f, SimpleRNNCell& cell) {
  describe_cell(f, cell);
}

template <class Fields>
void describe(Fields& f, LSTMCell& cell) {
  describe_lstm(f, cell);
}

template <class Fields>
void describe(Fields& f, GRUCell& cell) {
  describe_gru(f, cell);
}

template <class Fields>
void describe(Fields& f, StackedRNNCells& cell) {
  f.cells("cells", cell.cells);
  f.name(cell.name);
}

template <class Fields>
void describe(Fields& f, SimpleRNN& layer) {
  describe_cell(f, layer);
  describe_steps(f, layer);
}

template <class Fields>
void describe(Fields& f, LSTM& layer) {
  describe_lstm(f, layer);
  describe_steps(f, layer);
}

template <class Fields>
void describe(Fields& f, GRU& layer) {
  describe_gru(f, layer);
  describe_steps(f, layer);
}

template <class Fields, int n>
void describe(Fields& f, ConvLSTMND<n>& layer) {
  f.integer("filters", layer.filters, 1);
  f.extents("kernel_size", layer.kernel_size, n);
  f.extents("strides", layer.strides, n);
  f.choice("padding", layer.padding, {"valid", "same"});
  f.extents("dilation_rate", layer.dilation_rate, n);
  f.data_format();
  f.recurrent_activation(layer.recurrent_activation);
  f.boolean("unit_forget_bias", layer.unit_forget_bias);
  describe_cell(f, layer);
  describe_steps(f, layer);
}

template <class Fields>
void describe(Fields& f, RNN& layer) {
  f.cell("cell", layer.cell);
  describe_steps(f, layer);
  f.name(layer.name);
}

}  // namespace gradc
