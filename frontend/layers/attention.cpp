#include "gradc/layers/attention.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "frontend/layers/context.h"
#include "gradc/error.h"

namespace gradc {
namespace {

/// What a layer's scores leave out. Values are 1 for what counts and 0 for what does not, or not given, -1.
struct ScoreMask {
  bool causal = false;
  std::int64_t window = 0;         ///< Steps so far apart do not see each other, if not 0.
  ValueId queries = -1;            ///< f32[B,T], and of the steps that queries see:
  ValueId values = -1, keys = -1;  ///< f32[B,S]
  ValueId pairs = -1;              ///< f32[B,T,S]
};

/// 1 where a step of `queries` does not see one of `values` because of the places at which they stand, [queries,values]; or nothing, if
/// each sees all.
std::optional<Symbol> hidden_by_place(LayerContext& context, const ScoreMask& mask, std::int64_t queries, std::int64_t values) {
  const bool is_causal = mask.causal && values > 1, is_narrow = mask.window > 0 && mask.window < std::max(queries, values);
  if (!is_causal && !is_narrow) return std::nullopt;
  const auto ahead = place(context, 1, {queries, values}) - place(context, 0, {queries, values});
  if (!is_narrow) return greater(ahead, 0);
  const auto beyond = greater(abs(ahead), static_cast<double>(mask.window - 1));
  return is_causal ? emit(OpKind::max, {greater(ahead, 0), beyond}) : beyond;
}

/// 1 where scores [B,...,queries,values] do not count, or nothing, if all do.
std::optional<Symbol> hidden(LayerContext& context, const ScoreMask& mask, const Type& scores) {
  const auto queries = scores.dims.end()[-2], values = scores.dims.back();
  auto result = hidden_by_place(context, mask, queries, values);
  auto add = [&](ValueId given, std::int64_t rows, std::int64_t columns) {
    if (given < 0) return;
    Ints dims(scores.dims.size(), 1);
    dims[0] = kBatch;
    dims.end()[-2] = rows;
    dims.back() = columns;
    const auto shaped = reshape(context.symbol(given), dims);
    const auto off = emit(OpKind::equal, {shaped, constant(shaped, 0)});
    result = result ? emit(OpKind::max, {*result, off}) : off;
  };
  add(mask.queries, queries, 1);
  add(mask.values, 1, values);
  add(mask.keys, 1, values);
  add(mask.pairs, queries, values);
  return result;
}

constexpr double kHidden = 1e9;  ///< What is hidden has a score so far below others that its share is 0.

/// The shares of values for each query: their scores' softmax.
Symbol shares_of(Symbol scores) { return emit(OpKind::softmax, {scores}, {}, "shares"); }

/// What is left of shares in training.
Symbol kept_shares(LayerContext& context, Symbol shares, double dropout) {
  return context.symbol(dropped(context, "dropout", dropout, shares.id, type_of(shares).dims));
}

/// a · b, or a · b' where `transposed`.
Symbol product(Symbol a, Symbol b, bool transposed, const char* hint) {
  Attributes attributes;
  if (transposed) attributes.set("transpose_b", std::int64_t{1});
  return emit(OpKind::matmul, {a, b}, attributes, hint);
}

/// The query, the value and the key of a layer that takes a list of them.
struct Sequences {
  Symbol query, value, key;
  std::int64_t steps, values;
  ValueId query_mask = -1, value_mask = -1;

  explicit Sequences(LayerContext& context) {
    const auto count = context.inputs.size();
    if (count < 2 || count > 3) throw Error("takes two or three inputs, the query, the value and the key, got {}", count);
    for (std::size_t i = 0; i < count; ++i)
      if (const auto type = context.input_type(static_cast<int>(i)); type.rank() != 3)
        throw Error("takes sequences of rank 2 (steps×features), got an input of shape {}", shape_string(type.image_dims()));
    query = context.symbol(context.inputs[0]);
    value = context.symbol(context.inputs[1]);
    key = context.symbol(context.inputs.back());
    steps = type_of(query).dims[1];
    values = type_of(value).dims[1];
    if (!context.masks.empty()) {
      query_mask = context.masks[0];
      value_mask = context.masks[1];
    }
    if (type_of(key).dims[1] != values) throw Error("takes as many keys as values, got {} and {}", type_of(key).dims[1], values);
    if (type_of(key).dims[2] != type_of(query).dims[2])
      throw Error("compares queries with keys: both have as many features, got {} and {}", type_of(query).dims[2], type_of(key).dims[2]);
  }

