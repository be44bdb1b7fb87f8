// Convolutions: Conv2D, also grouped and dilated, Conv2DTranspose, DepthwiseConv2D and SeparableConv2D.
#include "frontend/layers/context.h"
#include "frontend/names.h"
#include "support/error.h"

namespace gradc {

namespace {

/// What the config of every convolution says.
struct Window {
  Ints size, strides, dilation = {1, 1};
};

Window window_of(LayerContext& layer) {
  layer.expect_rank(4, "images of rank 3 (height×width×channels)");
  return {layer.config.pair("kernel_size", {}), layer.config.pair("strides", {1, 1}), layer.config.pair("dilation_rate", {1, 1})};
}

/// Convolves x with a kernel [KH,KW,C/groups,F].
ValueId convolve(LayerContext& layer, const Window& window, ValueId x, ValueId kernel, std::int64_t groups) {
  const auto& type = layer.b.type(x);
  auto padding = window_padding(layer, {type.dims[1], type.dims[2]}, window.size, window.strides, window.dilation);
  Attributes attributes = {{"strides", window.strides}, {"padding", padding}, {"dilation", window.dilation}};
  if (groups > 1) attributes.set("groups", groups);
  return layer.emit(OpKind::conv2d, {x, kernel}, std::move(attributes), "conv");
}

/// The convolution with the product of the weights beside the kernel: with the first as kernel, and then at each pixel with the second. All
/// groups of filters have the same `a`.
ValueId convolve_low_rank(LayerContext& layer, const Window& window, ValueId a, ValueId b, std::int64_t groups) {
  auto thin = layer.b.type(b).dims;
  if (groups > 1) a = layer.emit(OpKind::concat, std::vector<ValueId>(groups, a), {{"axis", std::int64_t{3}}}, "lora_kernel_a/grouped");
  b = layer.emit(OpKind::reshape, {b}, {{"dims", Ints{1, 1, thin[0], thin[1]}}}, "lora_kernel_b/pixel");
  return convolve(layer, {{1, 1}, {1, 1}}, convolve(layer, window, layer.input(), a, groups), b, groups);
}

/// The convolution of each channel alone with `depth_multiplier` kernels of its own.
ValueId convolve_depthwise(LayerContext& layer, const char* default_initializer) {
  layer.config.find("kernel_initializer");  // Keras 2 writes what it has of a convolution, and no kernel of this one is made with it.
  auto window = window_of(layer);
  auto channels = layer.input_type().dims[3];
  auto multiplier = layer.config.integer("depth_multiplier", 1, 1);
  auto kernel = layer.weight("depthwise_kernel", {window.size[0], window.size[1], channels, multiplier},
                             layer.config.initializer("depthwise_initializer", default_initializer));
  // Output channel c * multiplier + m sees input channel c.
  auto grouped = layer.emit(OpKind::reshape, {kernel}, {{"dims", Ints{window.size[0], window.size[1], 1, channels * multiplier}}},
                            "depthwise_kernel/grouped");
  return convolve(layer, window, layer.input(), grouped, channels);
}

/// The config of every convolution's structure.
template <class Conv>
nlohmann::json config_of(const Conv& layer) {
  auto config = named_config(layer.name, layer.input_shape);
  config.update({{"kernel_size", layer.kernel_size},
                 {"strides", layer.strides},
                 {"padding", layer.padding},
                 {"data_format", "channels_last"},
                 {"activation", layer.activation},
                 {"use_bias", layer.use_bias},
                 {"bias_initializer", layer.bias_initializer.json()}});
  return config;
}

}  // namespace

ValueId lower_Conv2D(LayerContext& layer) {
  auto window = window_of(layer);
  auto channels = layer.input_type().dims[3];
  auto filters = layer.config.integer("filters", 0, 1);
  auto groups = layer.config.integer("groups", 1, 1);
  layer.no_constraints({"kernel", "bias"});
  if (channels % groups != 0 || filters % groups != 0)
    throw Error("groups = {} does not divide both its {} input channels and its {} filters", groups, channels, filters);
  auto low_rank = low_rank_of(layer.config);
  std::vector<std::int64_t> shape = {window.size[0], window.size[1], channels / groups, filters};
  auto kernel =
      layer.weight("kernel", shape, layer.config.initializer("kernel_initializer", layer.config.dialect().kernel_initializer), !low_rank);
  auto y = convolve(layer, window, layer.input(), kernel, groups);
  if (low_rank) {
    auto [a, b] = low_rank.weights(layer, shape);
    y = low_rank.sum(layer, y, convolve_low_rank(layer, window, a, b, groups));
  }
  return layer.biased_and_activated(y);
}

ValueId lower_DepthwiseConv2D(LayerContext& layer) {
  layer.no_constraints({"depthwise", "bias"});
  return layer.biased_and_activated(convolve_depthwise(layer, layer.config.dialect().kernel_initializer));
}

ValueId lower_SeparableConv2D(LayerContext& layer) {
  layer.no_constraints({"kernel", "depthwise", "pointwise", "bias"});
  auto filters = layer.config.integer("filters", 0, 1);
  layer.inputs = {convolve_depthwise(layer, "glorotUniform")};
  auto kernel = layer.weight("pointwise_kernel", {1, 1, layer.input_type().dims[3], filters},
                             layer.config.initializer("pointwise_initializer", "glorotUniform"));
  return layer.biased_and_activated(convolve(layer, {{1, 1}, {1, 1}}, layer.input(), kernel, 1));
}

/// The gradient of a convolution with respect to its input, as a layer: from the output's size down to the input's that convolution goes.
/// With padding "same" the output has stride pixels for each of the input, else those that a window touches; `output_padding` says how many
/// the last stride makes instead.
ValueId lower_Conv2DTranspose(LayerContext& layer) {
  auto window = window_of(layer);
  auto type = layer.input_type();
  auto filters = layer.config.integer("filters", 0, 1);
  layer.no_constraints({"kernel", "bias"});
  bool same = is_padding_same(layer);
  Ints added;
  if (!layer.config.find("output_padding").is_null()) added = layer.config.pair("output_padding", {}, 0);
  Ints output, padding;
  for (int axis = 0; axis < 2; ++axis) {
    auto pixels = type.dims[axis + 1], stride = window.strides[axis], extent = (window.size[axis] - 1) * window.dilation[axis] + 1;
    if (!added.empty() && added[axis] >= stride)
      throw Error("\"output_padding\" is {}, expected less than the strides, {}", shape_string(added), shape_string(window.strides));
    auto last = same ? stride : std::max(extent, stride);
    if (!added.empty()) last = (same ? extent % 2 : extent) + added[axis];
    output.push_back((pixels - 1) * stride + last);
    if (output.back() < 1) throw Error("has no output pixels: its input is {}×{}", type.dims[1], type.dims[2]);
    auto total = std::max<std::int64_t>(extent - last, 0);
    padding.insert(padding.end(), {total / 2, total - total / 2});
  }
  auto kernel = layer.weight("kernel", {window.size[0], window.size[1], filters, type.dims[3]},
                             layer.config.initializer("kernel_initializer", layer.config.dialect().kernel_initializer));
  auto transposed = layer.emit(OpKind::transpose, {kernel}, {{"permutation", Ints{0, 1, 3, 2}}}, "kernel/transposed");
  return layer.biased_and_activated(
      layer.emit(OpKind::conv2d_input_grad, {layer.input(), transposed},
                 {{"strides", window.strides}, {"padding", padding}, {"dilation", window.dilation}, {"input", output}}, "conv"));
}

Layer::Layer(const Conv2D& layer)
    : Layer("Conv2D", [&] {
        auto config = config_of(layer);
        config.update(
            {{"filters", layer.filters}, {"dilation_rate", layer.dilation_rate}, {"kernel_initializer", layer.kernel_initializer.json()}});
        if (layer.groups != 1) config["groups"] = layer.groups;  // tf.js has none.
        add_regularizers(config, layer);
        return config;
      }()) {}

Layer::Layer(const DepthwiseConv2D& layer)
    : Layer("DepthwiseConv2D", [&] {
        auto config = config_of(layer);
        config.update({{"depth_multiplier", layer.depth_multiplier},
                       {"dilation_rate", layer.dilation_rate},
                       {"depthwise_initializer", layer.depthwise_initializer.json()}});
        return config;
      }()) {}

Layer::Layer(const SeparableConv2D& layer)
    : Layer("SeparableConv2D", [&] {
        auto config = config_of(layer);
        config.update({{"filters", layer.filters},
                       {"depth_multiplier", layer.depth_multiplier},
                       {"dilation_rate", layer.dilation_rate},
                       {"depthwise_initializer", layer.depthwise_initializer.json()},
                       {"pointwise_initializer", layer.pointwise_initializer.json()}});
        return config;
      }()) {}

Layer::Layer(const Conv2DTranspose& layer)
    : Layer("Conv2DTranspose", [&] {
        auto config = config_of(layer);
        config.update({{"filters", layer.filters}, {"kernel_initializer", layer.kernel_initializer.json()}});
        return config;
      }()) {}

}  // namespace gradc
