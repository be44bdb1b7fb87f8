#include <algorithm>
#include <cmath>

#include "backends/reference/reference.h"

namespace gradc {
namespace {

struct Row {
  double max, sum;  // the largest logit, and the sum of exp(z - max)
};

Row row_of(const double* z, std::int64_t classes) {
  Row row{*std::max_element(z, z + classes), 0};
  for (std::int64_t c = 0; c < classes; ++c) row.sum += std::exp(z[c] - row.max);
  return row;
}

}  // namespace

void reference_softmax(const Execution& run) {
  auto classes = run.operand(0).dims.back();
  for (std::int64_t at = 0; at < run.operand(0).size(); at += classes) {
    const auto* z = run.operand(0).data.data() + at;
    auto row = row_of(z, classes);
    for (std::int64_t c = 0; c < classes; ++c) run.result().data[at + c] = std::exp(z[c] - row.max) / row.sum;
  }
}

void reference_softmax_cross_entropy(const Execution& run) {
  auto classes = run.operand(0).dims.back();
  for (std::int64_t i = 0; i < run.result().size(); ++i) {
    const auto *z = run.operand(0).data.data() + i * classes, *y = run.operand(1).data.data() + i * classes;
    auto row = row_of(z, classes);
    for (std::int64_t c = 0; c < classes; ++c) run.result().data[i] += y[c] * (row.max + std::log(row.sum) - z[c]);
  }
}

void reference_softmax_cross_entropy_grad(const Execution& run) {
  auto classes = run.operand(0).dims.back();
  for (std::int64_t i = 0; i < run.operand(2).size(); ++i) {
    const auto *z = run.operand(0).data.data() + i * classes, *y = run.operand(1).data.data() + i * classes;
    auto row = row_of(z, classes);
    double total = 0;
    for (std::int64_t c = 0; c < classes; ++c) total += y[c];
    for (std::int64_t c = 0; c < classes; ++c)
      run.result().data[i * classes + c] = (std::exp(z[c] - row.max) / row.sum * total - y[c]) * run.operand(2).data[i];
  }
}

}  // namespace gradc