  /// tanh(query + key) of each pair, with a factor before, [B,steps,values,features].
  Symbol pairs(std::optional<Symbol> factor) const {
    const auto features = type_of(query).dims[2];
    auto sums = reshape(query, {kBatch, steps, 1, features}) + reshape(key, {kBatch, 1, values, features});
    return tanh(factor ? sums * *factor : sums);
  }

  /// The values' mean for each query.
  template <class L>
  ValueId mean(LayerContext& context, Symbol scores, const L& layer) const {
    if (auto off = hidden(context, {.causal = layer.use_causal_mask, .values = value_mask}, type_of(scores)))
      scores = scores - *off * kHidden;
    const auto shares = kept_shares(context, shares_of(scores), layer.dropout);
    if (layer.return_attention_scores) context.more_results = {shares.id};
    auto y = product(shares, value, false, "mean");
    if (query_mask >= 0) y = select(reshape(context.symbol(query_mask), {kBatch, steps, 1}), y, constant(y, 0));
    context.mask = query_mask;
    return y.id;
  }
};

/// The query, the value, the key and the mask of pairs of a layer that takes them as arguments.
struct Arguments {
  ValueId query = -1, value = -1, key = -1, attention_mask = -1;
  ValueId query_mask = -1, value_mask = -1, key_mask = -1;  ///< Of the inputs' steps.

  explicit Arguments(const LayerContext& context) {
    const std::pair<const char*, ValueId*> all[] = {
        {"query", &query}, {"value", &value}, {"key", &key}, {"attention_mask", &attention_mask}};
    std::size_t place = 0;
    for (std::size_t i = 0; i < context.inputs.size(); ++i) {
      const auto& name = i < context.arguments.size() ? context.arguments[i] : "";
      const auto* found = name.empty() ? (place < 3 ? all + place++ : std::end(all))
                                       : std::find_if(std::begin(all), std::end(all), [&](const auto& each) { return name == each.first; });
      if (found == std::end(all) && name.empty()) throw Error("takes a query, a value and a key, got {} inputs", context.inputs.size());
      if (found == std::end(all))
        throw Error("is called with \"{}\", which gradc does not have; a query, a value, a key and an attention_mask are known", name);
      if (*found->second >= 0) throw Error("is called with two inputs as \"{}\"", found->first);
      *found->second = context.inputs[i];
      ValueId* masks[] = {&query_mask, &value_mask, &key_mask};
      if (const auto at = found - all; at < 3 && !context.masks.empty()) *masks[at] = context.masks[i];
    }
    if (query < 0 || value < 0)
      throw Error("takes a query and a value, got {} input{}", context.inputs.size(), context.inputs.size() == 1 ? "" : "s");
    if (key < 0) key = value;
  }
};

std::int64_t product_of(const Ints& dims) { return std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>()); }

Ints joined(Ints dims, const Ints& more) {
  dims.insert(dims.end(), more.begin(), more.end());
  return dims;
}

/// x · kernel + bias: the last `bound` dimensions of x are summed over, and `made` take their place.
template <class L>
Symbol projected(LayerContext& context, Symbol x, std::size_t bound, const Ints& made, const std::string& name, const L& layer) {
  const auto dims = type_of(x).dims;
  const Ints free(dims.begin(), dims.end() - static_cast<std::ptrdiff_t>(bound)),
      summed(dims.end() - static_cast<std::ptrdiff_t>(bound), dims.end());
  const auto inputs = product_of(summed), outputs = product_of(made);
  const auto kernel = context.symbol(
      context.weight(name + "/kernel", joined(summed, made), layer.kernel_initializer, layer.kernel_regularizer, layer.kernel_constraint));
  context.draw_by_fans(name + "/kernel", inputs, outputs);
  auto y = emit(OpKind::dense, {reshape(x, joined(free, {inputs})), reshape(kernel, {inputs, outputs})}, {}, name);
  if (layer.use_bias) {
    const auto bias = context.weight(name + "/bias", made, layer.bias_initializer, layer.bias_regularizer, layer.bias_constraint);
    y = y + reshape(context.symbol(bias), {outputs});
  }
  return reshape(y, joined(free, made));
}

/// The dimensions of a value [B,d...,heads,features], of which those to attend along, `axes`, stand together behind the heads.
class Heads {
 public:
  /// `rank`: of the value, the batch included.
  Heads(int rank, const Ints& axes) : axes_(axes) {
    permutation_ = {0};
    for (std::int64_t axis = 1; axis + 2 < rank; ++axis)
      if (std::find(axes.begin(), axes.end(), axis) == axes.end()) permutation_.push_back(axis);
    apart_ = permutation_.size();
    permutation_.push_back(rank - 2);
    permutation_.insert(permutation_.end(), axes.begin(), axes.end());
    permutation_.push_back(rank - 1);
  }

