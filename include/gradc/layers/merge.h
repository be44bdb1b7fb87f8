#pragma once
/// Layers of several inputs.

#include "gradc/layers/basics.h"

namespace gradc {

/// Inputs of one shape, or such that dimensions of 1 stretch.
struct Add {
  std::string name = {};
};
struct Average {
  std::string name = {};
};
struct Maximum {
  std::string name = {};
};
struct Minimum {
  std::string name = {};
};
struct Multiply {
  std::string name = {};
};
/// The first of two inputs less the second.
struct Subtract {
  std::string name = {};
};

/// The product of two inputs along a dimension of each, `axes`, or the one that is given of both; the others follow each other, those of
/// the first input first. With `normalize` vectors along those dimensions are of length 1 before.
struct Dot {
  Dims axes = {-1};
  bool normalize = false;
  std::string name = {};
};

struct Concatenate {
  std::int64_t axis = -1;
  std::string name = {};
};

template <class Fields, class Merge>
  requires(std::is_same_v<Merge, Add> || std::is_same_v<Merge, Average> || std::is_same_v<Merge, Maximum> ||
           std::is_same_v<Merge, Minimum> || std::is_same_v<Merge, Multiply> || std::is_same_v<Merge, Subtract>)
void describe(Fields& f, Merge& layer) {
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, Dot& layer) {
  f.axes("axes", layer.axes);
  f.boolean("normalize", layer.normalize);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, Concatenate& layer) {
  f.axis("axis", layer.axis);
  f.name(layer.name);
}

}  // namespace gradc
