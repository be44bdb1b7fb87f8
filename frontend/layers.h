#pragma once
/// Layers, as tf.layers has them: a structure each, with its arguments as designated initializers and tf.js's defaults.
/// A `Layer` is any of them, held as the (class_name, config) that a model.json has, which is the one representation below here.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "frontend/initializers.h"
#include "frontend/regularizers.h"

namespace gradc {

using Dims = std::vector<std::int64_t>;

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
  Dims input_shape = {};
  std::string name = {};
};

/// The transpose of a convolution: with strides it makes images larger.
struct Conv2DTranspose {
  std::int64_t filters = 0;
  Dims kernel_size = {};
  Dims strides = {1, 1};
  std::string padding = "valid";
  std::string activation = "linear";
  bool use_bias = true;
  Initializer kernel_initializer = "glorotNormal";
  Initializer bias_initializer = Zeros{};
  Dims input_shape = {};
  std::string name = {};
};

struct MaxPooling2D {
  Dims pool_size = {2, 2};
  Dims strides = {};  ///< The pool size, unless given.
  std::string padding = "valid";
  std::string name = {};
};

struct AveragePooling2D {
  Dims pool_size = {2, 2};
  Dims strides = {};  ///< The pool size, unless given.
  std::string padding = "valid";
  std::string name = {};
};

struct GlobalAveragePooling2D {
  std::string name = {};
};

struct Flatten {
  std::string name = {};
  Dims input_shape = {};
};

struct Reshape {
  Dims target_shape = {};  ///< One dimension may be -1: what remains.
  std::string name = {};
  Dims input_shape = {};
};

struct Dense {
  std::int64_t units = 0;
  std::string activation = "linear";
  bool use_bias = true;
  Initializer kernel_initializer = "glorotNormal";
  Initializer bias_initializer = Zeros{};
  Regularizer kernel_regularizer = {}, bias_regularizer = {}, activity_regularizer = {};
  Dims input_shape = {};
  std::string name = {};
};

struct Activation {
  std::string activation = "linear";
  std::string name = {};
};

struct ReLU {
  std::optional<double> max_value = {};
  std::string name = {};
};

struct Softmax {
  std::int64_t axis = -1;
  std::string name = {};
};

/// x * scale + offset
struct Rescaling {
  double scale = 1, offset = 0;
  std::string name = {};
  Dims input_shape = {};
};

/// In training, zeroes each element with probability `rate` and scales the others by 1 / (1 - rate).
struct Dropout {
  double rate = 0;
  std::string name = {};
};

struct BatchNormalization {
  std::int64_t axis = -1;
  double momentum = 0.99, epsilon = 1e-3;
  bool center = true, scale = true;
  Initializer beta_initializer = Zeros{}, gamma_initializer = Ones{};
  Initializer moving_mean_initializer = Zeros{}, moving_variance_initializer = Ones{};
  std::string name = {};
};

struct ZeroPadding2D {
  Dims padding = {1, 1};  ///< Rows and columns, or top, bottom, left, right.
  std::string name = {};
};

struct Add {
  std::string name = {};
};

struct Concatenate {
  std::int64_t axis = -1;
  std::string name = {};
};

struct InputLayer {
  Dims input_shape = {};
  std::string name = {};
};

class Layer {
 public:
  Layer(const Conv2D&);
  Layer(const DepthwiseConv2D&);
  Layer(const SeparableConv2D&);
  Layer(const Conv2DTranspose&);
  Layer(const MaxPooling2D&);
  Layer(const AveragePooling2D&);
  Layer(const GlobalAveragePooling2D&);
  Layer(const Flatten&);
  Layer(const Reshape&);
  Layer(const Dense&);
  Layer(const Activation&);
  Layer(const ReLU&);
  Layer(const Softmax&);
  Layer(const Rescaling&);
  Layer(const Dropout&);
  Layer(const BatchNormalization&);
  Layer(const ZeroPadding2D&);
  Layer(const Add&);
  Layer(const Concatenate&);
  Layer(const InputLayer&);
  Layer(std::string class_name, const nlohmann::json& config);

  const std::string& class_name() const { return class_name_; }
  const nlohmann::json& config() const { return *config_; }
  /// The layer's name, which may be empty until it is part of a model.
  std::string name() const;

 private:
  std::string class_name_;
  std::shared_ptr<const nlohmann::json> config_;
};

}  // namespace gradc
