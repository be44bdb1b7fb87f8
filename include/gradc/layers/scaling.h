#pragma once
/// Layers that leave their input as it is, or scale and shift it.

#include "gradc/layers/basics.h"

namespace gradc {

/// Gives what it gets. The initializer has its name.
struct IdentityLayer {
  static constexpr const char* class_name = "Identity";
  std::string name = {};
};

/// x * scale + offset, which may be numbers for each place along the last dimension.
struct Rescaling {
  NumberArray scale = 1, offset = 0;
  std::string name = {};
  Dims input_shape = {};
};

/// Adds l1 * Σ|x| + l2 * Σx² of an image to its loss.
struct ActivityRegularization {
  double l1 = 0, l2 = 0;
  std::string name = {};
};

template <class Fields>
void describe(Fields& f, IdentityLayer& layer) {
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, Rescaling& layer) {
  f.array("scale", layer.scale);
  f.array("offset", layer.offset);
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
