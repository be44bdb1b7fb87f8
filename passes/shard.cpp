#include "passes/shard.h"

#include <algorithm>
#include <utility>

#include "gradc/error.h"
#include "ir/roles.h"
#include "ir/scan.h"
#include "passes/layout.h"
#include "passes/rewriter.h"

namespace gradc {
namespace {

/// Which values are zero for images of padding, whatever those hold.
class ZeroOnPadding {
 public:
  bool of(ValueId value) const { return value < static_cast<ValueId>(zero_.size()) && zero_[value]; }

  /// For each operand of an op.
  std::vector<bool> of_operands(const Op& op) const {
    std::vector<bool> operands;
    for (auto operand : op.operands) operands.push_back(of(operand));
    return operands;
  }

  void visit(const Op& op) {
    if (op.body) return visit_loop(op);
    bool zero = result_is_zero(op);
    for (auto result : op.results) mark(result, zero);
  }

 private:
  void mark(ValueId value, bool zero) {
    if (value >= static_cast<ValueId>(zero_.size())) zero_.resize(value + 1, false);
    zero_[value] = zero;
  }

  /// A carry is zero if it is in the first step, and then also behind each.
  void visit_loop(const Op& loop) {
    const ScanParts parts(loop);
    std::vector<bool> inputs;
    for (auto operand : loop.operands) inputs.push_back(of(operand));
    for (bool changed = true; changed;) {
      ZeroOnPadding body;
      for (std::size_t i = 0; i < inputs.size(); ++i) body.mark(parts.inputs[i], inputs[i]);
      for (const auto& op : parts.body.ops)
        if (op.kind != OpKind::input) body.visit(op);
      changed = false;
      for (std::size_t i = 0; i < parts.carries; ++i) {
        if (!inputs[i] || body.of(parts.outputs[i])) continue;
        inputs[i] = false;
        changed = true;
      }
      for (std::size_t i = 0; i < loop.results.size(); ++i)
        mark(loop.results[i], body.of(parts.outputs[i]) && (i >= parts.carries || inputs[i]));
    }
  }

  bool result_is_zero(const Op& op) const {
    if (op.kind == OpKind::input) return input_role(op) == InputRole::batch_mask;
    if (op.kind == OpKind::constant) return op.attributes.number("value") == 0;
    const auto& def = definition(op.kind);
    return def.gives_zero != nullptr && !def.whole_batch && def.gives_zero(of_operands(op));
  }

  std::vector<bool> zero_;
};

ValueId masked(Builder& b, ValueId x) {
  const auto* valid = find_input(b.graph(), InputRole::batch_mask);
  if (valid == nullptr) throw Error("graph @{}: a sum over the batch needs an input {{role = \"batch_mask\"}} : f32[B]", b.graph().name);
  Ints dims(b.type(x).rank(), 1);
  dims[0] = kBatch;
  auto weight = valid->result();
  if (dims.size() > 1) weight = b.emit(OpKind::reshape, {weight}, {{"dims", dims}});
  return b.emit(OpKind::mul, {x, weight}, {}, "masked");
}

/// For each value the earlier operands of the weight gradients that read it. These sum over the batch the products of an activation and of
/// its gradient, which comes later; one of the two must be zero for padding.
std::vector<std::vector<ValueId>> factors_of_sums(const Graph& graph) {
  std::vector<std::vector<ValueId>> factors(graph.values.size());
  auto definers = graph.definers();
  for (const auto& op : graph.ops) {
    if (!sums_over_batch(graph, op) || op.operands.size() < 2) continue;
    auto [earlier, later] = std::pair(op.operands[0], op.operands[1]);
    if (definers[earlier] > definers[later]) std::swap(earlier, later);
    factors[later].push_back(earlier);
  }
  return factors;
}

/// Whether images of padding would count in what an op makes of all images.
bool counts_padding(const Graph& graph, const Op& op, const ZeroOnPadding& zero) {
  const auto& def = definition(op.kind);
  if (!sums_over_batch(graph, op) && !(def.whole_batch && def.gives_zero != nullptr)) return false;
  const auto operands = zero.of_operands(op);
  // Those without such a rule sum products.
  return def.gives_zero != nullptr ? !def.gives_zero(operands) : std::find(operands.begin(), operands.end(), true) == operands.end();
}

}  // namespace

void shard(Graph& graph) {
  const auto factors = factors_of_sums(graph);
  Rewriter rewriter(graph);
  ZeroOnPadding zero;
  std::size_t seen = 0;
  auto visit_new = [&] {
    for (; seen < graph.ops.size(); ++seen) zero.visit(graph.ops[seen]);
  };
  for (const auto& old : rewriter.old_ops()) {
    auto op = rewriter.with_current_operands(old);
    rewriter.b.stand_at(op);
    bool sums = sums_over_batch(graph, op);
    if (counts_padding(graph, op, zero)) op.operands.back() = masked(rewriter.b, op.operands.back());
    if (auto whole = definition(op.kind).whole_batch_form;
        whole && graph.iteration(op).extent(LoopKind::row) == 1 && whole_weight_gradient(graph, graph.type(op.result()))) {
      op.kind = *whole;
      op.attributes.set("rows", graph.type(op.result()).dims[0]);
      sums = false;
    }
    rewriter.keep(op);
    if (sums) rewriter.replace(op.result(), rewriter.b.emit(OpKind::reduce, {op.result()}, {}, graph.values[op.result()].name));
    visit_new();
    // Masked where it is made, a gradient is zero in all that is computed from it.
    if (old.kind == OpKind::input) continue;
    for (auto result : old.results) {
      auto is_nonzero = [&](ValueId factor) { return !zero.of(rewriter.current(factor)); };
      if (zero.of(result) || std::none_of(factors[result].begin(), factors[result].end(), is_nonzero)) continue;
      rewriter.replace(result, masked(rewriter.b, result));
      visit_new();
    }
  }
}

}  // namespace gradc
