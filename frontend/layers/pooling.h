#pragma once
/// Windows of images made one pixel, and whole images.

#include "frontend/layers/basics.h"

namespace gradc {

struct MaxPooling2D {
  Dims pool_size = {2, 2};
  Dims strides = {};  ///< The pool size, unless given.
  std::string padding = "valid";
  std::string name = {};
};

struct AveragePooling2D {
  Dims pool_size = {2, 2};
  Dims strides = {};  ///< The pool size, unless given.
  std::string padding = "valid";
  std::string name = {};
};

struct GlobalAveragePooling2D {
  bool keepdims = false;  ///< Whether the result is an image of one pixel.
  std::string name = {};
};

struct GlobalMaxPooling2D {
  bool keepdims = false;
  std::string name = {};
};

template <class Fields, class Pooling>
  requires requires(Pooling& layer) { layer.pool_size; }
void describe(Fields& f, Pooling& layer) {
  f.pair("pool_size", layer.pool_size);
  f.optional_pair("strides", layer.strides);
  f.choice("padding", layer.padding, {"valid", "same"});
  f.data_format();
  f.name(layer.name);
}

template <class Fields, class Pooling>
  requires requires(Pooling& layer) { layer.keepdims; }
void describe(Fields& f, Pooling& layer) {
  f.boolean("keepdims", layer.keepdims, Written::unless_default);
  f.data_format();
  f.name(layer.name);
}

}  // namespace gradc
