#include "gradc/layers/embedding.h"

#include "frontend/layers/context.h"
#include "gradc/error.h"

namespace gradc {

ValueId lower(LayerContext& context, const Embedding& layer) {
  const auto dims = context.input_type().image_dims();
  if (!layer.input_length.empty() && layer.input_length != dims)
    throw Error("\"input_length\" is {}, but its input has shape {}", context.config.find("input_length").dump(), shape_string(dims));
  const std::vector<std::int64_t> shape = {layer.input_dim, layer.output_dim};
  auto table = context.weight("embeddings", shape, layer.embeddings_initializer, layer.embeddings_regularizer, layer.embeddings_constraint,
                              !layer.lora);
  if (layer.mask_zero) context.mask = (1 - equal(context.symbol(context.input()), 0)).id;
  auto y = context.emit(OpKind::gather, {table, context.input()}, {}, "embedded");
  if (!layer.lora) return y;
  // The rows of a product are those of its first factor, times the second.
  auto [a, b] = low_rank_weights(context, "embeddings", layer.lora, layer.embeddings_regularizer, shape);
  auto thin = context.emit(OpKind::gather, {a, context.input()}, {}, "lora_a");
  return adapted(context, layer.lora, y, context.emit(OpKind::dense, {thin, b}, {}, "lora_b"));
}

ValueId lower(LayerContext& context, const ReversibleEmbedding& layer) {
  auto table = context.weight("embeddings", {layer.input_dim, layer.output_dim}, layer.embeddings_initializer, layer.embeddings_regularizer,
                              layer.embeddings_constraint);
  ValueId back = -1;
  if (!layer.tie_weights) back = context.weight("reverse_embeddings", {layer.output_dim, layer.input_dim}, layer.embeddings_initializer);
  if (!layer.reverse) {
    if (layer.mask_zero) context.mask = (1 - equal(context.symbol(context.input()), 0)).id;
    return context.emit(OpKind::gather, {table, context.input()}, {}, "embedded");
  }
  if (const auto type = context.input_type(); type.rank() < 2 || type.dims.back() != layer.output_dim)
    throw Error("is called with \"reverse\", which takes vectors of \"output_dim\", {}, numbers; got an input of shape {}",
                layer.output_dim, shape_string(type.image_dims()));
  if (layer.tie_weights) back = context.emit(OpKind::transpose, {table}, {{"permutation", Ints{1, 0}}}, "columns");
  const auto logits = context.symbol(context.emit(OpKind::dense, {context.input(), back}, {}, "logits"));
  if (!layer.logit_soft_cap) return logits.id;
  return (tanh(logits * (1 / *layer.logit_soft_cap)) * *layer.logit_soft_cap).id;
}

}  // namespace gradc
