#pragma once
/// Metrics, with the definitions of Keras (keras/src/metrics).

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gradc/losses.h"

namespace gradc {

/// Options of metrics, with Keras's defaults. docs/training.md says which metric takes which.
struct MetricOptions {
  /// Above which a prediction counts as 1; 0.5 where none is given. An F-score without one takes the largest of an image.
  std::optional<double> threshold = {};
  std::int64_t k = 5;                                 ///< For the top-k accuracies.
  std::optional<std::int64_t> top_k = {};             ///< Predictions count as 1 that are among so many largest.
  std::optional<std::int64_t> class_id = {};          ///< The one class that is looked at.
  std::string average = {};                           ///< Of an F-score over classes: "micro", "macro" or "weighted".
  double beta = 1;                                    ///< How much more an F-score counts recall than precision.
  std::int64_t num_thresholds = 200;                  ///< Points of a curve.
  std::string curve = "ROC";                          ///< "ROC", "PR" or "PRGAIN".
  std::string summation_method = "interpolation";     ///< Between a curve's points: "interpolation", "minoring" or "majoring".
  bool multi_label = false;                           ///< The mean of a curve for each label, instead of one for all.
  bool from_logits = false;                           ///< A curve is of predictions without a sigmoid.
  std::optional<double> bound = {};                   ///< The precision, recall, sensitivity or specificity at which another is sought.
  std::int64_t num_classes = 0;                       ///< Of an intersection over union.
  std::vector<std::int64_t> target_class_ids = {};    ///< Its classes, where not all.
  std::optional<std::int64_t> ignore_class = {};      ///< A label that it leaves out.
  bool sparse_y_true = true, sparse_y_pred = true;    ///< Its labels and predictions are class numbers, and not a number for each class.
  std::string class_aggregation = "uniform_average";  ///< Of R²: that or "variance_weighted_average".
  std::int64_t num_regressors = 0;                    ///< Of an adjusted R².
  LossOptions loss = {};                              ///< For a metric that is a loss.

  bool operator==(const MetricOptions&) const = default;
};

/// A metric by its name in any spelling: "accuracy", "topKCategoricalAccuracy", "Precision", or that of a loss.
struct Metric {
  std::string name;
  MetricOptions options = {};
  bool weighted = false;  ///< Counts images as their sample weights say, as Keras's `weighted_metrics` do.

  Metric(const char* name, const MetricOptions& options = {}) : name(name), options(options) {}
  Metric(std::string name, const MetricOptions& options = {}) : name(std::move(name)), options(options) {}
};

/// How one output of a model is trained and measured.
struct OutputTraining {
  Loss loss = {};
  std::vector<Metric> metrics = {};
};

}  // namespace gradc
