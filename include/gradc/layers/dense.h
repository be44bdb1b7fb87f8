#pragma once
#include "gradc/layers/basics.h"

namespace gradc {

struct Dense {
  std::int64_t units = 0;
  std::string activation = "linear";
  bool use_bias = true;
  Initializer kernel_initializer = "glorotNormal";
  Initializer bias_initializer = Zeros{};
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

}  // namespace gradc
