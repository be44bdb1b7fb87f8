#pragma once
#include "frontend/layers/basics.h"

namespace gradc {

/// Images made `size` times as high and wide.
struct UpSampling2D {
  Dims size = {2, 2};
  std::string interpolation = "nearest";  ///< "nearest" or "bilinear"
  std::string name = {};
};

template <class Fields>
void describe(Fields& f, UpSampling2D& layer) {
  f.pair("size", layer.size);
  f.choice("interpolation", layer.interpolation, {"nearest", "bilinear"});
  f.data_format();
  f.name(layer.name);
}

}  // namespace gradc
