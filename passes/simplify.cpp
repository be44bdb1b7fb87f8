#include "passes/simplify.h"

#include <map>

#include <fmt/format.h>

#include "ir/ops/scalar.h"
#include "ir/scan.h"
#include "ir/text.h"

namespace gradc {

namespace {

/// Whether a pass changes the body of any loop.
bool run_in_bodies(Graph& graph, bool (*pass)(Graph&)) {
  bool changed = false;
  edit_bodies(graph, [&](Graph& body) { changed = pass(body) || changed; });
  return changed;
}

/// Leaves a body those of its inputs, or outputs, that are marked by their numbers, with new numbers.
void keep_marked(Graph& body, OpKind kind, const std::vector<bool>& marked) {
  auto number = [](const Op& op) { return op.attributes.integer_or("number", 0); };
  std::vector<std::int64_t> numbers(marked.size());
  for (std::size_t i = 0, next = 0; i < marked.size(); ++i) numbers[i] = static_cast<std::int64_t>(marked[i] ? next++ : next);
  std::erase_if(body.ops, [&](const Op& op) { return op.kind == kind && !marked[number(op)]; });
  for (auto& op : body.ops)
    if (op.kind == kind) op.attributes.set("number", numbers[number(op)]);
}

template <class T>
std::vector<T> marked_of(const std::vector<T>& all, const std::vector<bool>& marked) {
  std::vector<T> some;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (marked[i]) some.push_back(all[i]);
  return some;
}

/// Removes stacked results of a loop that are not live, and operands that are not used in its body any more.
void trim(const std::vector<bool>& live, Op& loop) {
  const ScanParts parts(loop);
  if (!parts.body.kernels.empty()) return;
  auto body = std::make_shared<Graph>(parts.body);
  std::vector<bool> outputs, inputs, used(body->values.size(), false);
  for (std::size_t i = 0; i < loop.results.size(); ++i) outputs.push_back(i < parts.carries || live[loop.results[i]]);
  keep_marked(*body, OpKind::output, outputs);
  eliminate_dead_code(*body);
  for (const auto& op : body->ops)
    for (auto operand : op.operands) used[operand] = true;
  std::int64_t scanned = 0;
  for (std::size_t i = 0; i < parts.inputs.size(); ++i) {
    inputs.push_back(i < parts.carries || used[parts.inputs[i]]);
    if (inputs[i] && parts.is_scanned(i)) ++scanned;
  }
  keep_marked(*body, OpKind::input, inputs);
  loop.attributes.set("scanned", scanned);
  loop.operands = marked_of(loop.operands, inputs);
  loop.results = marked_of(loop.results, outputs);
  loop.body = std::move(body);
}

}  // namespace

bool fold_constants(Graph& graph) {
  bool changed = run_in_bodies(graph, fold_constants);
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
  bool changed = run_in_bodies(graph, eliminate_common_subexpressions);
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
    if (op.body) key += print(*op.body);
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
    auto& op = graph.ops[i];
    bool used = definition(op.kind).has_effect;
    for (auto result : op.results) used = used || live[result];
    if (!used) continue;
    keep[i] = true;
    if (op.body) trim(live, op);
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
