#pragma once
/// The op table: for every op its name, operands, attributes, shape rule and cost. Made from ops.def and pointwise.def.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/attributes.h"
#include "ir/type.h"

namespace gradc {

enum class OpKind : std::uint8_t {
#define GRADC_OP(name) name,
#include "ir/ops/ops.def"
#undef GRADC_OP
#define GRADC_UNARY(name, ...) name,
#define GRADC_BINARY(name, ...) name,
#define GRADC_TERNARY(name, ...) name,
#include "ir/ops/pointwise.def"
#undef GRADC_UNARY
#undef GRADC_BINARY
#undef GRADC_TERNARY
};

/// The index of an Attribute's alternative.
enum class AttributeKind : std::uint8_t { integer, number, text, ints };

struct AttributeSpec {
  std::string name;
  AttributeKind kind;
  bool optional = false;
};

/// What a shape rule sees of an op.
struct OpView {
  std::span<const Type> operands;
  const Attributes& attributes;
};

struct OpDef {
  std::string_view name;
  std::string summary;                ///< One sentence for docs/ir.md.
  std::vector<std::string> operands;  ///< Names of the operands; a last name that ends in "..." stands for one or more.
  std::vector<AttributeSpec> attributes;
  /// The result types, or throws gradc::Error with what is wrong with operands and attributes.
  std::vector<Type> (*infer)(const OpView&) = nullptr;
  /// Whether the result types cannot be inferred: input, param and constant, whose types the text form states.
  bool states_its_type = false;
  /// Whether values leave or enter the graph here, so that the op must stay though nothing uses its result.
  bool has_effect = false;
  bool pointwise = false;
  /// Floating-point operations an image (or in all, for an unbatched op): a multiply-add counts two.
  std::int64_t (*flops)(const OpView&, std::span<const Type> results) = nullptr;
};

const OpDef& definition(OpKind kind);
std::optional<OpKind> find_op(std::string_view name);
std::span<const OpKind> all_ops();
inline std::string_view name_of(OpKind kind) { return definition(kind).name; }
inline bool is_pointwise(OpKind kind) { return definition(kind).pointwise; }
/// Sums of products, where the time of a step goes: convolutions, dense layers and their gradients.
bool is_contraction(OpKind kind);

/// Result type of operands broadcast against each other as NumPy does: aligned at the last dimension, 1 stretches.
Type broadcast_types(std::span<const Type> operands);

}  // namespace gradc
