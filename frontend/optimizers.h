#pragma once
/// Optimizers, with tf.js's update rules (tfjs-core/src/optimizers) and the defaults of tf.train.

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "ir/graph.h"

namespace gradc {

/// w -= learning_rate * g; with momentum v = momentum * v + g and w -= learning_rate * v, or with `nesterov` w -= learning_rate * (g +
/// momentum * v).
struct SGD {
  double learning_rate = 0.01, momentum = 0;
  bool nesterov = false;
};

/// Kingma and Ba (2015), with bias-corrected moments: w -= learning_rate * m' / (sqrt(v') + epsilon).
struct Adam {
  double learning_rate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;
};

/// Tieleman and Hinton (2012): w -= moment, moment = momentum * moment + learning_rate * g / sqrt(mean_square + epsilon).
struct RMSProp {
  double learning_rate = 0.001, decay = 0.9, momentum = 0, epsilon = 1e-7;
  bool centered = false;
};

using Optimizer = std::variant<SGD, Adam, RMSProp>;

/// A state of the optimizer: a param of the graph, whose every element starts at `initial`.
struct OptimizerState {
  std::string name;  ///< "optimizer/..."
  std::vector<std::int64_t> shape;
  double initial;
};

/// The param that holds the learning rate, so that it can change from step to step.
inline constexpr const char* kLearningRate = "optimizer/learning_rate";

/// Replaces each output "gradient/NAME" by the update of param NAME and of the optimizer's own state, which it returns.
std::vector<OptimizerState> add_updates(Graph& graph, const Optimizer& optimizer);

/// Throws gradc::Error if it is not known or a number is out of range.
Optimizer optimizer_from_json(const nlohmann::json& config);
nlohmann::json to_json(const Optimizer& optimizer);
double learning_rate(const Optimizer& optimizer);
void set_learning_rate(Optimizer& optimizer, double rate);

}  // namespace gradc
