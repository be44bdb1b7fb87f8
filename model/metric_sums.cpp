#include "model/metric_sums.h"

#include <cmath>

namespace gradc {

MetricSums::MetricSums(const std::vector<MetricResult>& metrics, const Step& step, std::int64_t images)
    : images_(static_cast<double>(images)) {
  for (const auto& metric : metrics) {
    auto& sums = metrics_[metric.name];
    sums.formula = metric.formula;
    for (const auto& output : metric.outputs) sums.values.push_back(step.scalar(output) * (metric.formula == Formula::ratio ? 1 : images_));
  }
}

void MetricSums::add(const MetricSums& more) {
  images_ += more.images_;
  for (const auto& [name, sums] : more.metrics_) {
    auto [found, is_new] = metrics_.try_emplace(name, sums);
    for (std::size_t i = 0; !is_new && i < sums.values.size(); ++i) found->second.values[i] += sums.values[i];
  }
}

Logs MetricSums::logs() const {
  Logs logs;
  for (const auto& [name, sums] : metrics_) {
    const auto& values = sums.values;
    switch (sums.formula) {
      case Formula::mean: logs[name] = values[0] / images_; break;
      case Formula::root_mean: logs[name] = std::sqrt(values[0] / images_); break;
      case Formula::ratio: logs[name] = values[1] == 0 ? 0 : values[0] / values[1]; break;
    }
  }
  return logs;
}

}  // namespace gradc
