#pragma once
/// Layers that make of data as people have them what others take.

#include "gradc/layers/basics.h"

namespace gradc {

/// The middle height×width pixels of images that are as large at least; of an odd border the smaller part is before.
struct CenterCrop {
  std::int64_t height = 0, width = 0;
  Dims input_shape = {};
  std::string name = {};
};

/// Class numbers from 0 to num_tokens - 1 as vectors: of each number one that is 1 there ("one_hot"), of the numbers along the last
/// dimension one that is 1 at each of them ("multi_hot") or has how many there are ("count"). Other numbers count nowhere.
struct CategoryEncoding {
  std::int64_t num_tokens = 0;
  std::string output_mode = "multi_hot";
  Dims input_shape = {};
  std::string name = {};
};

/// In which bin a number is, by how many of the rising boundaries are not above it: as a number ("int"), or as CategoryEncoding has it;
/// "multi_hot" and "count" of the numbers along the first dimension.
struct Discretization {
  NumberArray bin_boundaries = {};
  std::string output_mode = "int";
  Dims input_shape = {};
  std::string name = {};
};

/// Images of height×width, made of larger or smaller ones. With an aspect ratio to keep, what is cut or padded is half before and half
/// after. Which pixels a kernel sees where images become smaller grows with `antialias`. In tf.js the outermost pixels stay where they are,
/// and with `crop_to_aspect_ratio` the first ones do.
struct Resizing {
  std::int64_t height = 0, width = 0;
  std::string interpolation = "bilinear";
  bool crop_to_aspect_ratio = false, pad_to_aspect_ratio = false;
  double fill_value = 0;
  bool antialias = false;
  Dims input_shape = {};
  std::string name = {};
};

template <class Fields>
void describe(Fields& f, Discretization& layer) {
  f.array("bin_boundaries", layer.bin_boundaries);
  f.choice("output_mode", layer.output_mode, {"int", "one_hot", "multi_hot", "count"});
  f.unused("num_bins");
  f.unused("epsilon");
  f.input_shape(layer.input_shape);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, Resizing& layer) {
  f.integer("height", layer.height, 1);
  f.integer("width", layer.width, 1);
  f.choice("interpolation", layer.interpolation, {"nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"});
  f.boolean("crop_to_aspect_ratio", layer.crop_to_aspect_ratio);
  f.boolean("pad_to_aspect_ratio", layer.pad_to_aspect_ratio, Written::unless_default);
  std::string fill_mode = "constant";
  f.choice("fill_mode", fill_mode, {"constant"}, Written::unless_default);
  f.number("fill_value", layer.fill_value, Written::unless_default);
  f.boolean("antialias", layer.antialias, Written::unless_default);
  f.data_format();
  f.input_shape(layer.input_shape);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, CenterCrop& layer) {
  f.integer("height", layer.height, 1);
  f.integer("width", layer.width, 1);
  f.data_format();
  f.input_shape(layer.input_shape);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, CategoryEncoding& layer) {
  f.integer("num_tokens", layer.num_tokens, 1);
  f.choice("output_mode", layer.output_mode, {"multi_hot", "one_hot", "count"});
  f.input_shape(layer.input_shape);
  f.name(layer.name);
}

}  // namespace gradc
