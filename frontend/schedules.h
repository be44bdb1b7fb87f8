#pragma once
/// Schedules of learning rates as files have them, and as graph ops of the step.

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "gradc/schedules.h"
#include "ir/graph.h"

namespace gradc {

class Updates;

/// Reads {"class_name": NAME, "config": {...}}, NAME in any spelling: "CosineDecay", "cosine_decay". Problems are added.
LearningRate learning_rate_from_json(const nlohmann::json& value, std::vector<std::string>& problems);
/// A number, or what Keras 3 writes.
nlohmann::json to_json(const LearningRate& rate);
/// What is wrong with it.
std::vector<std::string> problems_of(const LearningRate& rate);
/// "0.1", "CosineDecay".
std::string text_of(const LearningRate& rate);

/// The rate of the first step.
double first_rate(const LearningRate& rate);
/// The rate after `steps` steps, of which there is at least one. Adds what else it needs to the states of the optimizer.
ValueId rate_after(Updates& u, const Schedule& schedule, ValueId steps);

}  // namespace gradc
