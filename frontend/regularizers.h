#pragma once
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "ir/graph.h"

namespace gradc {

/// A term of the loss: l1 * Σ|x| + l2 * Σx², of a weight, or of what a layer gives for an image.
struct Regularizer {
  double l1 = 0, l2 = 0;

  explicit operator bool() const { return l1 != 0 || l2 != 0; }
};

/// Reads null, a name ("l2") or {"class_name": "L2", "config": {"l2": 0.01}}, as Keras and tf.js write them. Problems are added.
Regularizer regularizer_from_json(const nlohmann::json& value, std::vector<std::string>& problems);
/// As tf.js and Keras read it; null if it is none.
nlohmann::json to_json(const Regularizer& regularizer);

/// The term, where all elements of x count: a scalar, or one number for each image.
ValueId penalty(Builder& b, const Regularizer& regularizer, ValueId x);

}  // namespace gradc
