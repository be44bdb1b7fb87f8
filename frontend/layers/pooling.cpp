#include "frontend/layers/pooling.h"

#include "frontend/layers/context.h"

namespace gradc {
namespace {

template <class Pooling>
ValueId pool(LayerContext& context, const Pooling& layer, OpKind kind) {
  context.expect_images();
  auto type = context.input_type();
  const auto& strides = layer.strides.empty() ? layer.pool_size : layer.strides;
  auto padding = window_padding(layer.padding, {type.dims[1], type.dims[2]}, layer.pool_size, strides, {1, 1});
  auto results = context.b.emit_all(kind, {context.input()}, {{"window", layer.pool_size}, {"strides", strides}, {"padding", padding}},
                                    context.name + "/pool");
  if (results.size() > 1) context.b.graph().rename(results[1], context.name + "/index");
  return results[0];
}

/// One number a channel, as an image of one pixel if that is asked for.
ValueId kept(LayerContext& context, ValueId channels, bool keepdims) {
  if (!keepdims) return channels;
  return context.emit(OpKind::reshape, {channels}, {{"dims", Ints{kBatch, 1, 1, context.b.type(channels).dims.back()}}}, "kept");
}

/// The sum of each channel of x.
ValueId sum_of_pixels(LayerContext& context, ValueId x) {
  return context.emit(OpKind::reduce_sum, {x}, {{"axes", Ints{1, 2}}, {"keep_dims", std::int64_t{0}}}, "sum");
}

}  // namespace

ValueId lower(LayerContext& context, const MaxPooling2D& layer) { return pool(context, layer, OpKind::max_pool2d); }
ValueId lower(LayerContext& context, const AveragePooling2D& layer) { return pool(context, layer, OpKind::avg_pool2d); }

ValueId lower(LayerContext& context, const GlobalAveragePooling2D& layer) {
  context.expect_images();
  auto type = context.input_type();
  auto sum = sum_of_pixels(context, context.input());
  auto mean = context.emit(OpKind::mul, {sum, context.b.constant(1.0 / static_cast<double>(type.dims[1] * type.dims[2]))}, {}, "mean");
  return kept(context, mean, layer.keepdims);
}

/// The gradient goes to all pixels that are the largest: in tf.js to each of them whole, in Keras in equal parts.
ValueId lower(LayerContext& context, const GlobalMaxPooling2D& layer) {
  context.expect_images();
  auto type = context.input_type();
  const Ints window = {type.dims[1], type.dims[2]}, channels = {kBatch, type.dims[3]};
  const auto x = context.input();
  auto pooled = context.b.emit_all(OpKind::max_pool2d, {context.emit(OpKind::stop_gradient, {x})},
                                   {{"window", window}, {"strides", window}, {"padding", Ints{0, 0, 0, 0}}}, context.name + "/largest");
  context.b.graph().rename(pooled[1], context.name + "/index");
  auto largest = pooled[0];
  if (context.mode != Mode::train)
    return kept(context, context.emit(OpKind::reshape, {largest}, {{"dims", channels}}, "max"), layer.keepdims);
  auto is_largest = context.emit(OpKind::equal, {x, largest}, {}, "is_largest");
  auto through = context.emit(OpKind::select, {is_largest, x, context.b.constant(0)}, {}, "through");
  auto sum = sum_of_pixels(context, through);
  if (context.config.dialect().largest_share_gradient)
    sum = context.emit(OpKind::div, {sum, sum_of_pixels(context, is_largest)}, {}, "shared");
  // The sum's gradient, and the largest's value.
  auto value = context.emit(OpKind::reshape, {largest}, {{"dims", channels}});
  auto off = context.emit(OpKind::sub, {value, context.emit(OpKind::stop_gradient, {sum})}, {}, "off");
  return kept(context, context.emit(OpKind::add, {sum, off}, {}, "max"), layer.keepdims);
}

}  // namespace gradc
