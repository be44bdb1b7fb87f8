#pragma once
/// What numbers a graph's values hold, as far as it helps to find where they go wrong.

#include <string>

#include "backends/reference/interpreter.h"

namespace gradc {

struct Range {
  double least = 0, most = 0;     ///< Among the finite elements.
  std::int64_t nan = 0, inf = 0;  ///< How many elements are.
  std::int64_t finite = 0;

  bool all_finite() const { return nan == 0 && inf == 0; }
};
Range range_of(const Tensor& tensor);
/// "from -0.5 to 2", "all 0.5", with how many are NaN or infinite.
std::string to_string(const Range& range);

/// Runs a graph op by op in single precision, and tells of the first NaN or infinity: op, layer, value, where in it, and the ranges of the
/// op's operands; or of the input or param that already held one. Empty if there is none.
std::string first_not_finite(const Graph& graph, const NamedTensors& inputs, NamedTensors params);

/// "[3,0,7]": the index of an element, row-major.
std::string index_text(const std::vector<std::int64_t>& dims, std::int64_t element);

}  // namespace gradc
