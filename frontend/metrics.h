#pragma once
/// What metrics are in ops: sums over images, and a formula that makes a number of them. Sums of
/// batches add up to those of an epoch, and so a precision is that of all its images, not a mean over batches.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "frontend/dialect.h"
#include "frontend/losses.h"
#include "gradc/metrics.h"

namespace gradc {

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
