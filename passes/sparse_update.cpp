#include "passes/sparse_update.h"

#include <functional>
#include <optional>
#include <vector>

#include "passes/rewriter.h"
#include "passes/simplify.h"

namespace gradc {
namespace {

/// Rows that are added to a table: at these indices, each what the steps make of a row of the gradient.
struct AddedRows {
  ValueId indices, gradient;
  std::vector<std::function<ValueId(Builder&, ValueId)>> steps;
};

class Finder {
 public:
  explicit Finder(const Graph& graph) : graph_(graph), definers_(graph.definers()), uses_(graph.values.size(), 0) {
    for (const auto& op : graph.ops)
      for (auto operand : op.operands) ++uses_[operand];
  }

  /// What an update adds to its param, if that is a multiple of the gradient of the rows of a table, and of use to nothing else.
  std::optional<AddedRows> rows_added_by(const Op& update) const {
    const auto param = update.operands[0], next = update.operands[1];
    const auto& sum = definer(next);
    if (uses_[next] != 1) return std::nullopt;
    if (sum.kind == OpKind::sub && sum.operands[0] == param) {
      auto rows = multiple(sum.operands[1]);
      if (rows) rows->steps.push_back([](Builder& b, ValueId x) { return b.emit(OpKind::neg, {x}); });
      return rows;
    }
    if (sum.kind != OpKind::add) return std::nullopt;
    for (int side : {0, 1})
      if (sum.operands[side] == param) return multiple(sum.operands[1 - side]);
    return std::nullopt;
  }

 private:
  const Op& definer(ValueId value) const { return graph_.ops[definers_[value]]; }
  bool is_scalar(ValueId value) const { return graph_.type(value).rank() == 0; }

  std::optional<AddedRows> multiple(ValueId value) const {
    const auto& op = definer(value);
    if (uses_[value] != 1) return std::nullopt;
    if (op.kind == OpKind::gather_grad) return AddedRows{op.operands[0], op.operands[1], {}};
    auto then = [&](ValueId inner, std::function<ValueId(Builder&, ValueId)> step) {
      auto rows = multiple(inner);
      if (rows) rows->steps.push_back(std::move(step));
      return rows;
    };
    const auto kind = op.kind;
    if (kind == OpKind::neg) return then(op.operands[0], [](Builder& b, ValueId x) { return b.emit(OpKind::neg, {x}); });
    if (kind != OpKind::mul && kind != OpKind::div) return std::nullopt;
    const auto first = op.operands[0], second = op.operands[1];
    if (is_scalar(second)) return then(first, [kind, second](Builder& b, ValueId x) { return b.emit(kind, {x, second}); });
    if (kind == OpKind::mul && is_scalar(first))
      return then(second, [first](Builder& b, ValueId x) { return b.emit(OpKind::mul, {first, x}); });
    return std::nullopt;
  }

  const Graph& graph_;
  std::vector<std::int32_t> definers_;
  std::vector<int> uses_;
};

}  // namespace

void sparse_update(Graph& graph) {
  std::vector<std::optional<AddedRows>> added;
  {
    const Finder finder(graph);
    for (const auto& op : graph.ops) added.push_back(op.kind == OpKind::update ? finder.rows_added_by(op) : std::nullopt);
  }
  Rewriter rewriter(graph);
  for (std::size_t i = 0; i < added.size(); ++i) {
    auto op = rewriter.old_ops()[i];
    if (added[i]) {
      rewriter.b.stand_at(op);
      auto values = added[i]->gradient;
      for (const auto& step : added[i]->steps) values = step(rewriter.b, values);
      const auto name = graph.values[op.operands[1]].name;
      op.operands[1] = rewriter.b.emit(OpKind::scatter_add, {op.operands[0], added[i]->indices, values}, {}, name);
    }
    rewriter.keep(op);
  }
  eliminate_dead_code(graph);
}

}  // namespace gradc
