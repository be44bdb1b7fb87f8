#include "gradc/layers/pooling.h"

#include "frontend/layers/context.h"
#include "frontend/layers/resampling.h"
#include "ir/window.h"

namespace gradc {
namespace {

template <class Pooling>
ValueId pool(LayerContext& context, const Pooling& layer, OpKind kind) {
  context.expect_images(layer.spatial);
  const auto& strides = layer.strides.empty() ? layer.pool_size : layer.strides;
  auto padding = window_padding(layer.padding, spatial_dims(context.input_type()), layer.pool_size, strides, Ints(layer.spatial, 1));
  auto results = context.b.emit_all(kind, {context.input()}, {{"window", layer.pool_size}, {"strides", strides}, {"padding", padding}},
                                    context.name + "/pool");
  if (results.size() > 1) context.b.graph().rename(results[1], context.name + "/index");
  return results[0];
}

/// One number a channel, as an image of one pixel if that is asked for.
template <class Pooling>
ValueId kept(LayerContext& context, ValueId channels, const Pooling& layer) {
  if (!layer.keepdims) return channels;
  Ints dims(layer.spatial + 2, 1);
  dims.front() = kBatch;
  dims.back() = context.b.type(channels).dims.back();
  return context.emit(OpKind::reshape, {channels}, {{"dims", dims}}, "kept");
}

/// The sum of each channel of x.
ValueId sum_of_pixels(LayerContext& context, ValueId x) {
  Ints axes;
  for (int axis = 1; axis + 1 < context.b.type(x).rank(); ++axis) axes.push_back(axis);
  return context.emit(OpKind::reduce_sum, {x}, {{"axes", axes}, {"keep_dims", std::int64_t{0}}}, "sum");
}

/// The mean over the steps that a mask shows.
template <class Pooling>
ValueId average_seen(LayerContext& context, const Pooling& layer, ValueId mask) {
  auto dims = context.input_type().dims;
  dims.back() = 1;
  const auto x = context.symbol(context.input()), seen = reshape(context.symbol(mask), dims);
  const auto total = sum(select(seen, x, constant(x, 0)), {1});
  return kept(context, (total / sum(seen, {1})).id, layer);
}

template <class Pooling>
ValueId average_all(LayerContext& context, const Pooling& layer) {
  context.expect_images(layer.spatial);
  auto type = context.input_type();
  const auto mask = layer.spatial == 1 ? context.seen_mask() : -1;
  if (mask >= 0) return average_seen(context, layer, mask);
  auto sum = sum_of_pixels(context, context.input());
  const auto pixels = static_cast<double>(type.elements() / type.dims.back());
  auto mean = context.emit(OpKind::mul, {sum, context.b.constant(1.0 / pixels)}, {}, "mean");
  return kept(context, mean, layer);
}

/// The gradient goes to all pixels that are the largest: in tf.js to each of them whole, in Keras in equal parts.
template <class Pooling>
ValueId max_of_all(LayerContext& context, const Pooling& layer) {
  context.expect_images(layer.spatial);
  auto type = context.input_type();
  const auto window = spatial_dims(type);
  const Ints channels = {kBatch, type.dims.back()};
  const auto x = context.input();
  auto pooled = context.b.emit_all(OpKind::max_pool, {context.emit(OpKind::stop_gradient, {x})},
                                   {{"window", window}, {"strides", window}, {"padding", Pairs(window.size())}}, context.name + "/largest");
  context.b.graph().rename(pooled[1], context.name + "/index");
  auto largest = pooled[0];
  if (context.mode != Mode::train) return kept(context, context.emit(OpKind::reshape, {largest}, {{"dims", channels}}, "max"), layer);
  auto is_largest = context.emit(OpKind::equal, {x, largest}, {}, "is_largest");
  auto through = context.emit(OpKind::select, {is_largest, x, context.b.constant(0)}, {}, "through");
  auto sum = sum_of_pixels(context, through);
  if (context.config.dialect().largest_share_gradient)
    sum = context.emit(OpKind::div, {sum, sum_of_pixels(context, is_largest)}, {}, "shared");
  // The sum's gradient, and the largest's value.
  auto value = context.emit(OpKind::reshape, {largest}, {{"dims", channels}});
  auto off = context.emit(OpKind::sub, {value, context.emit(OpKind::stop_gradient, {sum})}, {}, "off");
  return kept(context, context.emit(OpKind::add, {sum, off}, {}, "max"), layer);
}

/// The largest of windows along an axis, which are of two sizes where they do not divide it: those of each are found everywhere, and chosen
/// where they are to begin.
Symbol largest_windows(LayerContext& context, Symbol x, int axis, std::int64_t windows) {
  const auto pixels = type_of(x).dims[axis];
  const auto spatial = static_cast<std::size_t>(type_of(x).rank()) - 2;
  auto pooled = [&](std::int64_t size, std::int64_t stride) {
    Ints window(spatial, 1), strides(spatial, 1);
    window[axis - 1] = size;
    strides[axis - 1] = stride;
    const Attributes attributes = {{"window", window}, {"strides", strides}, {"padding", Pairs(spatial)}};
    return context.b.emit_all(OpKind::max_pool, {x.id}, attributes, context.name + "/largest")[0];
  };
  if (pixels % windows == 0) return context.symbol(pooled(pixels / windows, pixels / windows));
  const auto least = (pixels + windows - 1) / windows;
  bool differ = false;
  std::vector<std::int64_t> begins;
  for (std::int64_t i = 0; i < windows; ++i) {
    const auto begin = i * pixels / windows, end = ((i + 1) * pixels + windows - 1) / windows;
    const bool larger = end - begin > least;
    begins.push_back(larger ? begin + pixels - least + 1 : begin);
    differ = differ || larger;
  }
  std::vector<ValueId> all = {pooled(least, 1)};
  if (differ) all.push_back(pooled(least + 1, 1));
  const auto joined = all.size() == 1 ? all[0] : context.emit(OpKind::concat, all, {{"axis", static_cast<std::int64_t>(axis)}}, "windows");
  return chosen(context, context.symbol(joined), axis, begins);
}

using OfWindows = Symbol (*)(LayerContext& context, Symbol x, int axis, std::int64_t windows);

/// What a function makes of windows along one axis after the other.
template <class Pooling>
ValueId adaptive(LayerContext& context, const Pooling& layer, OfWindows of_windows) {
  context.expect_images(Pooling::spatial);
  auto x = context.symbol(context.input());
  for (int axis = 1; axis <= Pooling::spatial; ++axis) x = of_windows(context, x, axis, layer.output_size[axis - 1]);
  return x.id;
}

}  // namespace

ValueId lower(LayerContext& context, const AdaptiveMaxPooling1D& layer) { return adaptive(context, layer, largest_windows); }
ValueId lower(LayerContext& context, const AdaptiveMaxPooling2D& layer) { return adaptive(context, layer, largest_windows); }
ValueId lower(LayerContext& context, const AdaptiveMaxPooling3D& layer) { return adaptive(context, layer, largest_windows); }
ValueId lower(LayerContext& context, const AdaptiveAveragePooling1D& layer) { return adaptive(context, layer, means_of_windows); }
ValueId lower(LayerContext& context, const AdaptiveAveragePooling2D& layer) { return adaptive(context, layer, means_of_windows); }
ValueId lower(LayerContext& context, const AdaptiveAveragePooling3D& layer) { return adaptive(context, layer, means_of_windows); }
ValueId lower(LayerContext& context, const MaxPooling1D& layer) { return pool(context, layer, OpKind::max_pool); }
ValueId lower(LayerContext& context, const MaxPooling2D& layer) { return pool(context, layer, OpKind::max_pool); }
ValueId lower(LayerContext& context, const MaxPooling3D& layer) { return pool(context, layer, OpKind::max_pool); }
ValueId lower(LayerContext& context, const AveragePooling1D& layer) { return pool(context, layer, OpKind::avg_pool); }
ValueId lower(LayerContext& context, const AveragePooling2D& layer) { return pool(context, layer, OpKind::avg_pool); }
ValueId lower(LayerContext& context, const AveragePooling3D& layer) { return pool(context, layer, OpKind::avg_pool); }
ValueId lower(LayerContext& context, const GlobalAveragePooling1D& layer) { return average_all(context, layer); }
ValueId lower(LayerContext& context, const GlobalAveragePooling2D& layer) { return average_all(context, layer); }
ValueId lower(LayerContext& context, const GlobalAveragePooling3D& layer) { return average_all(context, layer); }
ValueId lower(LayerContext& context, const GlobalMaxPooling1D& layer) { return max_of_all(context, layer); }
ValueId lower(LayerContext& context, const GlobalMaxPooling2D& layer) { return max_of_all(context, layer); }
ValueId lower(LayerContext& context, const GlobalMaxPooling3D& layer) { return max_of_all(context, layer); }

}  // namespace gradc
