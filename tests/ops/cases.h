#pragma once
/// One list of op cases, for the gradient checks and for the comparison of the backends: every op over random and over awkward shapes.

#include <functional>
#include <string>
#include <vector>

#include "tests/support/harness.h"

namespace gradc::test {

struct OpCase {
  std::string name;
  /// Builds a training graph whose loss depends on the op and, through it, on params.
  std::function<void(TrainingGraph&)> build;
  std::vector<std::int64_t> image_shape;
  std::int64_t batch = 3;
};

/// Cases of every op; the random ones are drawn from the seed.
std::vector<OpCase> op_cases(std::uint64_t seed);

/// Cases too large for central differences, to compare the backends.
std::vector<OpCase> large_op_cases();

}  // namespace gradc::test
