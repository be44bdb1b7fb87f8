#pragma once
/// Layers in which each step of a sequence, the query, takes what it needs of the steps of another, the value: a mean by shares that follow
/// from how well the query's step fits the key of each. Inputs are the query, [steps, features], the value, and, unless it is the value
/// too, the key. With `use_causal_mask` a step sees none behind it; with `return_attention_scores` the shares are a second output.

#include "gradc/layers/basics.h"

namespace gradc {

/// Shares by query · key, or by the sum of tanh(query + key) over features.
struct Attention {
  bool use_scale = false;
  std::string score_mode = "dot";
  double dropout = 0;  ///< Of the shares.
  bool use_causal_mask = false;
  bool return_attention_scores = false;
  std::string name = {};
};

/// Shares by the sum of tanh(query + key) over features, each with a weight of its own if scaled (Bahdanau et al. 2015).
struct AdditiveAttention {
  bool use_scale = true;
  double dropout = 0;
  bool use_causal_mask = false;
  bool return_attention_scores = false;
  std::string name = {};
};

/// Attention of several heads, each with projections of its own of query, value and key, whose results are joined and projected (Vaswani
/// et al. 2017).
struct MultiHeadAttention {
  std::int64_t num_heads = 0, key_dim = 0;
  std::int64_t value_dim = 0;  ///< Of a head; `key_dim` where it is 0.
  double dropout = 0;
  bool use_bias = true;
  bool use_gate = false;            ///< Whether a sigmoid of another projection of the query scales what heads give.
  Dims output_shape = {};           ///< The query's features, unless given.
  Dims attention_axes = {};         ///< Dimensions whose positions see each other: all between the batch and the features, unless given.
  std::int64_t sliding_window = 0;  ///< From how many steps on to either side a step sees none, if not 0.
  Initializer kernel_initializer = "glorotUniform", bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Constraint kernel_constraint = {}, bias_constraint = {};
  bool use_causal_mask = false;
  bool return_attention_scores = false;
  std::string name = {};
};

/// Multi-head attention in which neighbouring heads of the query share one of key and value (Ainslie et al. 2023).
struct GroupedQueryAttention {
  std::int64_t head_dim = 0, num_query_heads = 0, num_key_value_heads = 0;
  double dropout = 0;
  bool use_bias = true, use_gate = false;
  std::int64_t sliding_window = 0;
  Initializer kernel_initializer = "glorotUniform", bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Constraint kernel_constraint = {}, bias_constraint = {};
  bool use_causal_mask = false;
  bool return_attention_scores = false;
  std::string name = {};
};

/// What these layers have in common. Where models are files, the last two are arguments of the call.
template <class Fields, class L>
void describe_shares(Fields& f, L& layer) {
  f.number("dropout", layer.dropout);
  f.boolean("use_causal_mask", layer.use_causal_mask, Written::unless_default);
  f.boolean("return_attention_scores", layer.return_attention_scores, Written::unless_default);
  f.name(layer.name);
}

/// What those with projections have in common.
template <class Fields, class L>
void describe_projections(Fields& f, L& layer) {
  f.weight("kernel", layer.kernel_initializer, layer.kernel_regularizer, layer.kernel_constraint);
  f.boolean("use_bias", layer.use_bias);
  f.weight("bias", layer.bias_initializer, layer.bias_regularizer, layer.bias_constraint);
  f.activity_regularizer(layer.activity_regularizer);
  f.boolean("use_gate", layer.use_gate, Written::unless_default);
  f.integer("sliding_window", layer.sliding_window, 0, Written::unless_default);
  describe_shares(f, layer);
}

template <class Fields>
void describe(Fields& f, Attention& layer) {
  f.boolean("use_scale", layer.use_scale);
  f.choice("score_mode", layer.score_mode, {"dot", "concat"});
  describe_shares(f, layer);
}

template <class Fields>
void describe(Fields& f, AdditiveAttention& layer) {
  f.boolean("use_scale", layer.use_scale);
  describe_shares(f, layer);
}

template <class Fields>
void describe(Fields& f, MultiHeadAttention& layer) {
  f.integer("num_heads", layer.num_heads, 1);
  f.integer("key_dim", layer.key_dim, 1);
  f.integer("value_dim", layer.value_dim, 0, Written::unless_default);
  f.numbers("output_shape", layer.output_shape, 1);
  f.numbers("attention_axes", layer.attention_axes, -16);
  describe_projections(f, layer);
}

template <class Fields>
void describe(Fields& f, GroupedQueryAttention& layer) {
  f.integer("head_dim", layer.head_dim, 1);
  f.integer("num_query_heads", layer.num_query_heads, 1);
  f.integer("num_key_value_heads", layer.num_key_value_heads, 1);
  describe_projections(f, layer);
}

}  // namespace gradc
