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
