#include "frontend/layers/context.h"
#include "support/error.h"

namespace gradc {

ValueId lower_Conv2D(LayerContext& layer) {
  layer.expect_rank(4, "images of rank 3 (height×width×channels)");
  auto& config = layer.config;
  auto type = layer.input_type();
  auto filters = config.integer("filters", 0, 1);
  auto kernel = config.pair("kernel_size", {});
  auto strides = config.pair("strides", {1, 1});
  auto dilation = config.pair("dilation_rate", {1, 1});
  config.only("data_format", "channels_last", "gradc computes channels last, as tf.js does");
  config.only("groups", 1, "use one convolution a group and Concatenate");
  layer.no_regularizers({"kernel", "bias"});
  auto padding = window_padding(layer, {type.dims[1], type.dims[2]}, kernel, strides, dilation);
  auto w = layer.weight("kernel", {kernel[0], kernel[1], type.dims[3], filters}, config.initializer("kernel_initializer", "glorotNormal"));
  auto y = layer.emit(OpKind::conv2d, {layer.input(), w}, {{"strides", strides}, {"padding", padding}, {"dilation", dilation}}, "conv");
  return layer.biased_and_activated(y);
}

Layer::Layer(const Conv2D& layer)
    : Layer("Conv2D", [&] {
        auto config = named_config(layer.name, layer.input_shape);
        config.update({{"filters", layer.filters},
                       {"kernel_size", layer.kernel_size},
                       {"strides", layer.strides},
                       {"padding", layer.padding},
                       {"data_format", "channels_last"},
                       {"dilation_rate", layer.dilation_rate},
                       {"activation", layer.activation},
                       {"use_bias", layer.use_bias},
                       {"kernel_initializer", layer.kernel_initializer.json()},
                       {"bias_initializer", layer.bias_initializer.json()}});
        return config;
      }()) {}

}  // namespace gradc
