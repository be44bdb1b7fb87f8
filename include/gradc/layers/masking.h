#pragma once
#include "gradc/layers/basics.h"

namespace gradc {

/// Masks the steps of a sequence all of whose features are `mask_value`, and makes them 0.
struct Masking {
  double mask_value = 0;
  Dims input_shape = {};
  std::string name = {};
};

template <class Fields>
void describe(Fields& f, Masking& layer) {
  f.number("mask_value", layer.mask_value);
  f.input_shape(layer.input_shape);
  f.name(layer.name);
}

}  // namespace gradc
