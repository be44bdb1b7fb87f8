#pragma once
/// Layers that leave their input as it is, or scale and shift it.

#include "gradc/layers/basics.h"

namespace gradc {

/// x * scale + offset
struct Rescaling {
  double scale = 1, offset = 0;
  std::string name = {};
  Dims input_shape = {};
};

/// Adds l1 * Σ|x| + l2 * Σx² of an image to its loss.
struct ActivityRegularization {
  double l1 = 0, l2 = 0;
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
void describe(Fields& f, ActivityRegularization& layer) {
  f.number("l1", layer.l1);
  f.number("l2", layer.l2);
  f.name(layer.name);
}

}  // namespace gradc
