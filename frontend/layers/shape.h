#pragma once
/// Layers that only move elements: inputs, other shapes, borders, repetitions.

#include "frontend/layers/basics.h"

namespace gradc {

struct InputLayer {
  Dims input_shape = {};
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

struct ZeroPadding2D {
  Dims padding = {1, 1};  ///< Rows and columns, or top, bottom, left, right.
  std::string name = {};
};

struct Cropping2D {
  Dims cropping = {0, 0};  ///< Rows and columns, or top, bottom, left, right.
  std::string name = {};
};

template <class Fields>
void describe(Fields& f, InputLayer& layer) {
  f.input_shape(layer.input_shape);
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

template <class Fields>
void describe(Fields& f, ZeroPadding2D& layer) {
  f.sides("padding", layer.padding);
  f.data_format();
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, Cropping2D& layer) {
  f.sides("cropping", layer.cropping);
  f.data_format();
  f.name(layer.name);
}

}  // namespace gradc
