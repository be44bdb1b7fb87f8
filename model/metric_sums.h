#pragma once
#include <map>
#include <string>
#include <vector>

#include "frontend/metrics.h"
#include "gradc/model.h"
#include "runtime/step.h"

namespace gradc {

/// Loss and metrics of any number of steps. What is a formula of several sums, as a precision is, is that of the sums of all steps.
class MetricSums {
 public:
  MetricSums() = default;
  /// Sums of the last run of a step, which was on this many images.
  MetricSums(const std::vector<MetricResult>& metrics, const Step& step, std::int64_t images);

  void add(const MetricSums& more);
  Logs logs() const;
  double loss() const { return value(metrics_.at("loss")); }

 private:
  struct Sums {
    Formula formula;
    std::shared_ptr<const MetricOptions> options;
    MetricValues values;
  };
  double value(const Sums& sums) const;

  std::map<std::string, Sums> metrics_;
  double images_ = 0;
};

}  // namespace gradc
