#pragma once
/// Convolutions of images of one, two or three spatial dimensions: sequences [steps,channels], images [rows,columns,channels] and volumes
/// [planes,rows,columns,channels]. Options along spatial dimensions take a number for each, slowest first, or one for all.

#include "gradc/layers/basics.h"

namespace gradc {

template <int n>
struct ConvND {
  static constexpr int spatial = n;
  std::int64_t filters = 0;
  Dims kernel_size = {};
  Dims strides = Dims(n, 1);
  std::string padding = "valid";  ///< "valid" or "same"; of sequences also "causal", where no output sees a later step.
  Dims dilation_rate = Dims(n, 1);
  std::int64_t groups = 1;  ///< Output channels of a group see the input channels of that group alone.
  std::string activation = "linear";
  bool use_bias = true;
  Initializer kernel_initializer = "glorotUniform";
  Initializer bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Constraint kernel_constraint = {}, bias_constraint = {};
  LowRank lora = {};
  Dims input_shape = {};  ///< One image's; only for a first layer.
  std::string name = {};
};
using Conv1D = ConvND<1>;
using Conv2D = ConvND<2>;
using Conv3D = ConvND<3>;

/// Convolves each channel alone, with `depth_multiplier` kernels.
template <int n>
struct DepthwiseConvND {
  static constexpr int spatial = n;
  Dims kernel_size = {};
  Dims strides = Dims(n, 1);
  std::string padding = "valid";
  std::int64_t depth_multiplier = 1;
  Dims dilation_rate = Dims(n, 1);
  std::string activation = "linear";
  bool use_bias = true;
  Initializer depthwise_initializer = "glorotUniform";
  Initializer bias_initializer = Zeros{};
  Regularizer depthwise_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Constraint depthwise_constraint = {}, bias_constraint = {};
  Dims input_shape = {};
  std::string name = {};
};
using DepthwiseConv1D = DepthwiseConvND<1>;
using DepthwiseConv2D = DepthwiseConvND<2>;

/// A depthwise convolution and then one of a single pixel over all channels.
template <int n>
struct SeparableConvND {
  static constexpr int spatial = n;
  std::int64_t filters = 0;
  Dims kernel_size = {};
  Dims strides = Dims(n, 1);
  std::string padding = "valid";
  std::int64_t depth_multiplier = 1;
  Dims dilation_rate = Dims(n, 1);
  std::string activation = "linear";
  bool use_bias = true;
  Initializer depthwise_initializer = "glorotUniform", pointwise_initializer = "glorotUniform";
  Initializer bias_initializer = Zeros{};
  Regularizer depthwise_regularizer = {}, pointwise_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Constraint depthwise_constraint = {}, pointwise_constraint = {}, bias_constraint = {};
  Dims input_shape = {};
  std::string name = {};
};
using SeparableConv1D = SeparableConvND<1>;
using SeparableConv2D = SeparableConvND<2>;

/// The transpose of a convolution: with strides it makes images larger.
template <int n>
struct ConvNDTranspose {
  static constexpr int spatial = n;
  std::int64_t filters = 0;
  Dims kernel_size = {};
  Dims strides = Dims(n, 1);
  std::string padding = "valid";
  Dims output_padding = {};  ///< Pixels that the last stride makes beyond those that its window covers.
  Dims dilation_rate = Dims(n, 1);
  std::string activation = "linear";
  bool use_bias = true;
  Initializer kernel_initializer = "glorotUniform";
  Initializer bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Constraint kernel_constraint = {}, bias_constraint = {};
  Dims input_shape = {};
  std::string name = {};
};
using Conv1DTranspose = ConvNDTranspose<1>;
using Conv2DTranspose = ConvNDTranspose<2>;
using Conv3DTranspose = ConvNDTranspose<3>;

/// What all of them have.
template <class Fields, class Convolution>
void describe_convolution(Fields& f, Convolution& layer, std::initializer_list<const char*> paddings = {"valid", "same"}) {
  f.extents("kernel_size", layer.kernel_size, layer.spatial);
  f.extents("strides", layer.strides, layer.spatial);
  f.choice("padding", layer.padding, paddings);
  f.extents("dilation_rate", layer.dilation_rate, layer.spatial);
  f.data_format();
  describe_end(f, layer);
}

template <class Fields, int n>
void describe(Fields& f, ConvND<n>& layer) {
  f.integer("filters", layer.filters, 1);
  if constexpr (n == 1)
    describe_convolution(f, layer, {"valid", "same", "causal"});
  else
    describe_convolution(f, layer);
  f.integer("groups", layer.groups, 1, Written::unless_default);
  f.kernel("kernel", layer.kernel_initializer, layer.kernel_regularizer, layer.kernel_constraint);
  describe(f, layer.lora);
}

template <class Fields, int n>
void describe(Fields& f, DepthwiseConvND<n>& layer) {
  describe_convolution(f, layer);
  f.integer("depth_multiplier", layer.depth_multiplier, 1);
  f.kernel("depthwise", layer.depthwise_initializer, layer.depthwise_regularizer, layer.depthwise_constraint);
  f.unused_weight("kernel");
}

template <class Fields, int n>
void describe(Fields& f, SeparableConvND<n>& layer) {
  f.integer("filters", layer.filters, 1);
  describe_convolution(f, layer);
  f.integer("depth_multiplier", layer.depth_multiplier, 1);
  f.weight("depthwise", layer.depthwise_initializer, layer.depthwise_regularizer, layer.depthwise_constraint);
  f.weight("pointwise", layer.pointwise_initializer, layer.pointwise_regularizer, layer.pointwise_constraint);
  f.unused_weight("kernel");
}

template <class Fields, int n>
void describe(Fields& f, ConvNDTranspose<n>& layer) {
  f.integer("filters", layer.filters, 1);
  describe_convolution(f, layer);
  f.optional_extents("output_padding", layer.output_padding, n, 0, Written::unless_default);
  f.kernel("kernel", layer.kernel_initializer, layer.kernel_regularizer, layer.kernel_constraint);
}

}  // namespace gradc
