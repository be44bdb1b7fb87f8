#include "backends/reference/numerics.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace gradc {
namespace {

/// The first element that is not finite.
std::int64_t place_of_not_finite(const Tensor& tensor) {
  auto found = std::find_if(tensor.data.begin(), tensor.data.end(), [](double v) { return !std::isfinite(v); });
  return found - tensor.data.begin();
}

std::string describe(const Tensor& tensor) {
  auto at = place_of_not_finite(tensor);
  return fmt::format("{} at {}", tensor.data[static_cast<std::size_t>(at)], index_text(tensor.dims, at));
}

}  // namespace

Range range_of(const Tensor& tensor) {
  Range range;
  for (auto v : tensor.data) {
    if (std::isnan(v)) {
      ++range.nan;
    } else if (std::isinf(v)) {
      ++range.inf;
    } else {
      range.least = range.finite == 0 ? v : std::min(range.least, v);
      range.most = range.finite == 0 ? v : std::max(range.most, v);
      ++range.finite;
    }
  }
  return range;
}

std::string to_string(const Range& range) {
  std::string text;
  if (range.finite > 0)
    text =
        range.least == range.most ? fmt::format("all {:.6g}", range.least) : fmt::format("from {:.6g} to {:.6g}", range.least, range.most);
  if (range.nan > 0) text += fmt::format("{}{} NaN", text.empty() ? "" : ", ", range.nan);
  if (range.inf > 0) text += fmt::format("{}{} infinite", text.empty() ? "" : ", ", range.inf);
  return text;
}

std::string index_text(const std::vector<std::int64_t>& dims, std::int64_t element) {
  std::string text;
  for (auto dim = dims.rbegin(); dim != dims.rend(); ++dim) {
    text = std::to_string(element % *dim) + (text.empty() ? "" : ",") + text;
    element /= *dim;
  }
  return "[" + text + "]";
}

std::string first_not_finite(const Graph& graph, const NamedTensors& inputs, NamedTensors params) {
  for (const auto& [name, tensor] : params)
    if (!range_of(tensor).all_finite()) return fmt::format("param \"{}\" already held {} before the step", name, describe(tensor));
  for (const auto& [name, tensor] : inputs)
    if (!range_of(tensor).all_finite()) return fmt::format("input \"{}\" holds {}", name, describe(tensor));
  std::string first;
  InterpreterOptions options{.single_precision = true};
  options.after_op = [&](const Op& op, const std::vector<const Tensor*>& operands, const std::vector<Tensor*>& results) {
    for (std::size_t i = 0; i < results.size() && first.empty(); ++i) {
      if (range_of(*results[i]).all_finite()) continue;
      first = fmt::format("{} of layer \"{}\" gives {} of %{}", name_of(op.kind), op.loc, describe(*results[i]),
                          graph.values[op.results[i]].name);
      for (std::size_t k = 0; k < operands.size(); ++k)
        first += fmt::format("\n  its operand %{} : {} is {}", graph.values[op.operands[k]].name, to_string(graph.type(op.operands[k])),
                             to_string(range_of(*operands[k])));
    }
  };
  interpret(graph, inputs, params, options);
  return first;
}

}  // namespace gradc
