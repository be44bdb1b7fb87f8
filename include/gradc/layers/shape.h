#pragma once
/// Layers that only move elements: inputs, other shapes, borders, repetitions.

#include "gradc/layers/basics.h"

namespace gradc {

struct InputLayer {
  Dims input_shape = {};
  std::int64_t batch_size = 0;  ///< Of all batches, which layers that are `stateful` need to know; 0: any.
  std::string name = {};
};

struct Flatten {
  std::string name = {};
  Dims input_shape = {};
};

struct Reshape {
  Dims target_shape = {};  ///< One dimension may be -1: what remains.
  std::string name = {};
  Dims input_shape = {};
};

/// Dimension i of the output is dimension dims[i] of the input, counted from 1 without the batch.
struct Permute {
  Dims dims = {};
  std::string name = {};
  Dims input_shape = {};
};

/// Vectors [features] made rows [n, features] that are all alike.
struct RepeatVector {
  std::int64_t n = 0;
  std::string name = {};
  Dims input_shape = {};
};

template <int n>
struct ZeroPaddingND {
  static constexpr int spatial = n;
  Dims padding = Dims(n, 1);  ///< For each spatial dimension a number, or two: before and after it.
  std::string name = {};
};
using ZeroPadding1D = ZeroPaddingND<1>;
using ZeroPadding2D = ZeroPaddingND<2>;
using ZeroPadding3D = ZeroPaddingND<3>;

template <int n>
struct CroppingND {
  static constexpr int spatial = n;
  Dims cropping = Dims(n, n == 2 ? 0 : 1);  ///< For each spatial dimension a number, or two: before and after it.
  std::string name = {};
};
using Cropping1D = CroppingND<1>;
using Cropping2D = CroppingND<2>;
using Cropping3D = CroppingND<3>;

template <class Fields>
void describe(Fields& f, InputLayer& layer) {
  f.input_shape(layer.input_shape, layer.batch_size);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, Flatten& layer) {
  f.input_shape(layer.input_shape);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, Reshape& layer) {
  f.shape("target_shape", layer.target_shape);
  f.input_shape(layer.input_shape);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, Permute& layer) {
  f.numbers("dims", layer.dims, 1);
  f.input_shape(layer.input_shape);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, RepeatVector& layer) {
  f.integer("n", layer.n, 1);
  f.input_shape(layer.input_shape);
  f.name(layer.name);
}

template <class Fields, int n>
void describe(Fields& f, ZeroPaddingND<n>& layer) {
  f.sides("padding", layer.padding, n);
  f.data_format();
  f.name(layer.name);
}

template <class Fields, int n>
void describe(Fields& f, CroppingND<n>& layer) {
  f.sides("cropping", layer.cropping, n);
  f.data_format();
  f.name(layer.name);
}

}  // namespace gradc
