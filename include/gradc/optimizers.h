#pragma once
/// Optimizers, with Keras 3's defaults and, unless `rule` says otherwise, its formulas (keras/src/optimizers).

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gradc/schedules.h"
#include "gradc/writer.h"

namespace gradc {

/// What every optimizer takes. Zero means that it is not done.
struct OptimizerOptions {
  double clipnorm = 0;                           ///< The largest norm of the gradient of each weight array.
  double global_clipnorm = 0;                    ///< The largest norm of all gradients together.
  double clipvalue = 0;                          ///< The largest magnitude of an element of a gradient.
  double weight_decay = 0;                       ///< Each step first subtracts learning_rate * weight_decay * w.
  double decay = 0;                              ///< The learning rate is divided by 1 + decay * (steps done).
  std::int64_t gradient_accumulation_steps = 0;  ///< Only each so-many-th batch changes weights, by the mean of the gradients since.
  bool use_ema = false;                          ///< Keeps a moving average of the weights, which they become at the end of `fit`,
  double ema_momentum = 0.99;
  std::int64_t ema_overwrite_frequency = 0;  ///< and after each so-many-th update.
  UpdateRule rule = UpdateRule::keras;
};

struct SGD {
  LearningRate learning_rate = 0.01;
  double momentum = 0;
  bool nesterov = false;
  OptimizerOptions options = {};
};

struct Adam {
  LearningRate learning_rate = 0.001;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;
  bool amsgrad = false;
  OptimizerOptions options = {};
};

struct RMSProp {
  LearningRate learning_rate = 0.001;
  double decay = 0.9, momentum = 0, epsilon = 1e-7;
  bool centered = false;
  OptimizerOptions options = {};
};

struct Adadelta {
  LearningRate learning_rate = 0.001;
  double rho = 0.95, epsilon = 1e-7;
  OptimizerOptions options = {};
};

struct Adagrad {
  LearningRate learning_rate = 0.001;
  double initial_accumulator_value = 0.1, epsilon = 1e-7;
  OptimizerOptions options = {};
};

struct Adamax {
  LearningRate learning_rate = 0.001;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;
  OptimizerOptions options = {};
};

struct Nadam {
  LearningRate learning_rate = 0.001;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;
  double schedule_decay = 1;  ///< The momentum's schedule is 0.96^(schedule_decay * step); Keras's legacy optimizer has 0.004.
  OptimizerOptions options = {};
};

struct Lion {
  LearningRate learning_rate = 0.001;
  double beta1 = 0.9, beta2 = 0.99;
  OptimizerOptions options = {};
};

struct Lamb {
  LearningRate learning_rate = 0.001;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;
  OptimizerOptions options = {};
};

/// Follows the regularized leader.
struct Ftrl {
  LearningRate learning_rate = 0.001;
  double learning_rate_power = -0.5;  ///< How the rate falls with the sum of squared gradients.
  double initial_accumulator_value = 0.1;
  double l1_regularization_strength = 0, l2_regularization_strength = 0, l2_shrinkage_regularization_strength = 0;
  double beta = 0;
  OptimizerOptions options = {};
};

struct Adafactor {
  LearningRate learning_rate = 0.001;
  double beta_2_decay = -0.8, epsilon_1 = 1e-30, epsilon_2 = 1e-3, clip_threshold = 1;
  bool relative_step = true;  ///< Changes nothing, as in Keras: the rate is at most 1 / sqrt(step) in any case.
  OptimizerOptions options = {};
};

/// Orthogonal steps for matrices, and Adam's for all else.
struct Muon {
  LearningRate learning_rate = 0.001;
  double adam_beta1 = 0.9, adam_beta2 = 0.999, epsilon = 1e-7;
  double adam_weight_decay = 0.004;              ///< That of the options is for matrices.
  std::vector<std::string> exclude_layers = {};  ///< Regular expressions: weights with such names are Adam's,
  bool exclude_embeddings = true;                ///< as are those whose names have "embedding" in them.
  double a = 3.4445, b = -4.7750, c = 2.0315;    ///< Of the polynomial that makes a step orthogonal.
  double adam_lr_ratio = 1;                      ///< Adam's learning rate, as a multiple of that of matrices.
  double momentum = 0.95;
  std::int64_t ns_steps = 5;
  bool nesterov = true;
  std::optional<double> rms_rate = 0.2;  ///< Steps are this times the root of the longer side; without it as they are.
  OptimizerOptions options = {.weight_decay = 0.004};
};

/// The optimizers that there are.
using Optimizer = std::variant<SGD, Adam, RMSProp, Adadelta, Adagrad, Adamax, Nadam, Lion, Lamb, Ftrl, Adafactor, Muon>;

}  // namespace gradc
