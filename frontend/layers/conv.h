#pragma once
/// Convolutions of images.

#include "frontend/layers/basics.h"

namespace gradc {

struct Conv2D {
  std::int64_t filters = 0;
  Dims kernel_size = {};  ///< Rows and columns; one number means both.
  Dims strides = {1, 1};
  std::string padding = "valid";  ///< "valid" or "same"
  Dims dilation_rate = {1, 1};
  std::int64_t groups = 1;  ///< Output channels of a group see the input channels of that group alone.
  std::string activation = "linear";
  bool use_bias = true;
  Initializer kernel_initializer = "glorotNormal";
  Initializer bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  LowRank lora = {};
  Dims input_shape = {};  ///< Of one image; only for a first layer.
  std::string name = {};
};

/// Convolves each channel alone, with `depth_multiplier` kernels.
struct DepthwiseConv2D {
  Dims kernel_size = {};
  Dims strides = {1, 1};
  std::string padding = "valid";
  std::int64_t depth_multiplier = 1;
  Dims dilation_rate = {1, 1};
  std::string activation = "linear";
  bool use_bias = true;
  Initializer depthwise_initializer = "glorotNormal";
  Initializer bias_initializer = Zeros{};
  Regularizer depthwise_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Dims input_shape = {};
  std::string name = {};
};

/// A depthwise convolution and then one of 1×1 over all channels.
struct SeparableConv2D {
  std::int64_t filters = 0;
  Dims kernel_size = {};
  Dims strides = {1, 1};
  std::string padding = "valid";
  std::int64_t depth_multiplier = 1;
  Dims dilation_rate = {1, 1};
  std::string activation = "linear";
  bool use_bias = true;
  Initializer depthwise_initializer = "glorotUniform", pointwise_initializer = "glorotUniform";
  Initializer bias_initializer = Zeros{};
  Regularizer depthwise_regularizer = {}, pointwise_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Dims input_shape = {};
  std::string name = {};
};

/// The transpose of a convolution: with strides it makes images larger.
struct Conv2DTranspose {
  std::int64_t filters = 0;
  Dims kernel_size = {};
  Dims strides = {1, 1};
  std::string padding = "valid";
  Dims output_padding = {};  ///< Pixels that the last stride makes beyond those that its window covers.
  Dims dilation_rate = {1, 1};
  std::string activation = "linear";
  bool use_bias = true;
  Initializer kernel_initializer = "glorotNormal";
  Initializer bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Dims input_shape = {};
  std::string name = {};
};

/// What all of them have.
template <class Fields, class Convolution>
void describe_convolution(Fields& f, Convolution& layer) {
  f.pair("kernel_size", layer.kernel_size);
  f.pair("strides", layer.strides);
  f.choice("padding", layer.padding, {"valid", "same"});
  f.pair("dilation_rate", layer.dilation_rate);
  f.data_format();
  describe_end(f, layer);
}

template <class Fields>
void describe(Fields& f, Conv2D& layer) {
  f.integer("filters", layer.filters, 1);
  describe_convolution(f, layer);
  f.integer("groups", layer.groups, 1, Written::unless_default);
  f.kernel("kernel", layer.kernel_initializer, layer.kernel_regularizer);
  describe(f, layer.lora);
}

template <class Fields>
void describe(Fields& f, DepthwiseConv2D& layer) {
  describe_convolution(f, layer);
  f.integer("depth_multiplier", layer.depth_multiplier, 1);
  f.kernel("depthwise", layer.depthwise_initializer, layer.depthwise_regularizer);
  f.unused_weight("kernel");
}

template <class Fields>
void describe(Fields& f, SeparableConv2D& layer) {
  f.integer("filters", layer.filters, 1);
  describe_convolution(f, layer);
  f.integer("depth_multiplier", layer.depth_multiplier, 1);
  f.weight("depthwise", layer.depthwise_initializer, layer.depthwise_regularizer);
  f.weight("pointwise", layer.pointwise_initializer, layer.pointwise_regularizer);
  f.unused_weight("kernel");
}

template <class Fields>
void describe(Fields& f, Conv2DTranspose& layer) {
  f.integer("filters", layer.filters, 1);
  describe_convolution(f, layer);
  f.optional_pair("output_padding", layer.output_padding, 0, Written::unless_default);
  f.kernel("kernel", layer.kernel_initializer, layer.kernel_regularizer);
}

}  // namespace gradc
