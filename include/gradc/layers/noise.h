#pragma once
/// Layers that change their input at random in training, and give it as it is otherwise.

#include "gradc/layers/basics.h"

namespace gradc {

/// Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate).
struct Dropout {
  double rate = 0;
  std::string name = {};
};

/// Zeroes each channel of an image as a whole with probability `rate`, and scales the others by 1 / (1 - rate).
template <int spatial>
struct SpatialDropoutND {
  double rate = 0;
  std::string name = {};
};

using SpatialDropout1D = SpatialDropoutND<1>;
using SpatialDropout2D = SpatialDropoutND<2>;
using SpatialDropout3D = SpatialDropoutND<3>;

/// Puts elements with probability `rate` to what selu saturates at, and keeps mean and variance of standardized ones (Klambauer et al.
/// 2017).
struct AlphaDropout {
  double rate = 0;
  std::string name = {};
};

/// Multiplies each element with a normal number of mean 1 and variance rate / (1 - rate).
struct GaussianDropout {
  double rate = 0;
  std::string name = {};
};

/// Adds to each element a normal number of this deviation.
struct GaussianNoise {
  double stddev = 0;
  std::string name = {};
};

/// What layers with a rate have in common.
template <class Fields, class L>
void describe_dropout(Fields& f, L& layer) {
  f.number("rate", layer.rate);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, Dropout& layer) {
  f.only("noise_shape", "remove it: each element is dropped by itself");
  describe_dropout(f, layer);
}

template <class Fields, int spatial>
void describe(Fields& f, SpatialDropoutND<spatial>& layer) {
  if (spatial > 1) f.data_format();
  f.only("noise_shape", "remove it: each channel is dropped by itself");
  describe_dropout(f, layer);
}

template <class Fields>
void describe(Fields& f, AlphaDropout& layer) {
  f.only("noise_shape", "remove it: each element is dropped by itself");
  describe_dropout(f, layer);
}

template <class Fields>
void describe(Fields& f, GaussianDropout& layer) {
  describe_dropout(f, layer);
}

template <class Fields>
void describe(Fields& f, GaussianNoise& layer) {
  f.number("stddev", layer.stddev);
  f.name(layer.name);
}

}  // namespace gradc
