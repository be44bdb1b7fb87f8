#pragma once
/// What the files of this folder share. Each defines gradient_<op>(Gradient&), which adds the gradients of its operands as graph ops.

#include <vector>

#include "ir/graph.h"

namespace gradc {

class Gradient {
 public:
  Gradient(Builder& builder, const Op& op, std::vector<ValueId> of_results, std::vector<bool> needed)
      : b(builder), op(op), of_results_(std::move(of_results)), needed_(std::move(needed)), of_operands(op.operands.size(), -1) {}

  Builder& b;
  const Op& op;

  ValueId x(int operand) const { return op.operands[operand]; }
  ValueId y(int result = 0) const { return op.results[result]; }
  /// The gradient of a result, or -1 where none flows.
  ValueId dy(int result = 0) const { return of_results_[result]; }
  /// Whether the gradient of an operand leads to a parameter. Others need no work.
  bool needs(int operand) const { return needed_[operand]; }
  void set(int operand, ValueId gradient) { of_operands[operand] = gradient; }
  /// Attributes of `op` with one more.
  Attributes with(const std::string& name, Attribute value) const {
    auto attributes = op.attributes;
    attributes.set(name, std::move(value));
    return attributes;
  }
  /// Attributes of `op` but one.
  Attributes without(const std::string& name) const {
    Attributes attributes;
    for (const auto& [each, value] : op.attributes)
      if (each != name) attributes.set(each, value);
    return attributes;
  }

 private:
  std::vector<ValueId> of_results_;
  std::vector<bool> needed_;

 public:
  std::vector<ValueId> of_operands;
};

#define GRADC_OP(name, gradient, ...) GRADC_IF_##gradient(void gradient_##name(Gradient&);)
#include "ir/ops/ops.def"
#undef GRADC_OP

/// The gradient of any pointwise op, from its row in pointwise.def.
void gradient_pointwise(Gradient&);

}  // namespace gradc
