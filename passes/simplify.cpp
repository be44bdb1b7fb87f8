#include "passes/simplify.h"

#include <map>

#include <fmt/format.h>

#include "ir/ops/scalar.h"
#include "ir/text.h"

namespace gradc {

bool fold_constants(Graph& graph) {
  bool changed = false;
  auto definers = graph.definers();
  std::vector<bool> constant(graph.values.size(), false);
  for (auto& op : graph.ops) {
    if (op.kind == OpKind::constant) constant[op.result()] = true;
    if (!is_pointwise(op.kind) || graph.type(op.result()).rank() != 0) continue;
    std::vector<double> operands;
    for (auto operand : op.operands)
      if (constant[operand]) operands.push_back(graph.ops[definers[operand]].attributes.number("value"));
    if (operands.size() < op.operands.size()) continue;
    const auto value = scalar_function(op.kind)(operands.data());
    op.kind = OpKind::constant;
    op.operands.clear();
    op.attributes = {{"value", value}};
    constant[op.result()] = true;
    changed = true;
  }
  return changed;
}

bool eliminate_common_subexpressions(Graph& graph) {
  bool changed = false;
  std::map<std::string, std::vector<ValueId>> seen;
  std::vector<ValueId> same(graph.values.size());
  for (std::size_t i = 0; i < same.size(); ++i) same[i] = static_cast<ValueId>(i);
  for (auto& op : graph.ops) {
    for (auto& operand : op.operands) operand = same[operand];
    if (definition(op.kind).has_effect || op.kind == OpKind::param) continue;
    std::string key(name_of(op.kind));
    for (auto operand : op.operands) key += fmt::format(" {}", operand);
    for (const auto& [name, value] : op.attributes) key += name + to_string(value);
    for (auto result : op.results) key += to_string(graph.type(result));
    auto [found, is_new] = seen.try_emplace(key, op.results);
    if (is_new) continue;
    for (std::size_t i = 0; i < op.results.size(); ++i) same[op.results[i]] = found->second[i];
    changed = true;
  }
  eliminate_dead_code(graph);
  return changed;
}

bool simplify(Graph& graph) {
  bool changed = false;
  for (bool again = true; again; changed = changed || again) {
    again = fold_constants(graph);
    again = canonicalize(graph) || again;
    again = eliminate_common_subexpressions(graph) || again;
  }
  return changed;
}

void eliminate_dead_code(Graph& graph) {
  std::vector<bool> live(graph.values.size(), false), keep(graph.ops.size(), false);
  for (std::size_t i = graph.ops.size(); i-- > 0;) {
    const auto& op = graph.ops[i];
    bool used = definition(op.kind).has_effect;
    for (auto result : op.results) used = used || live[result];
    if (!used) continue;
    keep[i] = true;
    for (auto operand : op.operands) live[operand] = true;
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < graph.ops.size(); ++i)
    if (keep[i]) {
      if (kept != i) graph.ops[kept] = std::move(graph.ops[i]);
      ++kept;
    }
  graph.ops.resize(kept);
}

}  // namespace gradc
