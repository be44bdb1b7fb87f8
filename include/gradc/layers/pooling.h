#pragma once
/// Windows of images made one pixel, and whole images; of images of one, two or three spatial dimensions.

#include "gradc/layers/basics.h"

namespace gradc {

template <int n>
struct MaxPoolingND {
  static constexpr int spatial = n;
  Dims pool_size = Dims(n, 2);
  Dims strides = {};  ///< The pool size, unless given.
  std::string padding = "valid";
  std::string name = {};
};
using MaxPooling1D = MaxPoolingND<1>;
using MaxPooling2D = MaxPoolingND<2>;
using MaxPooling3D = MaxPoolingND<3>;

template <int n>
struct AveragePoolingND {
  static constexpr int spatial = n;
  Dims pool_size = Dims(n, 2);
  Dims strides = {};  ///< The pool size, unless given.
  std::string padding = "valid";
  std::string name = {};
};
using AveragePooling1D = AveragePoolingND<1>;
using AveragePooling2D = AveragePoolingND<2>;
using AveragePooling3D = AveragePoolingND<3>;

template <int n>
struct GlobalAveragePoolingND {
  static constexpr int spatial = n;
  bool keepdims = false;  ///< Whether the result is an image of one pixel.
  std::string name = {};
};
using GlobalAveragePooling1D = GlobalAveragePoolingND<1>;
using GlobalAveragePooling2D = GlobalAveragePoolingND<2>;
using GlobalAveragePooling3D = GlobalAveragePoolingND<3>;

template <int n>
struct GlobalMaxPoolingND {
  static constexpr int spatial = n;
  bool keepdims = false;
  std::string name = {};
};
using GlobalMaxPooling1D = GlobalMaxPoolingND<1>;
using GlobalMaxPooling2D = GlobalMaxPoolingND<2>;
using GlobalMaxPooling3D = GlobalMaxPoolingND<3>;

/// The mean of windows that are chosen so that there are `output_size` of them, as large as one another up to a pixel.
template <int n>
struct AdaptiveAveragePoolingND {
  static constexpr int spatial = n;
  Dims output_size = {};
  std::string name = {};
};
/// The largest of such windows.
template <int n>
struct AdaptiveMaxPoolingND {
  static constexpr int spatial = n;
  Dims output_size = {};
  std::string name = {};
};
using AdaptiveMaxPooling1D = AdaptiveMaxPoolingND<1>;
using AdaptiveMaxPooling2D = AdaptiveMaxPoolingND<2>;
using AdaptiveMaxPooling3D = AdaptiveMaxPoolingND<3>;
using AdaptiveAveragePooling1D = AdaptiveAveragePoolingND<1>;
using AdaptiveAveragePooling2D = AdaptiveAveragePoolingND<2>;
using AdaptiveAveragePooling3D = AdaptiveAveragePoolingND<3>;

template <class Fields, class Pooling>
  requires requires(Pooling& layer) { layer.output_size; }
void describe(Fields& f, Pooling& layer) {
  f.extents("output_size", layer.output_size, layer.spatial);
  f.data_format();
  f.name(layer.name);
}

template <class Fields, class Pooling>
  requires requires(Pooling& layer) { layer.pool_size; }
void describe(Fields& f, Pooling& layer) {
  f.extents("pool_size", layer.pool_size, layer.spatial);
  f.optional_extents("strides", layer.strides, layer.spatial);
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
