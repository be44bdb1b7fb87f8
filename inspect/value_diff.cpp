#include "inspect/value_diff.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "backends/reference/numerics.h"

namespace gradc {
namespace {

/// The two tensors of a value, or nulls unless both runs have it in one shape.
std::pair<const Tensor*, const Tensor*> both(const std::string& value, const NamedTensors& a, const NamedTensors& b) {
  auto of_a = a.find(value), of_b = b.find(value);
  if (of_a == a.end() || of_b == b.end() || of_a->second.dims != of_b->second.dims) return {};
  return {&of_a->second, &of_b->second};
}

/// How far results are moved, relative to each: by some roundings to float, as squares and roots of what is moved do not grow in
/// proportion.
constexpr double kMove = 0x1p-20;
/// The move is larger than rounding by so much that less of what it changes is to be expected.
constexpr double kMoreThanRounding = 8;

/// A number moved by up to kMove of itself. Equal numbers move alike, so that what cancels exactly still does.
double moved(double number) {
  auto bits = std::bit_cast<std::uint64_t>(number) * 0x9e3779b97f4a7c15ull;
  return number * (1 + kMove * (static_cast<double>(bits >> 11) * 0x1p-52 - 1));
}

/// Whether a result says how an op decided between numbers, or is exact.
bool is_decision(OpKind kind, DType dtype) {
  return dtype != DType::f32 || kind == OpKind::greater || kind == OpKind::equal || kind == OpKind::sign || kind == OpKind::round ||
         kind == OpKind::argmax || kind == OpKind::constant;
}

}  // namespace

RoundingSizes rounding_sizes(const Graph& graph, const NamedTensors& inputs, const NamedTensors& params) {
  NamedTensors plain;
  RoundingSizes sizes;
  InterpreterOptions options;
  options.after_op = [&](const Op& op, const std::vector<const Tensor*>&, const std::vector<Tensor*>& results) {
    for (std::size_t i = 0; i < results.size(); ++i) plain[graph.values[op.results[i]].name] = *results[i];
  };
  auto state = params;
  interpret(graph, inputs, state, options);
  options.after_op = [&](const Op& op, const std::vector<const Tensor*>&, const std::vector<Tensor*>& results) {
    for (std::size_t i = 0; i < results.size(); ++i) {
      const auto& name = graph.values[op.results[i]].name;
      const auto& before = plain.at(name).data;
      auto& now = results[i]->data;
      // Between nearly equal numbers the step decides as before: what a decision changes is no rounding.
      if (is_decision(op.kind, graph.type(op.results[i]).dtype)) {
        now = before;
        continue;
      }
      double move = 0;
      for (std::size_t e = 0; e < now.size(); ++e) move = std::max(move, std::abs(now[e] - before[e]));
      sizes[name] = move / kMove / kMoreThanRounding;
      for (auto& v : now) v = moved(v);
    }
  };
  state = params;
  interpret(graph, inputs, state, options);
  return sizes;
}

ValueDiff compare(const std::string& value, const Tensor& a, const Tensor& b, const RoundingSizes& sizes) {
  ValueDiff diff{.value = value};
  auto size = sizes.find(value);
  double scale = size == sizes.end() ? 0 : size->second;
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

StepDiff compare(const Graph& graph, const NamedTensors& a, const NamedTensors& b, double tolerance, const RoundingSizes& sizes) {
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
      auto diff = compare(name, *of_a, *of_b, sizes);
      beyond = beyond || !(diff.relative <= tolerance);
      if (diff.relative > result.largest.relative) result.largest = diff;
    }
    if (beyond) result.beyond.push_back(static_cast<std::int32_t>(i));
  }
  return result;
}

std::string describe(const Graph& graph, std::int32_t index, const NamedTensors& a, const NamedTensors& b, double tolerance,
                     const RoundingSizes& sizes) {
  const auto& op = graph.ops[static_cast<std::size_t>(index)];
  auto text = fmt::format("{}{}\n", name_of(op.kind), op.loc.empty() ? "" : fmt::format(" of layer \"{}\"", op.loc));
  double of_operands = 0;
  auto add = [&](const char* what, ValueId value) {
    const auto& name = graph.values[value].name;
    auto [of_a, of_b] = both(name, a, b);
    if (of_a == nullptr) return 0.0;
    auto diff = compare(name, *of_a, *of_b, sizes);
    text += fmt::format("  {} %{} : {} ", what, name, to_string(graph.type(value)));
    text += diff.relative == 0 ? "is equal\n"
                               : fmt::format("differs by {:.2g} of its size, at {}: {:.9g} and {:.9g}\n", diff.relative,
                                             index_text(of_a->dims, diff.element), diff.a, diff.b);
    return diff.relative;
  };
  for (auto value : op.results) add("result ", value);
  for (auto value : op.operands) of_operands = std::max(of_operands, add("operand", value));
  bool decides = op.kind == OpKind::greater || op.kind == OpKind::equal || op.kind == OpKind::sign || op.kind == OpKind::round ||
                 op.kind == OpKind::argmax || op.kind == OpKind::max_pool;
  if (decides && of_operands <= tolerance)
    text += "  This op decides between numbers, which are nearly equal there: rounding makes it decide otherwise.\n";
  return text;
}

}  // namespace gradc
