#include "gradc/layers/conv.h"

#include "frontend/layers/context.h"
#include "gradc/error.h"
#include "ir/window.h"

namespace gradc {

namespace {

/// How a kernel moves over images.
struct Sliding {
  Ints size, strides, dilation;
  std::string padding;
};

template <class Convolution>
Sliding sliding_of(LayerContext& context, const Convolution& layer) {
  context.expect_images(layer.spatial);
  return {layer.kernel_size, layer.strides, layer.dilation_rate, layer.padding};
}

/// At each pixel by itself.
Sliding pixel_by_pixel(std::size_t spatial) { return {Ints(spatial, 1), Ints(spatial, 1), Ints(spatial, 1), "valid"}; }

/// The shape of a kernel.
Ints kernel_shape(const Ints& size, std::int64_t in, std::int64_t out) {
  auto shape = size;
  shape.insert(shape.end(), {in, out});
  return shape;
}

/// Convolves x with a kernel [...,C/groups,F].
ValueId convolve(LayerContext& context, const Sliding& sliding, ValueId x, ValueId kernel, std::int64_t groups) {
  auto padding = window_padding(sliding.padding, spatial_dims(context.b.type(x)), sliding.size, sliding.strides, sliding.dilation);
  Attributes attributes = {{"strides", sliding.strides}, {"padding", padding}, {"dilation", sliding.dilation}};
  if (groups > 1) attributes.set("groups", groups);
  return context.emit(OpKind::conv, {x, kernel}, std::move(attributes), "conv");
}

/// The convolution with the product of the weights beside the kernel: with the first as kernel, and then at each pixel with the second. All
/// groups of filters have the same `a`.
ValueId convolve_low_rank(LayerContext& context, const Sliding& sliding, ValueId a, ValueId b, std::int64_t groups) {
  auto thin = context.b.type(b).dims;
  const auto last = static_cast<std::int64_t>(context.b.type(a).rank()) - 1;
  if (groups > 1) a = context.emit(OpKind::concat, std::vector<ValueId>(groups, a), {{"axis", last}}, "lora_kernel_a/grouped");
  const auto pixel = pixel_by_pixel(sliding.size.size());
  b = context.emit(OpKind::reshape, {b}, {{"dims", kernel_shape(pixel.size, thin[0], thin[1])}}, "lora_kernel_b/pixel");
  return convolve(context, pixel, convolve(context, sliding, context.input(), a, groups), b, groups);
}

/// The convolution of each channel alone with `depth_multiplier` kernels of its own.
template <class Convolution>
ValueId convolve_depthwise(LayerContext& context, const Convolution& layer) {
  const auto sliding = sliding_of(context, layer);
  const auto channels = context.input_type().dims.back();
  auto kernel = context.weight("depthwise_kernel", kernel_shape(sliding.size, channels, layer.depth_multiplier),
                               layer.depthwise_initializer, layer.depthwise_regularizer, layer.depthwise_constraint);
  // Output channel c * multiplier + m sees input channel c.
  auto grouped = context.emit(OpKind::reshape, {kernel}, {{"dims", kernel_shape(sliding.size, 1, channels * layer.depth_multiplier)}},
                              "depthwise_kernel/grouped");
  return convolve(context, sliding, context.input(), grouped, channels);
}

template <int n>
ValueId lower_conv(LayerContext& context, const ConvND<n>& layer) {
  const auto sliding = sliding_of(context, layer);
  const auto channels = context.input_type().dims.back(), groups = layer.groups;
  if (channels % groups != 0 || layer.filters % groups != 0)
    throw Error("groups = {} does not divide both its {} input channels and its {} filters", groups, channels, layer.filters);
  const auto shape = kernel_shape(sliding.size, channels / groups, layer.filters);
  auto kernel = context.weight("kernel", shape, layer.kernel_initializer, layer.kernel_regularizer, layer.kernel_constraint, !layer.lora);
  auto y = convolve(context, sliding, context.input(), kernel, groups);
  if (layer.lora) {
    auto [a, b] = low_rank_weights(context, layer, shape);
    y = adapted(context, layer.lora, y, convolve_low_rank(context, sliding, a, b, groups));
  }
  return context.biased_and_activated(y, layer);
}

template <int n>
ValueId lower_separable(LayerContext& context, const SeparableConvND<n>& layer) {
  auto y = convolve_depthwise(context, layer);
  const auto pixel = pixel_by_pixel(n);
  auto kernel = context.weight("pointwise_kernel", kernel_shape(pixel.size, context.b.type(y).dims.back(), layer.filters),
                               layer.pointwise_initializer, layer.pointwise_regularizer, layer.pointwise_constraint);
  return context.biased_and_activated(convolve(context, pixel, y, kernel, 1), layer);
}

/// The gradient of a convolution with respect to its input, as a layer: from the output's size down to the input's that convolution goes.
/// With padding "same" the output has stride pixels for each of the input, else those that a window touches; `output_padding` says how many
/// the last stride makes instead.
template <int n>
ValueId lower_transpose(LayerContext& context, const ConvNDTranspose<n>& layer) {
  const auto sliding = sliding_of(context, layer);
  const auto pixels = spatial_dims(context.input_type());
  const bool same = layer.padding == "same";
  const auto& added = layer.output_padding;
  Ints output;
  Pairs padding;
  for (std::size_t axis = 0; axis < pixels.size(); ++axis) {
    auto stride = sliding.strides[axis], extent = (sliding.size[axis] - 1) * sliding.dilation[axis] + 1;
    if (!added.empty() && added[axis] >= stride)
      throw Error("\"output_padding\" is {}, expected less than the strides, {}", shape_string(added), shape_string(sliding.strides));
    auto last = same ? stride : std::max(extent, stride);
    if (!added.empty()) last = (same ? extent % 2 : extent) + added[axis];
    output.push_back((pixels[axis] - 1) * stride + last);
    if (output.back() < 1) throw Error("has no output pixels: its input is {}", shape_string(pixels));
    auto total = std::max<std::int64_t>(extent - last, 0);
    padding.push_back({total / 2, total - total / 2});
  }
  auto kernel = context.weight("kernel", kernel_shape(sliding.size, layer.filters, context.input_type().dims.back()),
                               layer.kernel_initializer, layer.kernel_regularizer, layer.kernel_constraint);
  auto transposed = context.emit(OpKind::transpose, {kernel}, {{"permutation", channels_exchanged(n + 2)}}, "kernel/transposed");
  auto y = context.emit(OpKind::conv_input_grad, {context.input(), transposed},
                        {{"strides", sliding.strides}, {"padding", padding}, {"dilation", sliding.dilation}, {"input", output}}, "conv");
  return context.biased_and_activated(y, layer);
}

template <class Convolution>
ValueId lower_depthwise(LayerContext& context, const Convolution& layer) {
  return context.biased_and_activated(convolve_depthwise(context, layer), layer);
}

}  // namespace

ValueId lower(LayerContext& context, const Conv1D& layer) { return lower_conv(context, layer); }
ValueId lower(LayerContext& context, const Conv2D& layer) { return lower_conv(context, layer); }
ValueId lower(LayerContext& context, const Conv3D& layer) { return lower_conv(context, layer); }
ValueId lower(LayerContext& context, const DepthwiseConv1D& layer) { return lower_depthwise(context, layer); }
ValueId lower(LayerContext& context, const DepthwiseConv2D& layer) { return lower_depthwise(context, layer); }
ValueId lower(LayerContext& context, const SeparableConv1D& layer) { return lower_separable(context, layer); }
ValueId lower(LayerContext& context, const SeparableConv2D& layer) { return lower_separable(context, layer); }
ValueId lower(LayerContext& context, const Conv1DTranspose& layer) { return lower_transpose(context, layer); }
ValueId lower(LayerContext& context, const Conv2DTranspose& layer) { return lower_transpose(context, layer); }
ValueId lower(LayerContext& context, const Conv3DTranspose& layer) { return lower_transpose(context, layer); }

}  // namespace gradc
