// gather, its gradient, and sums into a table in place.
#include "backends/halide/emitter.h"
#include "backends/halide/nan.h"
#include "step/kernel.h"

namespace gradc {
namespace {

using namespace Halide;

/// The row of a table that an index names, as the reference has it: always one of the table's, whatever the number.
Expr row_of(const Expr& index, std::int64_t rows) {
  const auto last = static_cast<int>(rows - 1);
  if (index.type().is_uint()) return min(cast<std::int32_t>(index), last);
  if (index.type().is_int()) return clamp(index, 0, last);
  // No number beyond those of i32 is made one of them. Numbers of f32 tell all rows apart, by the op's rule.
  const auto number = clamp(select(is_nan_by_bits(index), 0.0f, index), 0.0f, static_cast<float>(last));
  return clamp(cast<std::int32_t>(number), 0, last);
}

/// Where an element of an image lies, from the first image's first on.
Expr address(const Emitter& e, const gradc::Type& type, const Expr& image, const Expr& element) {
  if (e.lanes_are_features()) return image * static_cast<int>(image_stride(type)) + element;
  const auto elements = static_cast<int>(type.elements());
  return image / e.vector() * (elements * e.vector()) + element * e.vector() + image % e.vector();
}

/// A block of the table's columns: its rows begin as `first` says, and are added to in the order of images and of the positions within
/// them, which no number of blocks changes.
void add_to_rows(Emitter& e, const Op& op, const Expr& first, ValueId index_value, ValueId value) {
  const auto &indices = e.type(index_value), &values = e.type(value), &table = e.type(op.result());
  const auto rows = table.dims[0], size = table.elements() / rows;
  const auto columns = static_cast<int>(e.block());
  const int width = e.width(columns);
  Var column("column"), row("row"), outer("outer"), inner("inner");
  RDom r(0, static_cast<int>(indices.elements()), 0, e.image_count, "r");
  const auto &numbers = e.memory(index_value), &added = e.memory(value);
  Func sum(std::string(name_of(op.kind)));
  sum(column, row) = first;
  sum(column, row_of(numbers(address(e, indices, r.y, r.x)), rows)) +=
      added(address(e, values, r.y, r.x * static_cast<int>(size) + column));
  sum.bound(column, 0, columns).bound(row, 0, static_cast<int>(rows));
  sum.vectorize(column, width, TailStrategy::GuardWithIf);
  sum.update().split(column, outer, inner, width, TailStrategy::GuardWithIf).reorder(inner, outer, r.x, r.y).vectorize(inner);
  // The vectors of a block share their index.
  constexpr int kUnrolled = 8;
  if (columns % width == 0 && columns / width <= kUnrolled) sum.update().unroll(outer);
  auto memory = sum.output_buffer();
  memory.dim(0).set_bounds(0, columns).set_stride(1);
  memory.dim(1).set_bounds(0, static_cast<int>(rows)).set_stride(static_cast<int>(size));
  e.write(op.result(), sum);
}

}  // namespace

void halide_gather(Emitter& e, const Op& op) {
  const auto &table = e.type(op.operands[0]), &indices = e.type(op.operands[1]), &y = e.type(op.result());
  const auto vars = e.indices(y);
  const auto own = vars.begin() + (table.rank() - 1);
  std::vector<Expr> place(vars.begin(), own);
  place.push_back(row_of(e.at(op.operands[1], e.n, {own, own + (indices.rank() - 1)}), table.dims[0]));
  Func f("gather");
  f(e.arguments_of(y)) = e.at(op.operands[0], e.n, place);
  e.define(op.result(), f);
}

void halide_gather_grad(Emitter& e, const Op& op) { add_to_rows(e, op, 0.0f, op.operands[0], op.operands[1]); }

/// The result lies where the table does.
void halide_scatter_add(Emitter& e, const Op& op) { add_to_rows(e, op, undef<float>(), op.operands[1], op.operands[2]); }

}  // namespace gradc
