#pragma once
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "gradc/constraints.h"
#include "ir/graph.h"

namespace gradc {

/// Reads null, a name ("nonNeg") or {"class_name": "MaxNorm", "config": {"max_value": 2, "axis": 0}}, as Keras and tf.js write them.
/// Problems are added.
Constraint constraint_from_json(const nlohmann::json& value, std::vector<std::string>& problems);
/// As tf.js and Keras read it; null if it is none.
nlohmann::json to_json(const Constraint& constraint);

/// The weight that fulfils it. Throws gradc::Error for an axis that the weight does not have.
ValueId constrained(Builder& b, const Constraint& constraint, ValueId weight);

}  // namespace gradc
