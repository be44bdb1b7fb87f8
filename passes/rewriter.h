#pragma once
#include <utility>

#include "ir/graph.h"

namespace gradc {

/// Builds a graph's ops anew, in order, so that a pass can put others in front of each or in its place. Values keep their numbers.
class Rewriter {
 public:
  explicit Rewriter(Graph& graph) : b(graph), old_(std::exchange(graph.ops, {})) {}

  Builder b;

  const std::vector<Op>& old_ops() const { return old_; }
  /// Lets later ops use `to` where they used `from`.
  void replace(ValueId from, ValueId to) {
    if (from >= static_cast<ValueId>(same_.size())) same_.resize(from + 1, -1);
    same_[from] = to;
  }
  ValueId current(ValueId value) const { return value < static_cast<ValueId>(same_.size()) && same_[value] >= 0 ? same_[value] : value; }
  /// The op with its operands replaced.
  Op with_current_operands(Op op) const {
    for (auto& operand : op.operands) operand = current(operand);
    return op;
  }
  void keep(const Op& op) { b.graph().ops.push_back(with_current_operands(op)); }

 private:
  std::vector<Op> old_;
  std::vector<ValueId> same_;
};

}  // namespace gradc
