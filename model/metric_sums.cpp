#include "model/metric_sums.h"

#include <algorithm>
#include <iterator>

namespace gradc {

MetricSums::MetricSums(const std::vector<MetricResult>& metrics, const Step& step, std::int64_t images)
    : images_(static_cast<double>(images)) {
  for (const auto& metric : metrics) {
    auto& sums = metrics_[metric.name];
    sums.formula = metric.formula;
    sums.options = metric.options;
    for (const auto& output : metric.outputs) {
      auto& values = sums.values.emplace_back();
      if (output.elements == 1)
        values = {step.scalar(output.name)};
      else
        std::ranges::copy(step.array(output.name), std::back_inserter(values));
      if (output.reduction == Reduction::mean)
        for (auto& value : values) value *= images_;
    }
  }
}

void MetricSums::add(const MetricSums& more) {
  images_ += more.images_;
  for (const auto& [name, sums] : more.metrics_) {
    auto [found, is_new] = metrics_.try_emplace(name, sums);
    for (std::size_t i = 0; !is_new && i < sums.values.size(); ++i)
      for (std::size_t j = 0; j < sums.values[i].size(); ++j) found->second.values[i][j] += sums.values[i][j];
  }
}

double MetricSums::value(const Sums& sums) const {
  static const MetricOptions none;
  return sums.formula(sums.values, images_, sums.options != nullptr ? *sums.options : none);
}

Logs MetricSums::logs() const {
  Logs logs;
  for (const auto& [name, sums] : metrics_) logs[name] = value(sums);
  return logs;
}

}  // namespace gradc
