#include "ir/op.h"

#include <algorithm>
#include <map>

#include "ir/ops/define.h"
#include "support/error.h"

namespace gradc {

#define GRADC_OP(name) OpDef define_##name();
#include "ir/ops/ops.def"
#undef GRADC_OP

namespace {

std::vector<Type> infer_pointwise(const OpView& op) {
  for (const auto& type : op.operands)
    if (type.dtype != DType::f32) throw Error("pointwise ops take f32, not {}", to_string(type));
  return {broadcast_types(op.operands)};
}

std::int64_t flops_pointwise(const OpView&, std::span<const Type> results) { return results[0].elements(); }

/// An expression of pointwise.def with its constants, C(0.5), as numbers.
std::string readable(std::string expression) {
  for (auto at = expression.find("C("); at != std::string::npos; at = expression.find("C(", at)) {
    expression.erase(expression.find(')', at), 1);
    expression.erase(at, 2);
  }
  return expression;
}

OpDef define_pointwise(std::string_view name, std::string expression, std::vector<std::string> operands) {
  return {.name = name,
          .summary = readable(std::move(expression)),
          .operands = std::move(operands),
          .infer = infer_pointwise,
          .pointwise = true,
          .flops = flops_pointwise};
}

OpDef named(std::string_view name, OpDef def) {
  def.name = name;
  return def;
}

const std::vector<OpDef>& table() {
  static const std::vector<OpDef> defs = {
#define GRADC_OP(name) named(#name, define_##name()),
#include "ir/ops/ops.def"
#undef GRADC_OP
#define GRADC_UNARY(name, value, ...) define_pointwise(#name, #value, {"x"}),
#define GRADC_BINARY(name, value, ...) define_pointwise(#name, #value, {"a", "b"}),
#define GRADC_TERNARY(name, value, ...) define_pointwise(#name, #value, {"a", "b", "c"}),
#include "ir/ops/pointwise.def"
#undef GRADC_UNARY
#undef GRADC_BINARY
#undef GRADC_TERNARY
  };
  return defs;
}

}  // namespace

const OpDef& definition(OpKind kind) { return table()[static_cast<std::size_t>(kind)]; }

std::span<const OpKind> all_ops() {
  static const std::vector<OpKind> kinds = [] {
    std::vector<OpKind> all;
    for (std::size_t i = 0; i < table().size(); ++i) all.push_back(static_cast<OpKind>(i));
    return all;
  }();
  return kinds;
}

std::optional<OpKind> find_op(std::string_view name) {
  static const std::map<std::string_view, OpKind> by_name = [] {
    std::map<std::string_view, OpKind> names;
    for (auto kind : all_ops()) names[name_of(kind)] = kind;
    return names;
  }();
  auto found = by_name.find(name);
  return found == by_name.end() ? std::nullopt : std::optional(found->second);
}

Type broadcast_types(std::span<const Type> operands) {
  Type result;
  for (const auto& type : operands) {
    auto& dims = result.dims;
    if (type.dims.size() > dims.size()) dims.insert(dims.begin(), type.dims.size() - dims.size(), 1);
    for (std::size_t i = 0; i < type.dims.size(); ++i) {
      auto& dim = dims[dims.size() - 1 - i];
      auto other = type.dims[type.dims.size() - 1 - i];
      if (other == dim || other == 1) continue;
      if (dim != 1) {
        std::string shapes;
        for (const auto& each : operands) shapes += (shapes.empty() ? "" : " and ") + to_string(each);
        throw Error("{} do not broadcast", shapes);
      }
      dim = other;
    }
  }
  return result;
}

bool is_contraction(OpKind kind) {
  switch (kind) {
    case OpKind::conv2d:
    case OpKind::conv2d_input_grad:
    case OpKind::conv2d_weight_grad:
    case OpKind::dense:
    case OpKind::dense_input_grad:
    case OpKind::dense_weight_grad:
    case OpKind::dense_weight_grad_whole: return true;
    default: return false;
  }
}

}  // namespace gradc
