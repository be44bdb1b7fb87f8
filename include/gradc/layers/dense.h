#pragma once
#include "gradc/layers/basics.h"

namespace gradc {

struct Dense {
  std::int64_t units = 0;
  std::string activation = "linear";
  bool use_bias = true;
  Initializer kernel_initializer = "glorotUniform";
  Initializer bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Constraint kernel_constraint = {}, bias_constraint = {};
  LowRank lora = {};
  Dims input_shape = {};
  std::string name = {};
};

/// The product of the input with a kernel by an equation as "abc,cd->abd", the first letter of which is the batch: dimensions that both
/// have and the result has not are summed over. "..." stands for as many dimensions as the input has more, at the begin or the end.
struct EinsumDense {
  std::string equation = {};
  Dims output_shape = {};  ///< Without the batch; -1 for what is the input's.
  std::string activation = "linear";
  std::string bias_axes = {};  ///< The dimensions of the bias, if there is one.
  Initializer kernel_initializer = "glorotUniform", bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Constraint kernel_constraint = {}, bias_constraint = {};
  LowRank lora = {};
  Dims input_shape = {};
  std::string name = {};
};

template <class Fields>
void describe(Fields& f, Dense& layer) {
  f.integer("units", layer.units, 1);
  f.kernel("kernel", layer.kernel_initializer, layer.kernel_regularizer, layer.kernel_constraint);
  describe(f, layer.lora);
  describe_end(f, layer);
}

template <class Fields>
void describe(Fields& f, EinsumDense& layer) {
  f.text("equation", layer.equation);
  f.partial_shape("output_shape", layer.output_shape);
  f.activation("activation", layer.activation);
  f.text("bias_axes", layer.bias_axes);
  f.weight("kernel", layer.kernel_initializer, layer.kernel_regularizer, layer.kernel_constraint);
  f.weight("bias", layer.bias_initializer, layer.bias_regularizer, layer.bias_constraint);
  f.activity_regularizer(layer.activity_regularizer);
  f.input_shape(layer.input_shape);
  describe(f, layer.lora);
  f.name(layer.name);
}

}  // namespace gradc
