#pragma once
/// The op table: for every op its name, operands, attributes, shape rule, and what passes may ask of it. Made from ops.def and
/// pointwise.def.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/attributes.h"
#include "ir/iteration.h"
#include "ir/type.h"

namespace gradc {

enum class OpKind : std::uint8_t {
#define GRADC_OP(name, ...) name,
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
enum class AttributeKind : std::uint8_t { integer, number, text, ints, pairs };

struct AttributeSpec {
  std::string name;
  AttributeKind kind;
  bool optional = false;
};

class Graph;

/// What a shape rule sees of an op.
struct OpView {
  std::span<const Type> operands;
  const Attributes& attributes;
  const Graph* body = nullptr;  ///< A scan's.
};

/// What an op does to its operands, as fusion asks (compare TVM's OpPatternKind).
enum class FusionKind : std::uint8_t {
  opaque,       ///< Anything else.
  boundary,     ///< A value enters the graph, leaves it or is shown in another shape, outside of kernels.
  constant,     ///< Every element is known when the kernel is compiled.
  elementwise,  ///< Each element of the result from one of each operand: the rows of pointwise.def.
  movement,     ///< The operands' elements at other places.
  window,       ///< A choice among the elements of each window.
  reduction,    ///< Each element of the result from many of an operand.
  contraction,  ///< Sums of products, where the time of a step goes; its loops are its Iteration.
  loop,         ///< What its body does, step by step, by kernels of its own.
};

/// What an op does with the rows of a table that numbers among its operands name.
enum class RowUse : std::uint8_t { none, reads, adds };

struct OpDef {
  std::string_view name;
  std::string summary;                ///< One sentence for docs/ir.md.
  std::vector<std::string> operands;  ///< Names of the operands; a last name that ends in "..." stands for one or more.
  std::vector<AttributeSpec> attributes;
  /// The result types, or throws gradc::Error with what is wrong with operands and attributes.
  std::vector<Type> (*infer)(const OpView&) = nullptr;
  /// Whether the result types cannot be inferred: input, param and constant, whose types the text form states.
  bool states_its_type = false;
  /// What is wrong with the type that an op states, or "". Any type is right where there is no such rule.
  std::string (*problem_of_type)(const Attributes&, const Type& result) = nullptr;
  /// Whether values leave or enter the graph here, so that the op must stay though nothing uses its result.
  bool has_effect = false;
  FusionKind fusion = FusionKind::opaque;
  /// Floating-point operations an image (or in all, for an unbatched op) of what is no contraction.
  std::int64_t (*flops)(const OpView&, std::span<const Type> results) = nullptr;
  /// The loops of a contraction.
  Iteration (*iteration)(const OpView&, std::span<const Type> results) = nullptr;
  /// Whether an image's result, or its part of one over the whole batch, is zero where these operands are, one flag an operand, whatever
  /// the others are.
  bool (*gives_zero)(const std::vector<bool>& operands) = nullptr;
  /// Instructions for an element that is computed where it is read, or -1 for ops that are computed before they are read.
  int instructions = -1;
  /// Whether operands may be computed where it reads them, as it reads each few times.
  bool inlines_operands = false;
  /// The operands that may be read through a transpose, where they lie.
  std::vector<int> transposable = {};
  RowUse rows = RowUse::none;
  /// Whether it sees all images of the batch at once, so that its result is none of a tile's.
  bool whole_batch = false;
  /// The op that computes the same over the whole batch at once, of as many `rows` of the result as that attribute says.
  std::optional<OpKind> whole_batch_form = {};
  /// Whether its value is the same with its two operands exchanged. Their gradients need not be: `max` gives a tie's to the first.
  bool commutative = false;
  /// Whether it gives the largest of its operand's elements, so that increasing ops may as well come after it.
  bool commutes_with_increasing = false;
};

const OpDef& definition(OpKind kind);
std::optional<OpKind> find_op(std::string_view name);
std::span<const OpKind> all_ops();
inline std::string_view name_of(OpKind kind) { return definition(kind).name; }
inline FusionKind fusion_of(OpKind kind) { return definition(kind).fusion; }
inline bool is_pointwise(OpKind kind) { return fusion_of(kind) == FusionKind::elementwise; }
inline bool is_contraction(OpKind kind) { return fusion_of(kind) == FusionKind::contraction; }
/// Whether ops of this kind have a body.
inline bool is_loop(OpKind kind) { return fusion_of(kind) == FusionKind::loop; }
/// Whether it is a weight gradient that is computed over the whole batch at once, of `rows` of its rows a call.
inline bool is_whole_gradient(OpKind kind) { return is_contraction(kind) && definition(kind).whole_batch; }
/// Whether ops of this kind stand outside of kernels: values enter, leave or are shown in another shape there.
inline bool is_boundary(OpKind kind) { return fusion_of(kind) == FusionKind::boundary; }
/// Whether readers may compute an element as they read it.
inline bool is_inlined(OpKind kind) { return definition(kind).instructions >= 0; }

/// Result type of operands broadcast against each other as NumPy does: aligned at the last dimension, 1 stretches.
Type broadcast_types(std::span<const Type> operands);

}  // namespace gradc
