#include "frontend/layers/conv2d.h"

#include "frontend/layers/context.h"
#include "support/error.h"

namespace gradc {

namespace {

/// How a kernel moves over images.
struct Sliding {
  Ints size, strides, dilation;
  std::string padding;
};

template <class Convolution>
Sliding sliding_of(LayerContext& context, const Convolution& layer) {
  context.expect_images();
  return {layer.kernel_size, layer.strides, layer.dilation_rate, layer.padding};
}

/// At each pixel by itself.
Sliding pixel_by_pixel() { return {{1, 1}, {1, 1}, {1, 1}, "valid"}; }

/// Convolves x with a kernel [KH,KW,C/groups,F].
ValueId convolve(LayerContext& context, const Sliding& sliding, ValueId x, ValueId kernel, std::int64_t groups) {
  const auto& type = context.b.type(x);
  auto padding = window_padding(sliding.padding, {type.dims[1], type.dims[2]}, sliding.size, sliding.strides, sliding.dilation);
  Attributes attributes = {{"strides", sliding.strides}, {"padding", padding}, {"dilation", sliding.dilation}};
  if (groups > 1) attributes.set("groups", groups);
  return context.emit(OpKind::conv2d, {x, kernel}, std::move(attributes), "conv");
}

/// The convolution with the product of the weights beside the kernel: with the first as kernel, and then at each pixel with the second. All
/// groups of filters have the same `a`.
ValueId convolve_low_rank(LayerContext& context, const Sliding& sliding, ValueId a, ValueId b, std::int64_t groups) {
  auto thin = context.b.type(b).dims;
  if (groups > 1) a = context.emit(OpKind::concat, std::vector<ValueId>(groups, a), {{"axis", std::int64_t{3}}}, "lora_kernel_a/grouped");
  b = context.emit(OpKind::reshape, {b}, {{"dims", Ints{1, 1, thin[0], thin[1]}}}, "lora_kernel_b/pixel");
  return convolve(context, pixel_by_pixel(), convolve(context, sliding, context.input(), a, groups), b, groups);
}

/// The convolution of each channel alone with `depth_multiplier` kernels of its own.
template <class Convolution>
ValueId convolve_depthwise(LayerContext& context, const Convolution& layer) {
  const auto sliding = sliding_of(context, layer);
  const auto channels = context.input_type().dims[3], rows = sliding.size[0], columns = sliding.size[1];
  auto kernel = context.weight("depthwise_kernel", {rows, columns, channels, layer.depth_multiplier}, layer.depthwise_initializer,
                               layer.depthwise_regularizer);
  // Output channel c * multiplier + m sees input channel c.
  auto grouped = context.emit(OpKind::reshape, {kernel}, {{"dims", Ints{rows, columns, 1, channels * layer.depth_multiplier}}},
                              "depthwise_kernel/grouped");
  return convolve(context, sliding, context.input(), grouped, channels);
}

}  // namespace

ValueId lower(LayerContext& context, const Conv2D& layer) {
  const auto sliding = sliding_of(context, layer);
  const auto channels = context.input_type().dims[3], groups = layer.groups;
  if (channels % groups != 0 || layer.filters % groups != 0)
    throw Error("groups = {} does not divide both its {} input channels and its {} filters", groups, channels, layer.filters);
  const std::vector<std::int64_t> shape = {sliding.size[0], sliding.size[1], channels / groups, layer.filters};
  auto kernel = context.weight("kernel", shape, layer.kernel_initializer, layer.kernel_regularizer, !layer.lora);
  auto y = convolve(context, sliding, context.input(), kernel, groups);
  if (layer.lora) {
    auto [a, b] = low_rank_weights(context, layer, shape);
    y = adapted(context, layer.lora, y, convolve_low_rank(context, sliding, a, b, groups));
  }
  return context.biased_and_activated(y, layer);
}

ValueId lower(LayerContext& context, const DepthwiseConv2D& layer) {
  return context.biased_and_activated(convolve_depthwise(context, layer), layer);
}

ValueId lower(LayerContext& context, const SeparableConv2D& layer) {
  auto y = convolve_depthwise(context, layer);
  auto kernel = context.weight("pointwise_kernel", {1, 1, context.b.type(y).dims[3], layer.filters}, layer.pointwise_initializer,
                               layer.pointwise_regularizer);
  return context.biased_and_activated(convolve(context, pixel_by_pixel(), y, kernel, 1), layer);
}

/// The gradient of a convolution with respect to its input, as a layer: from the output's size down to the input's that convolution goes.
/// With padding "same" the output has stride pixels for each of the input, else those that a window touches; `output_padding` says how many
/// the last stride makes instead.
ValueId lower(LayerContext& context, const Conv2DTranspose& layer) {
  const auto sliding = sliding_of(context, layer);
  auto type = context.input_type();
  const bool same = layer.padding == "same";
  const auto& added = layer.output_padding;
  Ints output, padding;
  for (int axis = 0; axis < 2; ++axis) {
    auto pixels = type.dims[axis + 1], stride = sliding.strides[axis], extent = (sliding.size[axis] - 1) * sliding.dilation[axis] + 1;
    if (!added.empty() && added[axis] >= stride)
      throw Error("\"output_padding\" is {}, expected less than the strides, {}", shape_string(added), shape_string(sliding.strides));
    auto last = same ? stride : std::max(extent, stride);
    if (!added.empty()) last = (same ? extent % 2 : extent) + added[axis];
    output.push_back((pixels - 1) * stride + last);
    if (output.back() < 1) throw Error("has no output pixels: its input is {}×{}", type.dims[1], type.dims[2]);
    auto total = std::max<std::int64_t>(extent - last, 0);
    padding.insert(padding.end(), {total / 2, total - total / 2});
  }
  auto kernel = context.weight("kernel", {sliding.size[0], sliding.size[1], layer.filters, type.dims[3]}, layer.kernel_initializer,
                               layer.kernel_regularizer);
  auto transposed = context.emit(OpKind::transpose, {kernel}, {{"permutation", Ints{0, 1, 3, 2}}}, "kernel/transposed");
  auto y = context.emit(OpKind::conv2d_input_grad, {context.input(), transposed},
                        {{"strides", sliding.strides}, {"padding", padding}, {"dilation", sliding.dilation}, {"input", output}}, "conv");
  return context.biased_and_activated(y, layer);
}

}  // namespace gradc