  /// [B,...,heads,steps,features]
  Symbol gathered(Symbol x) const {
    const auto y = emit(OpKind::transpose, {x}, {{"permutation", permutation_}}, "heads");
    const auto& dims = type_of(y).dims;
    const auto from = dims.begin() + static_cast<std::ptrdiff_t>(apart_) + 1;
    return reshape(y, joined(Ints(dims.begin(), from), {product_of(Ints(from, dims.end() - 1)), dims.back()}));
  }

  /// Such a value as [B,d...,heads,features] again, with the dimensions of `like`.
  Symbol scattered(Symbol x, const Type& like) const {
    const auto& dims = type_of(x).dims;
    Ints apart(dims.begin(), dims.end() - 2), back(permutation_.size());
    for (auto axis : axes_) apart.push_back(like.dims[axis]);
    apart.push_back(dims.back());
    for (std::size_t i = 0; i < back.size(); ++i) back[permutation_[i]] = static_cast<std::int64_t>(i);
    return emit(OpKind::transpose, {reshape(x, apart)}, {{"permutation", back}}, "joined_heads");
  }

  /// The dimensions of a value that are none of the axes, without its heads and features.
  Ints others(const Type& type) const {
    Ints dims;
    for (std::size_t i = 1; i < apart_; ++i) dims.push_back(type.dims[permutation_[i]]);
    return dims;
  }

