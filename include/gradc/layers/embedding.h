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

/// An Embedding whose call with `reverse = true` is the way back: of each vector its product with every row of the table.
struct ReversibleEmbedding {
  std::int64_t input_dim = 0, output_dim = 0;
  bool tie_weights = true;                    ///< Else the way back has a matrix of its own.
  std::optional<double> logit_soft_cap = {};  ///< Bounds what the way back gives: tanh(x / cap) * cap.
  Initializer embeddings_initializer = RandomUniform{};
  Regularizer embeddings_regularizer = {}, activity_regularizer = {};
  Constraint embeddings_constraint = {};
  bool mask_zero = false;
  bool reverse = false;  ///< An argument of the call, where models are files.
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

template <class Fields>
void describe(Fields& f, ReversibleEmbedding& layer) {
  f.integer("input_dim", layer.input_dim, 1);
  f.integer("output_dim", layer.output_dim, 1);
  f.boolean("tie_weights", layer.tie_weights);
  f.number("logit_soft_cap", layer.logit_soft_cap);
  f.weight("embeddings", layer.embeddings_initializer, layer.embeddings_regularizer, layer.embeddings_constraint);
  f.boolean("mask_zero", layer.mask_zero);
  f.boolean("reverse", layer.reverse, Written::unless_default);
  f.only("reverse_dtype", "gradc computes in float32: save the model without it");
  f.activity_regularizer(layer.activity_regularizer);
  f.input_shape(layer.input_shape);
  f.name(layer.name);
}

}  // namespace gradc
