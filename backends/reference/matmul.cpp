#include "backends/reference/reference.h"

namespace gradc {

void reference_matmul(const Execution& run) {
  const auto &a = run.operand(0), &b = run.operand(1);
  auto& y = run.result();
  const auto flag = [&](const char* name) { return run.attributes().integer_or(name, 0) != 0; };
  const bool transpose_a = flag("transpose_a"), transpose_b = flag("transpose_b");
  const auto rows = y.dims.end()[-2], columns = y.dims.back(), depth = transpose_a ? a.dims.end()[-2] : a.dims.back();
  for (std::int64_t matrix = 0; matrix < y.size() / (rows * columns); ++matrix)
    for (std::int64_t m = 0; m < rows; ++m)
      for (std::int64_t n = 0; n < columns; ++n)
        for (std::int64_t k = 0; k < depth; ++k) {
          const auto of_a = transpose_a ? k * rows + m : m * depth + k, of_b = transpose_b ? n * depth + k : k * columns + n;
          y.data[(matrix * rows + m) * columns + n] += a.data[matrix * rows * depth + of_a] * b.data[matrix * depth * columns + of_b];
        }
}

}  // namespace gradc
