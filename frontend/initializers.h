#pragma once
/// Initializers of files, which have the distributions of their dialect.

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "frontend/dialect.h"
#include "gradc/initializers.h"

namespace gradc {

/// As a model.json of this dialect has it: a name, or an object with class_name and config. Throws gradc::Error for what is not known.
Initializer initializer_from_json(const nlohmann::json& config, const Dialect& dialect = dialect_of(Writer::tfjs));
/// An object with class_name and config, in words that do not depend on a dialect.
const nlohmann::json& json_of(const Initializer& initializer);

/// The names that errors list.
std::vector<std::string> known_initializers();

}  // namespace gradc
