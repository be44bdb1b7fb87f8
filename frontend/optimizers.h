#pragma once
/// Optimizers: what a user writes of them. Each has a file in frontend/optimizers/ with its fields and its update rule.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "frontend/dialect.h"
#include "ir/graph.h"

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

/// The optimizers that there are.
using Optimizer = std::variant<SGD, Adam, RMSProp, Adadelta, Adagrad, Adamax, Nadam>;

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

/// Throws gradc::Error that lists every number which is out of range.
void validate(const Optimizer& optimizer);

/// Reads {"class_name": NAME, "config": {...}} in the spelling of Keras or tf.js, or a name alone. `rule` is that of the writer.
/// Throws gradc::Error that lists all problems: an unknown name, a key that no optimizer has, a number out of range, what gradc does not
/// do.
Optimizer optimizer_from_json(const nlohmann::json& config, UpdateRule rule = UpdateRule::tfjs);
/// The same in tf.js's spelling, or, where `for_tfjs` says that tf.js would train otherwise, in Keras's.
nlohmann::json to_json(const Optimizer& optimizer);
/// Whether tf.js does what this optimizer does.
bool for_tfjs(const Optimizer& optimizer);
std::string known_optimizers();

double learning_rate(const Optimizer& optimizer);
/// Throws gradc::Error for a rate that is not a finite number of at least 0.
void set_learning_rate(Optimizer& optimizer, double rate);

}  // namespace gradc
