#pragma once
#include "gradc/layers/basics.h"

namespace gradc {

/// Images made `size` times as high and wide.
struct UpSampling2D {
  Dims size = {2, 2};
  std::string interpolation = "nearest";  ///< "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5"
  std::string name = {};
};

/// Each pixel `size` times along each spatial dimension.
template <int n>
struct UpSamplingND {
  static constexpr int spatial = n;
  Dims size = Dims(n, 2);
  std::string name = {};
};
using UpSampling1D = UpSamplingND<1>;
using UpSampling3D = UpSamplingND<3>;

template <class Fields>
void describe(Fields& f, UpSampling2D& layer) {
  f.extents("size", layer.size, 2);
  f.choice("interpolation", layer.interpolation, {"nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"});
  f.data_format();
  f.name(layer.name);
}

template <class Fields, int n>
void describe(Fields& f, UpSamplingND<n>& layer) {
  f.extents("size", layer.size, n);
  f.data_format();
  f.name(layer.name);
}

}  // namespace gradc
