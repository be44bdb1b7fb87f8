#include "gradc/error.h"
#include "ir/symbol.h"
#include "passes/gradients/gradients.h"

namespace gradc {
namespace {

/// Sums a gradient over the dimensions along which its operand was broadcast.
ValueId unbroadcast(Builder& b, ValueId gradient, const Type& operand) {
  const auto type = b.type(gradient);
  if (type.dims == operand.dims) return gradient;
  auto extra = type.rank() - operand.rank();
  Ints axes;
  for (int i = 0; i < type.rank(); ++i)
    if (i < extra || (operand.dims[i - extra] == 1 && type.dims[i] != 1)) axes.push_back(i);
  if (!axes.empty()) gradient = b.emit(OpKind::reduce_sum, {gradient}, {{"axes", axes}, {"keep_dims", std::int64_t{0}}});
  if (b.type(gradient).dims != operand.dims) gradient = b.emit(OpKind::reshape, {gradient}, {{"dims", operand.dims}});
  return gradient;
}

Symbol max(Symbol a, Symbol b) { return emit(OpKind::max, {a, b}); }

}  // namespace

void gradient_pointwise(Gradient& g) {
  // The derivatives of pointwise.def, over values of the graph. A gradient has the shape of the result; constants are scalars.
  [[maybe_unused]] auto C = [&](double v) { return Symbol{&g.b, g.b.constant(v)}; };
  const Symbol none;
  auto operand = [&](std::size_t i) { return i < g.op.operands.size() ? Symbol{&g.b, g.op.operands[i]} : none; };
  [[maybe_unused]] const Symbol x = operand(0), a = operand(0), b = operand(1), c = operand(2), y{&g.b, g.y()}, dy{&g.b, g.dy()};
  auto set = [&](int i, auto derivative) {
    if (!g.needs(i)) return;
    Symbol d = derivative();
    if (d.id >= 0) g.set(i, unbroadcast(g.b, d.id, g.b.type(g.op.operands[i])));
  };
  switch (g.op.kind) {
#define GRADC_UNARY(name, value, dx) \
  case OpKind::name: set(0, [&] { return dx; }); break;
#define GRADC_BINARY(name, value, da, db) \
  case OpKind::name:                      \
    set(0, [&] { return da; });           \
    set(1, [&] { return db; });           \
    break;
#define GRADC_TERNARY(name, value, da, db, dc) \
  case OpKind::name:                           \
    set(0, [&] { return da; });                \
    set(1, [&] { return db; });                \
    set(2, [&] { return dc; });                \
    break;
#include "ir/ops/pointwise.def"
#undef GRADC_UNARY
#undef GRADC_BINARY
#undef GRADC_TERNARY
    default: throw InternalError("not a pointwise op");
  }
}

}  // namespace gradc
