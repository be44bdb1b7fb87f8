#pragma once
/// Metrics, with the definitions of Keras (keras/src/metrics): sums over images, and a formula that makes a number of them. Sums of
/// batches add up to those of an epoch, and so a precision is that of all its images, not a mean over batches.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "frontend/dialect.h"
#include "frontend/losses.h"

namespace gradc {

struct MetricOptions {
  double threshold = 0.5;                     ///< Above which a prediction counts as 1: of binaryAccuracy, precision and recall.
  std::int64_t k = 5;                         ///< Of the top-k accuracies.
  std::optional<std::int64_t> class_id = {};  ///< The one class that precision and recall look at.
  LossOptions loss = {};                      ///< Of a metric that is a loss.
};

/// A metric by its name in any spelling: "accuracy", "topKCategoricalAccuracy", "Precision", or that of a loss.
struct Metric {
  std::string name;
  MetricOptions options = {};

  Metric(const char* name, const MetricOptions& options = {}) : name(name), options(options) {}
  Metric(std::string name, const MetricOptions& options = {}) : name(std::move(name)), options(options) {}
};

/// How one output of a model is trained and measured.
struct OutputTraining {
  Loss loss = {};
  std::vector<Metric> metrics = {};
};

/// What a metric is of the sums over images that a step gives.
enum class Formula : std::uint8_t {
  mean,       ///< sum / images
  root_mean,  ///< √(sum / images)
  ratio,      ///< first sum / second sum, and 0 where that is 0
};

/// A metric as sums: a name for each, where there are several, and the numbers of images, f32[B].
struct LoweredMetric {
  Formula formula;
  std::vector<std::pair<const char*, ValueId>> sums;
};

/// A metric as it is logged and as it comes out of a step.
struct MetricResult {
  std::string name;  ///< "acc", "precision"
  Formula formula;
  std::vector<std::string> outputs;  ///< Scalars of the step: of a ratio the sums over the batch, else the mean over it.
};

/// What is wrong with a metric, or an empty text.
std::string problem_of(const Metric& metric);
/// The name a metric is logged under ("acc" for accuracy), or an empty string if it is not known.
std::string metric_log_name(const Metric& metric);
std::string known_metrics();

/// `labels` is in the form that `loss` takes. The dialect decides what "accuracy" means. The metric must be known.
LoweredMetric lower_metric(Builder& b, const Metric& metric, const Loss& loss, ValueId predicted, ValueId labels, const Dialect& dialect);

}  // namespace gradc
