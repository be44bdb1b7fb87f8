#include <algorithm>
#include <cmath>

#include "backends/reference/reference.h"

namespace gradc {
namespace {

/// The row of a table that an index names: cut to a whole number, and to the table; the first one for NaN.
std::int64_t row_of(double index, std::int64_t rows) {
  if (std::isnan(index)) return 0;
  return static_cast<std::int64_t>(std::clamp(index, 0.0, static_cast<double>(rows - 1)));
}

void add_to_rows(Tensor& table, const Tensor& indices, const Tensor& values) {
  const auto rows = table.dims[0], size = table.size() / rows;
  for (std::int64_t i = 0; i < indices.size(); ++i)
    for (std::int64_t c = 0; c < size; ++c) table.data[row_of(indices.data[i], rows) * size + c] += values.data[i * size + c];
}

}  // namespace

void reference_gather(const Execution& run) {
  const auto &table = run.operand(0), &indices = run.operand(1);
  const auto rows = table.dims[0], size = table.size() / rows;
  for (std::int64_t i = 0; i < indices.size(); ++i)
    std::copy_n(table.data.begin() + row_of(indices.data[i], rows) * size, size, run.result().data.begin() + i * size);
}

void reference_gather_grad(const Execution& run) { add_to_rows(run.result(), run.operand(0), run.operand(1)); }

void reference_scatter_add(const Execution& run) {
  run.result().data = run.operand(0).data;
  add_to_rows(run.result(), run.operand(1), run.operand(2));
}

}  // namespace gradc
