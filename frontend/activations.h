#pragma once
/// Activations by name, as tf.js and Keras define them.

#include <string>

#include "frontend/dialect.h"
#include "ir/graph.h"

namespace gradc {

/// Whether an activation of this name, in any spelling, is known.
bool is_known_activation(const std::string& name);
/// Names of the known activations, for errors.
std::vector<std::string> known_activations();

/// The activation of x. Values are named "SCOPE/...", the last of them after the activation. It must be known.
ValueId lower_activation(Builder& b, ValueId x, const std::string& name, const Dialect& dialect, const std::string& scope);

}  // namespace gradc
