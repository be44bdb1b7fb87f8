#pragma once
#include "gradc/layers/basics.h"

namespace gradc {

/// The rows of a table that its input numbers, from 0 to input_dim - 1: vectors of output_dim for each number.
struct Embedding {
  std::int64_t input_dim = 0, output_dim = 0;
  Initializer embeddings_initializer = RandomUniform{};
  Regularizer embeddings_regularizer = {}, activity_regularizer = {};
  Constraint embeddings_constraint = {};
  Dims input_length = {};  ///< The dimensions of the input, where a file says them here too.
  bool mask_zero = false;  ///< Number 0 is no word, but masks its step.
  LowRank lora = {};
  Dims input_shape = {};
  std::string name = {};
};

template <class Fields>
void describe(Fields& f, Embedding& layer) {
  f.integer("input_dim", layer.input_dim, 1);
  f.integer("output_dim", layer.output_dim, 1);
  f.weight("embeddings", layer.embeddings_initializer, layer.embeddings_regularizer, layer.embeddings_constraint);
  f.boolean("mask_zero", layer.mask_zero);
  f.numbers("input_length", layer.input_length, 1);
  describe(f, layer.lora);
  f.activity_regularizer(layer.activity_regularizer);
  f.input_shape(layer.input_shape);
  f.name(layer.name);
}

}  // namespace gradc
