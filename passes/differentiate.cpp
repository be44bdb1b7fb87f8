#include "passes/differentiate.h"

#include "gradc/error.h"
#include "passes/gradients/gradients.h"
#include "passes/hoist.h"

namespace gradc {
namespace {

using Rule = void (*)(Gradient&);

void flows_nowhere(Gradient&) {}

/// The rule of an op, or nullptr if its gradient is not known.
Rule rule_of(OpKind kind) {
  switch (kind) {
#define GRADC_RULE_yes(rule) rule
#define GRADC_RULE_zero(rule) flows_nowhere
#define GRADC_RULE_no(rule) nullptr
#define GRADC_OP(name, gradient, ...) \
  case OpKind::name: return GRADC_RULE_##gradient(gradient_##name);
#include "ir/ops/ops.def"
#undef GRADC_OP
#undef GRADC_RULE_yes
#undef GRADC_RULE_zero
#undef GRADC_RULE_no
    default: return gradient_pointwise;
  }
}

}  // namespace

std::string gradient_name(const std::string& param) { return "gradient/" + param; }

std::vector<bool> reached_from(const Graph& graph, std::vector<bool> reached) {
  reached.resize(graph.values.size(), false);
  for (const auto& op : graph.ops) {
    bool any = false;
    for (auto operand : op.operands) any = any || reached[operand];
    for (auto result : op.results) reached[result] = reached[result] || any;
  }
  return reached;
}

void add_gradients(Builder& b, const std::vector<Op>& forward, const std::vector<bool>& reached, std::vector<ValueId>& gradient) {
  auto& graph = b.graph();
  for (auto it = forward.rbegin(); it != forward.rend(); ++it) {
    const auto& op = *it;
    std::vector<ValueId> of_results;
    bool flows = false;
    for (auto result : op.results) {
      of_results.push_back(gradient[result]);
      flows |= gradient[result] >= 0;
    }
    if (!flows) continue;
    std::vector<bool> needed;
    bool any = false;
    for (auto operand : op.operands) {
      needed.push_back(reached[operand]);
      any |= reached[operand];
    }
    if (!any) continue;
    b.loc = op.loc;
    const auto before_rule = static_cast<ValueId>(graph.values.size());
    const auto rule = rule_of(op.kind);
    if (rule == nullptr) throw Error("graph @{}: {} has no gradient", graph.name, name_of(op.kind));
    Gradient gradients(b, op, of_results, needed);
    rule(gradients);
    for (std::size_t i = 0; i < op.operands.size(); ++i) {
      auto part = gradients.of_operands[i];
      if (part < 0 || !needed[i]) continue;
      auto& sum = gradient[op.operands[i]];
      bool is_new = part >= before_rule;
      sum = sum < 0 ? part : b.emit(OpKind::add, {sum, part});
      // %d/x is the gradient of %x.
      if (sum != part || is_new) graph.rename(sum, "d/" + graph.values[op.operands[i]].name);
    }
  }
}

void differentiate(Graph& graph) {
  const auto* loss = graph.find(OpKind::output, "loss");
  if (loss == nullptr) throw Error("graph @{}: differentiate needs an output \"loss\"", graph.name);
  std::vector<bool> params(graph.values.size(), false);
  for (const auto& op : graph.ops)
    if (op.kind == OpKind::param && op.attributes.integer("trainable") != 0) params[op.result()] = true;
  const auto reached = reached_from(graph, std::move(params));
  auto seed_of = loss->operands[0];

  Builder b(graph);
  std::vector<ValueId> gradient(graph.values.size(), -1);
  b.loc = loss->loc;
  b.stage = Stage::backward;
  const auto forward = graph.ops;  // rules append to graph.ops
  gradient[seed_of] = b.constant(1, graph.type(seed_of));
  add_gradients(b, forward, reached, gradient);
  for (const auto& op : forward)
    if (op.kind == OpKind::param && op.attributes.integer("trainable") != 0 && gradient[op.result()] >= 0) {
      b.loc = op.loc;
      b.emit(OpKind::output, {gradient[op.result()]}, {{"name", gradient_name(op.attributes.text("name"))}});
    }
  hoist(graph);  // The transposed weights of loops' gradients.
}

}  // namespace gradc
