#pragma once
/// Layers that go through the steps of sequences, [steps, features], and hand states of `units` numbers from one to the next. A state
/// starts as zeros. They give the last step's output, or those of all steps with `return_sequences`: with `go_backwards` in the order in
/// which they were made, the last step's first.

#include "gradc/layers/basics.h"

namespace gradc {

/// h' = activation(x · kernel + h · recurrent_kernel + bias), the output and the only state.
struct SimpleRNN {
  std::int64_t units = 0;
  std::string activation = "tanh";
  bool use_bias = true;
  Initializer kernel_initializer = "glorotNormal", recurrent_initializer = Orthogonal{}, bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, recurrent_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Constraint kernel_constraint = {}, recurrent_constraint = {}, bias_constraint = {};
  double dropout = 0, recurrent_dropout = 0;  ///< Of the input and of the state, the same for all steps and gates.
  bool return_sequences = false, go_backwards = false, zero_output_for_mask = false;
  Dims input_shape = {};
  std::string name = {};
};

/// Long short-term memory (Hochreiter and Schmidhuber 1997): gates i, f, o and the candidate c, in the weights in the order i, f, c, o.
struct LSTM {
  std::int64_t units = 0;
  std::string activation = "tanh", recurrent_activation = "hardSigmoid";
  bool use_bias = true, unit_forget_bias = true;  ///< The latter: the bias of the gate f starts as ones.
  Initializer kernel_initializer = "glorotNormal", recurrent_initializer = Orthogonal{}, bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, recurrent_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Constraint kernel_constraint = {}, recurrent_constraint = {}, bias_constraint = {};
  double dropout = 0, recurrent_dropout = 0;
  bool return_sequences = false, go_backwards = false, zero_output_for_mask = false;
  Dims input_shape = {};
  std::string name = {};
};

/// Gated recurrent unit (Cho et al. 2014): gates z and r and the candidate h, in the weights in this order. The gate r takes part of the
/// state before its product with the recurrent kernel, or with `reset_after` of the product, which then has a bias of its own.
struct GRU {
  std::int64_t units = 0;
  std::string activation = "tanh", recurrent_activation = "hardSigmoid";
  bool use_bias = true, reset_after = false;
  Initializer kernel_initializer = "glorotNormal", recurrent_initializer = Orthogonal{}, bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, recurrent_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Constraint kernel_constraint = {}, recurrent_constraint = {}, bias_constraint = {};
  double dropout = 0, recurrent_dropout = 0;
  bool return_sequences = false, go_backwards = false, zero_output_for_mask = false;
  Dims input_shape = {};
  std::string name = {};
};

template <class Fields, class L>
void describe_recurrent(Fields& f, L& layer) {
  f.integer("units", layer.units, 1);
  f.kernel("kernel", layer.kernel_initializer, layer.kernel_regularizer, layer.kernel_constraint);
  f.weight("recurrent", layer.recurrent_initializer, layer.recurrent_regularizer, layer.recurrent_constraint);
  f.number("dropout", layer.dropout);
  f.number("recurrent_dropout", layer.recurrent_dropout);
  f.boolean("return_sequences", layer.return_sequences);
  f.boolean("go_backwards", layer.go_backwards);
  f.boolean("zero_output_for_mask", layer.zero_output_for_mask, Written::unless_default);
  f.unset("return_state", "the states of a layer as outputs are not there yet");
  f.unset("stateful", "states that live from batch to batch are not there yet");
  describe_end(f, layer);
}

template <class Fields>
void describe(Fields& f, SimpleRNN& layer) {
  describe_recurrent(f, layer);
}

template <class Fields>
void describe(Fields& f, LSTM& layer) {
  f.activation("recurrent_activation", layer.recurrent_activation);
  f.boolean("unit_forget_bias", layer.unit_forget_bias);
  describe_recurrent(f, layer);
}

template <class Fields>
void describe(Fields& f, GRU& layer) {
  f.activation("recurrent_activation", layer.recurrent_activation);
  f.boolean("reset_after", layer.reset_after);
  describe_recurrent(f, layer);
}

}  // namespace gradc
