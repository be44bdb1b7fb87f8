#include "ir/op.h"

#include <algorithm>
#include <map>

#include "gradc/error.h"
#include "ir/ops/define.h"
#include "ir/ops/scalar.h"

namespace gradc {

#define GRADC_OP(name, ...) OpDef define_##name();
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

/// Whether a row gives 0 where some operands are, as it does for equal and for different numbers of each sign in place of the others, and
/// for a condition that does not hold.
template <OpKind kind>
bool pointwise_gives_zero(const std::vector<bool>& operands) {
  constexpr double others[][3] = {{1.7, 1.7, 1.7}, {-2.3, -2.3, -2.3}, {1.7, -2.3, 0.6}, {-2.3, 1.7, -0.4}, {0, 1.7, -2.3}};
  return std::all_of(std::begin(others), std::end(others), [&](const double* other) {
    double numbers[3];
    for (std::size_t i = 0; i < operands.size(); ++i) numbers[i] = operands[i] ? 0 : other[i];
    return scalar_function(kind)(numbers) == 0;
  });
}

template <OpKind kind>
OpDef define_pointwise(std::string_view name, std::string expression, std::vector<std::string> operands) {
  return {.name = name,
          .summary = readable(std::move(expression)),
          .operands = std::move(operands),
          .infer = infer_pointwise,
          .fusion = FusionKind::elementwise,
          .flops = flops_pointwise,
          .gives_zero = pointwise_gives_zero<kind>,
          .instructions = scalar_instructions(kind)};
}

OpDef commutative(OpDef def) {
  def.commutative = true;
  return def;
}

OpDef named(std::string_view name, OpDef def) {
  def.name = name;
  return def;
}

const std::vector<OpDef>& table() {
  static const std::vector<OpDef> defs = {
#define GRADC_OP(name, ...) named(#name, define_##name()),
#include "ir/ops/ops.def"
#undef GRADC_OP
#define GRADC_UNARY(name, value, ...) define_pointwise<OpKind::name>(#name, #value, {"x"}),
#define GRADC_BINARY(name, value, ...) define_pointwise<OpKind::name>(#name, #value, {"a", "b"}),
#define GRADC_COMMUTATIVE(name, value, ...) commutative(define_pointwise<OpKind::name>(#name, #value, {"a", "b"})),
#define GRADC_TERNARY(name, value, ...) define_pointwise<OpKind::name>(#name, #value, {"a", "b", "c"}),
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

}  // namespace gradc
