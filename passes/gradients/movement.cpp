#include "passes/gradients/gradients.h"

namespace gradc {

void gradient_reshape(Gradient& g) {
  if (g.needs(0)) g.set(0, g.b.emit(OpKind::reshape, {g.dy()}, {{"dims", g.b.type(g.x(0)).dims}}));
}

void gradient_transpose(Gradient& g) {
  if (!g.needs(0)) return;
  const auto& permutation = g.op.attributes.ints("permutation");
  Ints inverse(permutation.size());
  for (std::size_t i = 0; i < permutation.size(); ++i) inverse[permutation[i]] = static_cast<std::int64_t>(i);
  g.set(0, g.b.emit(OpKind::transpose, {g.dy()}, {{"permutation", inverse}}));
}

void gradient_broadcast(Gradient& g) {
  if (!g.needs(0)) return;
  const auto x = g.b.type(g.x(0)), y = g.b.type(g.y());
  auto extra = y.rank() - x.rank();
  Ints axes;
  for (int i = 0; i < y.rank(); ++i)
    if (i < extra || (x.dims[i - extra] == 1 && y.dims[i] != 1)) axes.push_back(i);
  auto dx = axes.empty() ? g.dy() : g.b.emit(OpKind::reduce_sum, {g.dy()}, {{"axes", axes}, {"keep_dims", std::int64_t{0}}});
  if (g.b.type(dx).dims != x.dims) dx = g.b.emit(OpKind::reshape, {dx}, {{"dims", x.dims}});
  g.set(0, dx);
}

void gradient_pad(Gradient& g) {
  if (g.needs(0)) g.set(0, g.b.emit(OpKind::slice, {g.dy()}, {{"begin", g.op.attributes.ints("before")}, {"size", g.b.type(g.x(0)).dims}}));
}

void gradient_slice(Gradient& g) {
  if (!g.needs(0)) return;
  const auto x = g.b.type(g.x(0)), y = g.b.type(g.y());
  auto before = g.op.attributes.ints("begin"), after = before;
  for (int i = 0; i < x.rank(); ++i) after[i] = x.dims[i] == kBatch ? 0 : x.dims[i] - before[i] - y.dims[i];
  g.set(0, g.b.emit(OpKind::pad, {g.dy()}, {{"before", before}, {"after", after}}));
}

void gradient_concat(Gradient& g) {
  auto axis = g.op.attributes.integer("axis");
  Ints begin(g.b.type(g.y()).rank(), 0);
  for (std::size_t i = 0; i < g.op.operands.size(); ++i) {
    const auto x = g.b.type(g.x(static_cast<int>(i)));
    if (g.needs(static_cast<int>(i))) g.set(static_cast<int>(i), g.b.emit(OpKind::slice, {g.dy()}, {{"begin", begin}, {"size", x.dims}}));
    begin[axis] += x.dims[axis];
  }
}

void gradient_reverse(Gradient& g) {
  if (g.needs(0)) g.set(0, g.b.emit(OpKind::reverse, {g.dy()}, g.op.attributes));
}

}  // namespace gradc
