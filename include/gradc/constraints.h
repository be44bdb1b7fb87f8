#pragma once
/// What weights are made to fulfil after each step, as Keras has it (keras/src/constraints). Lengths are those along the axes of the
/// weight.

#include <cstdint>
#include <variant>
#include <vector>

namespace gradc {

/// Vectors are at most this long: longer ones are scaled.
struct MaxNorm {
  double max_value = 2;
  std::vector<std::int64_t> axis = {0};
};

/// Lengths go by `rate` of the way towards the nearest between these.
struct MinMaxNorm {
  double min_value = 0, max_value = 1, rate = 1;
  std::vector<std::int64_t> axis = {0};
};

/// Numbers below 0 become 0.
struct NonNeg {};

/// Vectors are 1 long.
struct UnitNorm {
  std::vector<std::int64_t> axis = {0};
};

/// The first is none.
using Constraint = std::variant<std::monostate, MaxNorm, MinMaxNorm, NonNeg, UnitNorm>;

}  // namespace gradc
