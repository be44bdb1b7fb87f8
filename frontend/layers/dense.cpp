#include "gradc/layers/dense.h"

#include "frontend/layers/context.h"
#include "gradc/error.h"

namespace gradc {

ValueId lower(LayerContext& context, const Dense& layer) {
  auto type = context.input_type();
  if (type.rank() < 2) throw Error("takes vectors, got an input of shape {}", shape_string(type.image_dims()));
  const std::vector<std::int64_t> shape = {type.dims.back(), layer.units};
  auto w = context.weight("kernel", shape, layer.kernel_initializer, layer.kernel_regularizer, layer.kernel_constraint, !layer.lora);
  auto y = context.emit(OpKind::dense, {context.input(), w}, {}, "dense");
  if (layer.lora) {
    auto [a, b] = low_rank_weights(context, layer, shape);
    auto thin = context.emit(OpKind::dense, {context.input(), a}, {}, "lora_a");
    y = adapted(context, layer.lora, y, context.emit(OpKind::dense, {thin, b}, {}, "lora_b"));
  }
  return context.biased_and_activated(y, layer);
}

}  // namespace gradc
