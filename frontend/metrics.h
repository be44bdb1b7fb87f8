#pragma once
/// What metrics are: sums over images, computed in the step, and a formula of them.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "frontend/dialect.h"
#include "frontend/losses.h"
#include "frontend/options.h"
#include "gradc/metrics.h"
#include "ir/graph.h"

namespace gradc {

using MetricOption = Option<MetricOptions>;

/// All but those of losses.
const std::vector<MetricOption>& metric_options();

/// Sums over images, each a number or one for each class or threshold.
using MetricValues = std::vector<std::vector<double>>;

/// What a metric is of its sums.
using Formula = double (*)(const MetricValues& sums, double images, const MetricOptions& options);

/// sum / images
double mean_over_images(const MetricValues& sums, double images, const MetricOptions&);

/// A metric as sums: a name for each, where there are several, and the numbers of images, f32[B] or f32[B,N].
struct LoweredMetric {
  Formula formula;
  std::vector<std::pair<const char*, ValueId>> sums;
  Reduction reduction = Reduction::sum;  ///< What the step gives of the batch: the sums themselves, or means over its images.
};

/// A metric as it is logged and as it comes out of a step.
struct MetricResult {
  struct Output {
    std::string name;
    std::int64_t elements = 1;
    Reduction reduction = Reduction::sum;  ///< Over the batch's images.
  };

  std::string name;  ///< "acc", "precision"
  Formula formula;
  std::vector<Output> outputs = {};
  std::shared_ptr<const MetricOptions> options = {};  ///< For the formula, if it asks for any.
};

/// What is wrong with a metric, or an empty text.
std::string problem_of(const Metric& metric);
/// The name a metric is logged under ("acc" for accuracy), or an empty string if it is not known.
std::string metric_log_name(const Metric& metric);
std::vector<std::string> known_metrics();
/// The table of docs/training.md.
std::string list_metrics();
/// Whether it is a metric by itself, and not the name of a loss.
bool is_own_metric(const std::string& name);
/// Whether a metric by itself takes an option; a loss takes none of metric_options().
bool takes_option(const Metric& metric, const MetricOption& option);

/// `labels` is in the form that `loss` takes. The dialect decides what "accuracy" means. The metric must be known. Metrics that are means
/// are those of what the mask shows, if there is one; others, as in Keras, do not look at it. `weights` of images, or of their first
/// positions, say how many times each counts.
/// Throws gradc::Error for a metric in which nothing can be weighted.
LoweredMetric lower_metric(Builder& b, const Metric& metric, const Loss& loss, ValueId predicted, ValueId labels, const Dialect& dialect,
                           ValueId mask = -1, ValueId weights = -1);

}  // namespace gradc
