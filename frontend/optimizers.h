#pragma once
/// Optimizers as files have them, and as updates of params. Each has a file in frontend/optimizers/ with its fields and its update rule.

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "gradc/optimizers.h"
#include "ir/graph.h"

namespace gradc {

/// A state of the optimizer: a param of the graph, whose every element starts at `initial`.
struct OptimizerState {
  std::string name;  ///< "optimizer/..."
  std::vector<std::int64_t> shape;
  double initial;
};

/// The param that holds the learning rate, so that it can change from step to step.
inline constexpr const char* kLearningRate = "optimizer/learning_rate";

/// A state of one param.
inline std::string state_name(const std::string& param, const std::string& state) { return "optimizer/" + param + "/" + state; }
/// The state of a param that has its moving average, which it becomes at the end of training.
inline constexpr const char* kAverage = "average";

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
std::vector<std::string> known_optimizers();

const LearningRate& learning_rate(const Optimizer& optimizer);
const OptimizerOptions& options_of(const Optimizer& optimizer);
/// Throws gradc::Error for a rate that is not a finite number of at least 0, or not a right schedule.
void set_learning_rate(Optimizer& optimizer, const LearningRate& rate);

}  // namespace gradc