 private:
  Ints axes_, permutation_;
  std::size_t apart_;  ///< Where the heads stand.
};

/// The axes that a layer attends along, counted with the batch.
Ints axes_of(LayerContext& context, const Dims& given, int rank) {
  Ints axes;
  for (auto axis : given) axes.push_back(axis < 0 ? axis + rank : axis);
  if (given.empty())
    for (std::int64_t axis = 1; axis + 1 < rank; ++axis) axes.push_back(axis);
  auto sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  if (sorted.front() < 1 || sorted.back() >= rank - 1 || std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    throw Error("\"attention_axes\" is {}, expected axes from 1 to {} of an input of rank {}, each once",
                context.config.find("attention_axes").dump(), rank - 2, rank - 1);
  return axes;
}

/// How many heads there are, and what they make.
struct HeadSizes {
  std::int64_t of_query, of_key, features, value_features;
};

template <class L>
ValueId attend(LayerContext& context, const L& layer, const HeadSizes& heads, const Dims& attention_axes, Ints output_shape) {
  const Arguments given(context);
  const auto query_type = context.b.type(given.query), value_type = context.b.type(given.value), key_type = context.b.type(given.key);
  const auto rank = query_type.rank();
  if (rank < 3 || value_type.rank() != rank || key_type.rank() != rank)
    throw Error("takes sequences (steps×features) as query, value and key, got {}, {} and {}", shape_string(query_type.image_dims()),
                shape_string(value_type.image_dims()), shape_string(key_type.image_dims()));
  if (!std::equal(value_type.dims.begin(), value_type.dims.end() - 1, key_type.dims.begin()))
    throw Error("takes as many keys as values, got {} and {}", shape_string(key_type.image_dims()), shape_string(value_type.image_dims()));
  const auto axes = axes_of(context, attention_axes, rank);
  const Heads dimensions(rank + 1, axes);
  if (dimensions.others(query_type) != dimensions.others(value_type))
    throw Error("attends along some dimensions; the others of query and value are the same, got {} and {}",
                shape_string(query_type.image_dims()), shape_string(value_type.image_dims()));
  ScoreMask mask{.causal = layer.use_causal_mask,
                 .window = layer.sliding_window,
                 .queries = given.query_mask,
                 .values = given.value_mask,
                 .keys = given.key_mask,
                 .pairs = given.attention_mask};
  if ((mask.causal || mask.window > 0 || mask.queries >= 0 || mask.values >= 0 || mask.keys >= 0 || mask.pairs >= 0) && rank != 3)
    throw Error("takes masks only of sequences (steps×features), got a query of shape {}", shape_string(query_type.image_dims()));
  // Keras has their wrong shape in models of others.
  if (layer.return_attention_scores && rank != 3)
    throw Error("returns the attention scores only of sequences (steps×features), got a query of shape {}",
                shape_string(query_type.image_dims()));
  if (mask.pairs >= 0) {
    const auto type = context.b.type(mask.pairs);
    if (type.dims != Ints{kBatch, query_type.dims[1], value_type.dims[1]})
      throw Error("\"attention_mask\" is of shape {}, expected {}×{}, a number for each query and value", shape_string(type.image_dims()),
                  query_type.dims[1], value_type.dims[1]);
  }

  const auto activity = context.config.regularizer("activity_regularizer");
  auto project = [&](ValueId x, std::int64_t count, std::int64_t features, const char* name) {
    return projected(context, context.symbol(x), 1, {count, features}, name, layer);
  };
  auto penalized = [&](Symbol y) {
    context.penalize(activity, y.id);
    return y;
  };
  const auto query = penalized(project(given.query, heads.of_query, heads.features, "query"));
  const auto key = penalized(project(given.key, heads.of_key, heads.features, "key"));
  std::optional<Symbol> gate;
  if (layer.use_gate) gate = penalized(sigmoid(project(given.query, heads.of_query, heads.value_features, "gate")));
  const auto value = penalized(project(given.value, heads.of_key, heads.value_features, "value"));

  // Heads that share a key and a value follow each other, and are to those as one with the steps of all.
  const auto q = dimensions.gathered(query), k = dimensions.gathered(key), v = dimensions.gathered(value);
  const auto of_query = type_of(q).dims;
  auto grouped = [&](Symbol x) {
    auto dims = type_of(x).dims;
    dims.end()[-3] = heads.of_key;
    dims.end()[-2] *= heads.of_query / heads.of_key;
    return reshape(x, dims);
  };
  auto apart = [&](Symbol x) {
    auto dims = of_query;
    dims.back() = type_of(x).dims.back();
    return reshape(x, dims);
  };
  auto scores = apart(product(grouped(q), k, true, "scores") * (1 / std::sqrt(static_cast<double>(heads.features))));
  if (auto off = hidden(context, mask, type_of(scores))) scores = select(*off, constant(scores, -kHidden), scores);
  const auto shares = shares_of(scores);
  if (layer.return_attention_scores) context.more_results = {shares.id};
  auto y = dimensions.scattered(apart(product(grouped(kept_shares(context, shares, layer.dropout)), v, false, "means")), query_type);
  if (gate) y = y * *gate;
  if (output_shape.empty()) output_shape = {query_type.dims.back()};
  return projected(context, y, 2, output_shape, "attention_output", layer).id;
}

}  // namespace

ValueId lower(LayerContext& context, const Attention& layer) {
  const Sequences given(context);
  std::optional<Symbol> scale;
  if (layer.use_scale) scale = context.symbol(context.weight("scale", {}, Ones{}));
  if (layer.score_mode == "concat") {
    const auto weight = context.symbol(context.weight("concat_score_weight", {}, Ones{}));
    return given.mean(context, sum_of_last(given.pairs(scale)) * weight, layer);
  }
  auto scores = product(given.query, given.key, true, "scores");
  return given.mean(context, scale ? scores * *scale : scores, layer);
}

ValueId lower(LayerContext& context, const AdditiveAttention& layer) {
  const Sequences given(context);
  auto pairs = given.pairs(std::nullopt);
  if (layer.use_scale) pairs = pairs * context.symbol(context.weight("scale", {type_of(given.query).dims[2]}, "glorotUniform"));
  return given.mean(context, sum_of_last(pairs), layer);
}

ValueId lower(LayerContext& context, const MultiHeadAttention& layer) {
  const auto value_dim = layer.value_dim > 0 ? layer.value_dim : layer.key_dim;
  return attend(context, layer, {layer.num_heads, layer.num_heads, layer.key_dim, value_dim}, layer.attention_axes, layer.output_shape);
}

ValueId lower(LayerContext& context, const GroupedQueryAttention& layer) {
  if (layer.num_query_heads % layer.num_key_value_heads != 0)
    throw Error("\"num_query_heads\" is {}, expected a multiple of \"num_key_value_heads\", {}", layer.num_query_heads,
                layer.num_key_value_heads);
  context.expect_rank(3, "sequences of rank 2 (steps×features)");
  return attend(context, layer, {layer.num_query_heads, layer.num_key_value_heads, layer.head_dim, layer.head_dim}, {}, {});
}

}  // namespace gradc
