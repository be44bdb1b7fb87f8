#include <algorithm>
#include <functional>
#include <optional>

#include "ir/scan.h"
#include "passes/simplify.h"

namespace gradc {
namespace {

/// One op of a graph under rewriting, with what the patterns ask of it.
struct Match {
  Graph& graph;
  const std::vector<std::int32_t>& definers;
  Op& op;
  bool exchanged = false;  ///< The rule sees the operands of a commutative op in the other order.

  ValueId& operand(int i) const { return op.operands[exchanged ? 1 - i : i]; }
  const Op& definer(int i) const { return graph.ops[definers[operand(i)]]; }
  const Type& type(int i) const { return graph.type(operand(i)); }
  const Type& result_type() const { return graph.type(op.result()); }
  bool is_constant(int i, double value) const {
    return definer(i).kind == OpKind::constant && definer(i).attributes.number("value") == value;
  }
  /// The operand's value may stand for the result only if no broadcasting happens on the way.
  bool same_type(int i) const { return type(i) == result_type(); }
};

/// A rule for ops of one kind, or for all pointwise ones. It gives the value that replaces its op's result; its op's own result where it
/// has changed the op in place; or nothing if it does not fit. For a kind that is commutative it is tried with the operands in either
/// order.
struct Rule {
  const char* description;
  std::optional<OpKind> kind;
  std::function<std::optional<ValueId>(Match&)> apply;

  bool is_for(OpKind other) const { return kind ? *kind == other : is_pointwise(other); }
  bool has_twin() const { return kind && definition(*kind).commutative; }
};

std::optional<ValueId> operand_if(bool fits, const Match& m, int i) {
  return fits && m.same_type(i) ? std::optional(m.operand(i)) : std::nullopt;
}

/// Takes an operand from before its broadcast, where the other operands still give the result its shape.
std::optional<ValueId> absorb_broadcast(Match& m) {
  for (std::size_t i = 0; i < m.op.operands.size(); ++i) {
    const auto& from = m.definer(static_cast<int>(i));
    if (from.kind != OpKind::broadcast) continue;
    std::vector<Type> types;
    for (auto operand : m.op.operands) types.push_back(m.graph.type(operand));
    types[i] = m.graph.type(from.operands[0]);
    if (broadcast_types(types).dims != m.result_type().dims) continue;
    m.op.operands[i] = from.operands[0];
    return m.op.result();
  }
  return std::nullopt;
}

const std::vector<Rule>& rules() {
  static const std::vector<Rule> table = {
      {"pointwise(broadcast(x), y) -> pointwise(x, y)", std::nullopt, absorb_broadcast},
      {"x + 0 -> x", OpKind::add, [](Match& m) { return operand_if(m.is_constant(1, 0), m, 0); }},
      {"x - 0 -> x", OpKind::sub, [](Match& m) { return operand_if(m.is_constant(1, 0), m, 0); }},
      {"x * 1 -> x", OpKind::mul, [](Match& m) { return operand_if(m.is_constant(1, 1), m, 0); }},
      {"x / 1 -> x", OpKind::div, [](Match& m) { return operand_if(m.is_constant(1, 1), m, 0); }},
      {"-(-x) -> x", OpKind::neg,
       [](Match& m) { return m.definer(0).kind == OpKind::neg ? std::optional(m.definer(0).operands[0]) : std::nullopt; }},
      {"reshape to the same shape -> x", OpKind::reshape, [](Match& m) { return operand_if(true, m, 0); }},
      {"broadcast to the same shape -> x", OpKind::broadcast, [](Match& m) { return operand_if(true, m, 0); }},
      {"reshape(reshape(x)) -> reshape(x)", OpKind::reshape,
       [](Match& m) -> std::optional<ValueId> {
         if (m.definer(0).kind != OpKind::reshape) return std::nullopt;
         m.op.operands[0] = m.definer(0).operands[0];
         return m.op.result();
       }},
      {"sum over no axis -> x", OpKind::reduce_sum, [](Match& m) { return operand_if(m.op.attributes.ints("axes").empty(), m, 0); }},
  };
  return table;
}

/// Applies rules to each op, in order, until none fits it, and removes what that left without use. Returns whether any did.
bool sweep(Graph& graph) {
  auto definers = graph.definers();
  std::vector<ValueId> replacement(graph.values.size());
  for (std::size_t i = 0; i < replacement.size(); ++i) replacement[i] = static_cast<ValueId>(i);
  bool changed = false;
  for (auto& op : graph.ops) {
    for (auto& operand : op.operands) operand = replacement[operand];
    if (op.results.empty()) continue;
    Match match{graph, definers, op};
    auto fits = [&](const Rule& rule) {
      if (!rule.is_for(op.kind)) return false;
      match.exchanged = false;
      auto value = rule.apply(match);
      if (!value && rule.has_twin()) {
        match.exchanged = true;
        value = rule.apply(match);
      }
      if (value) replacement[op.result()] = *value;
      return value.has_value();
    };
    while (replacement[op.result()] == op.result() && std::any_of(rules().begin(), rules().end(), fits)) changed = true;
    changed = changed || replacement[op.result()] != op.result();
  }
  eliminate_dead_code(graph);
  return changed;
}

}  // namespace

bool canonicalize(Graph& graph) {
  bool changed = false;
  edit_bodies(graph, [&](Graph& body) { changed = canonicalize(body) || changed; });
  while (sweep(graph)) changed = true;
  return changed;
}

}  // namespace gradc
