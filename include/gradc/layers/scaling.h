#pragma once
/// Layers that scale, shift or drop elements, without training.

#include "gradc/layers/basics.h"

namespace gradc {

/// x * scale + offset
struct Rescaling {
  double scale = 1, offset = 0;
  std::string name = {};
  Dims input_shape = {};
};

/// In training, zeroes each element with probability `rate` and scales the others by 1 / (1 - rate).
struct Dropout {
  double rate = 0;
  std::string name = {};
};

template <class Fields>
void describe(Fields& f, Rescaling& layer) {
  f.number("scale", layer.scale);
  f.number("offset", layer.offset);
  f.input_shape(layer.input_shape);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, Dropout& layer) {
  f.number("rate", layer.rate);
  f.only("noise_shape", "remove it: each element is dropped by itself");
  f.name(layer.name);
}

}  // namespace gradc
