#pragma once
/// Where two runs of a step on the same batch begin to differ.

#include <string>
#include <vector>

#include "backends/reference/interpreter.h"

namespace gradc {

/// Two tensors of one value, compared by the largest distance of their elements relative to the largest magnitude among them.
struct ValueDiff {
  std::string value;         ///< Its name.
  double relative = 0;       ///< Infinity where one is NaN and the other not.
  std::int64_t element = 0;  ///< The one that differs most.
  double a = 0, b = 0;       ///< There.
};
ValueDiff compare(const std::string& value, const Tensor& a, const Tensor& b);

struct StepDiff {
  int compared = 0;                    ///< Values that both runs have, in one shape.
  ValueDiff largest;                   ///< Of all.
  std::vector<std::int32_t> beyond;    ///< Ops of the graph with a result beyond the tolerance, in order.
  std::vector<std::string> unmatched;  ///< Values of the graph that the other run has not, or in another shape.
};

/// Compares values by name, in the order of the graph's ops.
StepDiff compare(const Graph& graph, const NamedTensors& a, const NamedTensors& b, double tolerance);

/// The op of a graph that makes a value, its layer, where the value differs most, and how far its operands differ.
std::string describe(const Graph& graph, std::int32_t op, const NamedTensors& a, const NamedTensors& b, double tolerance);

}  // namespace gradc
