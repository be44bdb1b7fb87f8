#include "passes/hoist.h"

#include <algorithm>
#include <map>
#include <utility>

#include "ir/scan.h"
#include "passes/rewriter.h"
#include "passes/simplify.h"
#include "passes/steps.h"

namespace gradc {
namespace {

/// One loop, some ops of which go in front of it.
class Hoisting {
 public:
  Hoisting(Builder& b, const Op& loop) : b_(b), loop_(loop), parts_(loop), body_(parts_.body), definers_(body_.definers()) {}

  /// What stands in front of the loop for results of it that do not depend on carries.
  std::vector<std::pair<ValueId, ValueId>> replaced() const {
    std::vector<std::pair<ValueId, ValueId>> pairs;
    for (std::size_t i = parts_.carries; i < parts_.outputs.size(); ++i)
      if (auto found = outside_.find(parts_.outputs[i]); found != outside_.end()) pairs.emplace_back(loop_.results[i], found->second);
    return pairs;
  }

  /// The loop without those ops, which are appended to the graph.
  Op run() {
    choose();
    for (std::size_t i = parts_.carries; i < parts_.carries + parts_.scanned; ++i) outside_[parts_.inputs[i]] = loop_.operands[i];
    if (std::none_of(chosen_.begin(), chosen_.end(), [](bool each) { return each; })) return loop_;
    for (std::size_t i = parts_.carries + parts_.scanned; i < parts_.inputs.size(); ++i)
      outside_[parts_.inputs[i]] = over_steps(b_, loop_.operands[i], parts_.steps);
    for (std::size_t i = 0; i < chosen_.size(); ++i)
      if (chosen_[i]) move_out(body_.ops[i]);
    return rest();
  }

 private:
  bool batched(ValueId value) const { return body_.type(value).batched(); }

  void choose() {
    std::vector<bool> depends(body_.values.size(), false);
    for (std::size_t i = 0; i < parts_.carries; ++i) depends[parts_.inputs[i]] = true;
    chosen_.assign(body_.ops.size(), false);
    std::vector<bool> movable(body_.ops.size(), false);
    for (std::size_t i = 0; i < body_.ops.size(); ++i) {
      const auto& op = body_.ops[i];
      if (op.kind == OpKind::input || op.kind == OpKind::output || op.kind == OpKind::constant) continue;
      const bool any = std::any_of(op.operands.begin(), op.operands.end(), [&](ValueId operand) { return depends[operand]; });
      if (any || !can_move(op)) {
        for (auto result : op.results) depends[result] = true;
        continue;
      }
      movable[i] = true;
      if (!batched(op.result()) || is_contraction(op.kind) || adds_to_moved(op)) take(static_cast<int>(i));
    }
    // What no carry depends on either has no business in the loop.
    std::vector<bool> read(body_.values.size(), false);
    for (std::size_t i = body_.ops.size(); i-- > 0;) {
      const auto& op = body_.ops[i];
      if (movable[i] && !read[op.result()]) {
        take(static_cast<int>(i));
        continue;
      }
      const bool stacks = op.kind == OpKind::output && op.attributes.integer_or("number", 0) >= static_cast<std::int64_t>(parts_.carries);
      if (!stacks)
        for (auto operand : op.operands) read[operand] = true;
    }
  }

  bool can_move(const Op& op) const { return op.results.size() == 1 && works_over_steps(body_, op); }

  /// Whether it is pointwise on something moved and on what is the same for all images.
  bool adds_to_moved(const Op& op) const {
    if (!is_pointwise(op.kind)) return false;
    const auto first = std::find_if(op.operands.begin(), op.operands.end(), [&](ValueId operand) { return batched(operand); });
    return first != op.operands.end() && chosen_[definers_[*first]] &&
           std::none_of(first + 1, op.operands.end(), [&](ValueId operand) { return batched(operand); });
  }

  /// Chooses an op with all that it is computed from.
  void take(int index) {
    const auto& op = body_.ops[index];
    if (chosen_[index] || op.kind == OpKind::input || op.kind == OpKind::constant) return;
    chosen_[index] = true;
    for (auto operand : op.operands) take(definers_[operand]);
  }

  void move_out(const Op& op) {
    std::vector<ValueId> operands;
    for (auto operand : op.operands) {
      auto [found, is_new] = outside_.try_emplace(operand, -1);
      if (is_new) found->second = b_.emit_typed(OpKind::constant, body_.type(operand), body_.ops[definers_[operand]].attributes, "c");
      operands.push_back(found->second);
    }
    outside_[op.result()] = emit_over_steps(b_, body_, op, operands, parts_.steps).value();
  }

  /// The loop without the ops that were moved, whose results that are needed in it are operands.
  Op rest() {
    Graph body = body_;
    body.ops.clear();
    std::vector<bool> needed(body.values.size(), false);
    for (std::size_t i = 0; i < chosen_.size(); ++i)
      if (!chosen_[i])
        for (auto operand : body_.ops[i].operands) needed[operand] = true;
    std::vector<std::pair<ValueId, ValueId>> scanned, constants;  // Inputs of the body, and operands.
    for (std::size_t i = parts_.carries; i < parts_.inputs.size(); ++i)
      if (needed[parts_.inputs[i]]) (parts_.is_scanned(i) ? scanned : constants).emplace_back(parts_.inputs[i], loop_.operands[i]);
    for (std::size_t i = 0; i < chosen_.size(); ++i)
      if (const auto result = chosen_[i] ? body_.ops[i].result() : -1; result >= 0 && needed[result])
        (batched(result) ? scanned : constants).emplace_back(result, outside_.at(result));
    auto loop = loop_;
    loop.operands.resize(parts_.carries);
    for (const auto& op : body_.ops)
      if (op.kind == OpKind::input && op.attributes.integer_or("number", 0) < static_cast<std::int64_t>(parts_.carries))
        body.ops.push_back(op);
    for (const auto* list : {&scanned, &constants})
      for (const auto& [value, operand] : *list) {
        body.ops.push_back({.kind = OpKind::input,
                            .results = {value},
                            .attributes = {{"name", body.values[value].name}, {"number", std::ssize(loop.operands)}}});
        loop.operands.push_back(operand);
      }
    for (std::size_t i = 0; i < chosen_.size(); ++i)
      if (!chosen_[i] && body_.ops[i].kind != OpKind::input) body.ops.push_back(body_.ops[i]);
    loop.attributes.set("scanned", std::ssize(scanned));
    loop.body = std::make_shared<Graph>(std::move(body));
    return loop;
  }

  Builder& b_;
  const Op& loop_;
  const ScanParts parts_;
  const Graph& body_;
  std::vector<std::int32_t> definers_;
  std::vector<bool> chosen_;            ///< For each op of the body.
  std::map<ValueId, ValueId> outside_;  ///< What stands in front of the loop for a value of the body.
};

}  // namespace

void hoist(Graph& graph) {
  if (std::none_of(graph.ops.begin(), graph.ops.end(), [](const Op& op) { return op.body != nullptr; })) return;
  Rewriter rewriter(graph);
  for (const auto& op : rewriter.old_ops()) {
    if (!op.body) {
      rewriter.keep(op);
      continue;
    }
    rewriter.b.stand_at(op);
    const auto loop = rewriter.with_current_operands(op);
    Hoisting hoisting(rewriter.b, loop);
    rewriter.keep(hoisting.run());
    for (auto [result, value] : hoisting.replaced()) rewriter.replace(result, value);
  }
  eliminate_dead_code(graph);
}

}  // namespace gradc
