#pragma once
#include <string>

#include "frontend/model_json.h"

namespace gradc {

/// How a file's model is trained. What the file does not say is chosen by the model's output, and named in TrainingConfig::chosen: a
/// softmax gets categorical cross-entropy, a sigmoid binary cross-entropy, both with their accuracy, and anything else the mean squared
/// error; the optimizer is Adam.
TrainingConfig training_of(const ModelFile& file);

/// A line about what was chosen, or an empty text: "no training configuration: using ...".
std::string told_choice(const TrainingConfig& training);

/// Why a model would not learn by its losses, and what would be right; empty if nothing is known against it.
std::string cannot_learn(const Topology& topology, const TrainingConfig& training);

}  // namespace gradc
