#include <algorithm>

#include "backends/reference/reference.h"

namespace gradc {

void reference_reduce_sum(const Execution& run) {
  const auto& x = run.operand(0);
  const auto& axes = run.attributes().ints("axes");
  // A stride into the result for each dimension of x: zero along the summed ones.
  std::vector<std::int64_t> strides(x.dims.size(), 0), counter(x.dims.size(), 0);
  std::int64_t stride = 1;
  for (std::size_t d = x.dims.size(); d-- > 0;)
    if (std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(d)) == axes.end()) {
      strides[d] = stride;
      stride *= x.dims[d];
    }
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < x.size(); ++i) {
    run.result().data[at] += x.data[i];
    for (std::size_t d = x.dims.size(); d-- > 0;) {
      at += strides[d];
      if (++counter[d] < x.dims[d]) break;
      at -= strides[d] * x.dims[d];
      counter[d] = 0;
    }
  }
}

void reference_batch_moments(const Execution& run) {
  const auto& x = run.operand(0);
  auto channels = x.dims.back();
  auto count = static_cast<double>(x.size() / channels);
  auto &mean = run.result(0).data, &variance = run.result(1).data;
  for (std::int64_t i = 0; i < x.size(); ++i) mean[i % channels] += x.data[i] / count;
  for (std::int64_t i = 0; i < x.size(); ++i) {
    auto d = x.data[i] - mean[i % channels];
    variance[i % channels] += d * d / count;
  }
}

void reference_argmax(const Execution& run) {
  auto classes = run.operand(0).dims.back();
  for (std::int64_t i = 0; i < run.result().size(); ++i) {
    const auto* row = run.operand(0).data.data() + i * classes;
    run.result().data[i] = static_cast<double>(std::max_element(row, row + classes) - row);
  }
}

void reference_one_hot(const Execution& run) {
  auto depth = run.attributes().integer("depth");
  for (std::int64_t i = 0; i < run.operand(0).size(); ++i)
    for (std::int64_t c = 0; c < depth; ++c) run.result().data[i * depth + c] = run.operand(0).data[i] == static_cast<double>(c) ? 1 : 0;
}

/// The interpreter sees the whole batch as one tile.
void reference_reduce(const Execution& run) { run.result().data = run.operand(0).data; }

}  // namespace gradc
