#pragma once
/// Where two runs of a step on the same batch begin to differ.

#include <map>
#include <string>
#include <vector>

#include "backends/reference/interpreter.h"

namespace gradc {

/// How far rounding moves the values of a step, by their names: as a share of which rounding is as small as that of a number of this size.
/// It is the size of the terms where a value is a sum of terms that cancel, as the gradient of a bias before a batch normalization is, or
/// where a steep function follows such a sum, as in the updates of Adam.
using RoundingSizes = std::map<std::string, double>;
/// Runs a step twice, once with every result of an op moved by a tiny share of itself, and compares.
RoundingSizes rounding_sizes(const Graph& graph, const NamedTensors& inputs, const NamedTensors& params);

/// Two tensors of one value, compared by the largest distance of their elements relative to the value's size: the largest magnitude among
/// them, or that of what rounding moves, if that is larger.
struct ValueDiff {
  std::string value;         ///< Its name.
  double relative = 0;       ///< Infinity where one is NaN and the other not.
  std::int64_t element = 0;  ///< The one that differs most.
  double a = 0, b = 0;       ///< There.
};
ValueDiff compare(const std::string& value, const Tensor& a, const Tensor& b, const RoundingSizes& sizes = {});

struct StepDiff {
  int compared = 0;                    ///< Values that both runs have, in one shape.
  ValueDiff largest;                   ///< Among all.
  std::vector<std::int32_t> beyond;    ///< Ops of the graph with a result beyond the tolerance, in order.
  std::vector<std::string> unmatched;  ///< Values of the graph that the other run has not, or in another shape.
};

/// Compares values by name, in the order of the graph's ops.
StepDiff compare(const Graph& graph, const NamedTensors& a, const NamedTensors& b, double tolerance, const RoundingSizes& sizes = {});

/// The op of a graph that makes a value, its layer, where the value differs most, and how far its operands differ.
std::string describe(const Graph& graph, std::int32_t op, const NamedTensors& a, const NamedTensors& b, double tolerance,
                     const RoundingSizes& sizes = {});

}  // namespace gradc
