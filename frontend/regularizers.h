#pragma once
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "gradc/regularizers.h"
#include "ir/graph.h"

namespace gradc {

/// Reads null, a name ("l2") or {"class_name": "L2", "config": {"l2": 0.01}}, as Keras and tf.js write them. Problems are added.
Regularizer regularizer_from_json(const nlohmann::json& value, std::vector<std::string>& problems);
/// As tf.js and Keras read it; null if it is none.
nlohmann::json to_json(const Regularizer& regularizer);

/// The term, where all elements of x count: a scalar, or one number for each image.
ValueId penalty(Builder& b, const Regularizer& regularizer, ValueId x);

}  // namespace gradc
