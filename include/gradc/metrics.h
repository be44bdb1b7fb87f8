#pragma once
/// Metrics, with the definitions of Keras (keras/src/metrics).

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gradc/losses.h"

namespace gradc {

struct MetricOptions {
  double threshold = 0.5;                     ///< Above which a prediction counts as 1: of binaryAccuracy, precision and recall.
  std::int64_t k = 5;                         ///< For the top-k accuracies.
  std::optional<std::int64_t> class_id = {};  ///< The one class that precision and recall look at.
  LossOptions loss = {};                      ///< For a metric that is a loss.
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

}  // namespace gradc
