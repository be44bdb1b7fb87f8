#include "inspect/value_diff.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "inspect/numerics.h"

namespace gradc {
namespace {

/// The two tensors of a value, or nulls unless both runs have it in one shape.
std::pair<const Tensor*, const Tensor*> both(const std::string& value, const NamedTensors& a, const NamedTensors& b) {
  auto of_a = a.find(value), of_b = b.find(value);
  if (of_a == a.end() || of_b == b.end() || of_a->second.dims != of_b->second.dims) return {};
  return {&of_a->second, &of_b->second};
}

}  // namespace

ValueDiff compare(const std::string& value, const Tensor& a, const Tensor& b) {
  ValueDiff diff{.value = value};
  double scale = 0;
  for (const auto* tensor : {&a, &b})
    for (auto v : tensor->data)
      if (std::isfinite(v)) scale = std::max(scale, std::abs(v));
  for (std::int64_t i = 0; i < a.size(); ++i) {
    auto x = a.data[static_cast<std::size_t>(i)], y = b.data[static_cast<std::size_t>(i)];
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    auto relative = std::isfinite(x) && std::isfinite(y) ? std::abs(x - y) / scale : std::numeric_limits<double>::infinity();
    if (relative <= diff.relative) continue;
    diff.relative = relative;
    diff.element = i;
    diff.a = x;
    diff.b = y;
  }
  return diff;
}

StepDiff compare(const Graph& graph, const NamedTensors& a, const NamedTensors& b, double tolerance) {
  StepDiff result;
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    bool beyond = false;
    for (auto value : graph.ops[i].results) {
      const auto& name = graph.values[value].name;
      auto [of_a, of_b] = both(name, a, b);
      if (of_a == nullptr) {
        if (a.contains(name)) result.unmatched.push_back(name);
        continue;
      }
      ++result.compared;
      auto diff = compare(name, *of_a, *of_b);
      beyond = beyond || !(diff.relative <= tolerance);
      if (diff.relative > result.largest.relative) result.largest = diff;
    }
    if (beyond) result.beyond.push_back(static_cast<std::int32_t>(i));
  }
  return result;
}

std::string describe(const Graph& graph, std::int32_t index, const NamedTensors& a, const NamedTensors& b, double tolerance) {
  const auto& op = graph.ops[static_cast<std::size_t>(index)];
  auto text = fmt::format("{}{}\n", name_of(op.kind), op.loc.empty() ? "" : fmt::format(" of layer \"{}\"", op.loc));
  double of_operands = 0;
  auto add = [&](const char* what, ValueId value) {
    const auto& name = graph.values[value].name;
    auto [of_a, of_b] = both(name, a, b);
    if (of_a == nullptr) return 0.0;
    auto diff = compare(name, *of_a, *of_b);
    text += fmt::format("  {} %{} : {} ", what, name, to_string(graph.type(value)));
    text += diff.relative == 0 ? "is equal\n"
                               : fmt::format("differs by {:.2g} of its largest number, at {}: {:.9g} and {:.9g}\n", diff.relative,
                                             index_text(of_a->dims, diff.element), diff.a, diff.b);
    return diff.relative;
  };
  for (auto value : op.results) add("result ", value);
  for (auto value : op.operands) of_operands = std::max(of_operands, add("operand", value));
  bool decides = op.kind == OpKind::greater || op.kind == OpKind::equal || op.kind == OpKind::sign || op.kind == OpKind::round ||
                 op.kind == OpKind::argmax || op.kind == OpKind::max_pool2d;
  if (decides && of_operands <= tolerance)
    text += "  This op decides between numbers, which are nearly equal there: rounding makes it decide otherwise.\n";
  return text;
}

}  // namespace gradc
