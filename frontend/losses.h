#pragma once
/// Losses and metrics, with tf.js's definitions (tfjs-layers/src/losses.ts, metrics.ts): each gives one number an image.

#include <string>
#include <vector>

#include "frontend/dialect.h"
#include "ir/graph.h"

namespace gradc {

/// What the labels of a loss or metric look like.
enum class LabelKind {
  like_output,  ///< The shape of the output: one-hot classes, or values.
  classes,      ///< A class number where the output has its last dimension.
};

struct LossDef {
  const char* name;  ///< As Keras writes it in a model.json.
  LabelKind labels;
  /// The loss of each image, f32[B], of predictions and labels of the output's shape.
  ValueId (*lower)(Builder&, ValueId predicted, ValueId labels);
};

/// The loss of this name in any spelling, or nullptr.
const LossDef* find_loss(const std::string& name);
std::string known_losses();

/// The name a metric is logged under ("acc" for accuracy), or an empty string if it is not known.
std::string metric_log_name(const std::string& metric);
/// The metric of each image, f32[B]. `labels` is in the form that `loss` takes. Throws gradc::Error if the metric is not known.
ValueId lower_metric(Builder& b, const std::string& metric, const LossDef& loss, ValueId predicted, ValueId labels, const Dialect& dialect);
std::string known_metrics();

}  // namespace gradc
