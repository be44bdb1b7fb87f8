#include "gradc/layers/preprocessing.h"

#include "frontend/layers/context.h"
#include "gradc/error.h"

namespace gradc {

ValueId lower(LayerContext& context, const CenterCrop& layer) {
  context.expect_images(2);
  auto size = context.input_type().dims;
  if (size[1] < layer.height || size[2] < layer.width)
    throw Error("cuts images of at least {}×{}, got {}×{}: smaller ones would have to be resized", layer.height, layer.width, size[1],
                size[2]);
  const Ints begin = {0, (size[1] - layer.height) / 2, (size[2] - layer.width) / 2, 0};
  size[1] = layer.height;
  size[2] = layer.width;
  return context.emit(OpKind::slice, {context.input()}, {{"begin", begin}, {"size", size}}, "middle");
}

ValueId lower(LayerContext& context, const CategoryEncoding& layer) {
  auto x = truncated(context.symbol(context.input()));
  if (layer.output_mode == "one_hot") {
    auto dims = type_of(x).dims;
    if (dims.size() > 1 && dims.back() == 1) {
      dims.pop_back();
      x = reshape(x, dims);
    }
    return one_hot(x, layer.num_tokens).id;
  }
  if (type_of(x).rank() == 1) x = reshape(x, {kBatch, 1});
  const auto count = sum(one_hot(x, layer.num_tokens), {type_of(x).rank() - 1});
  return (layer.output_mode == "count" ? count : min(count, 1)).id;
}

}  // namespace gradc
