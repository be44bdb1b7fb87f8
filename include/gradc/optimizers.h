#pragma once
/// Optimizers, with tf.js's defaults and, unless `rule` says otherwise, its formulas (tfjs-core/src/optimizers).

#include <variant>

#include "gradc/writer.h"

namespace gradc {

/// What every optimizer takes. Zero means that it is not done.
struct OptimizerOptions {
  double clipnorm = 0;         ///< The largest norm of the gradient of each weight array.
  double global_clipnorm = 0;  ///< The largest norm of all gradients together.
  double clipvalue = 0;        ///< The largest magnitude of an element of a gradient.
  double weight_decay = 0;     ///< Each step first subtracts learning_rate * weight_decay * w.
  double decay = 0;            ///< The learning rate is divided by 1 + decay * (steps done).
  UpdateRule rule = UpdateRule::tfjs;
};

struct SGD {
  double learning_rate = 0.01, momentum = 0;
  bool nesterov = false;
  OptimizerOptions options = {};
};

struct Adam {
  double learning_rate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;
  bool amsgrad = false;
  OptimizerOptions options = {};
};

struct RMSProp {
  double learning_rate = 0.001, decay = 0.9, momentum = 0, epsilon = 1e-7;
  bool centered = false;
  OptimizerOptions options = {};
};

struct Adadelta {
  double learning_rate = 0.001, rho = 0.95, epsilon = 1e-7;
  OptimizerOptions options = {};
};

struct Adagrad {
  double learning_rate = 0.001, initial_accumulator_value = 0.1, epsilon = 1e-7;
  OptimizerOptions options = {};
};

struct Adamax {
  double learning_rate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;
  OptimizerOptions options = {};
};

struct Nadam {
  double learning_rate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;
  double schedule_decay = 1;  ///< The momentum's schedule is 0.96^(schedule_decay * step); Keras's legacy optimizer has 0.004.
  OptimizerOptions options = {};
};

struct Lion {
  double learning_rate = 0.001, beta1 = 0.9, beta2 = 0.99;
  OptimizerOptions options = {};
};

struct Lamb {
  double learning_rate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;
  OptimizerOptions options = {};
};

/// Follows the regularized leader.
struct Ftrl {
  double learning_rate = 0.001;
  double learning_rate_power = -0.5;  ///< How the rate falls with the sum of squared gradients.
  double initial_accumulator_value = 0.1;
  double l1_regularization_strength = 0, l2_regularization_strength = 0, l2_shrinkage_regularization_strength = 0;
  double beta = 0;
  OptimizerOptions options = {};
};

/// The optimizers that there are.
using Optimizer = std::variant<SGD, Adam, RMSProp, Adadelta, Adagrad, Adamax, Nadam, Lion, Lamb, Ftrl>;

}  // namespace gradc
