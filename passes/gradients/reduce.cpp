#include "passes/gradients/gradients.h"

namespace gradc {

/// Every summed element gets the gradient of its sum.
void gradient_reduce_sum(Gradient& g) {
  if (!g.needs(0)) return;
  const auto x = g.b.type(g.x(0));
  auto kept = x.dims;
  for (auto axis : g.op.attributes.ints("axes")) kept[axis] = 1;
  auto dy = g.dy();
  // Where the batch was summed its gradient has no batch yet, so only inner dimensions are put back before broadcasting.
  if (g.b.type(dy).dims != kept) {
    Ints dims(kept.begin() + (x.batched() && kept[0] == 1 ? 1 : 0), kept.end());
    if (g.b.type(dy).dims != dims) dy = g.b.emit(OpKind::reshape, {dy}, {{"dims", dims}});
  }
  g.set(0, g.b.emit(OpKind::broadcast, {dy}, {{"dims", x.dims}}));
}

/// With N values a channel, d mean / dx = 1/N and d variance / dx = 2 (x - mean) / N: the mean's own share of the
/// variance's gradient is zero, as the deviations sum to zero.
void gradient_batch_moments(Gradient& g) {
  if (!g.needs(0)) return;
  const auto x = g.b.type(g.x(0));
  auto per_image = g.b.constant(static_cast<double>(x.elements() / x.dims.back()));
  auto count = g.b.emit(OpKind::mul, {g.x(1), per_image});
  ValueId sum = -1;
  if (g.dy(0) >= 0) sum = g.b.emit(OpKind::broadcast, {g.b.emit(OpKind::div, {g.dy(0), count})}, {{"dims", x.dims}});
  if (g.dy(1) >= 0) {
    auto scale = g.b.emit(OpKind::div, {g.b.emit(OpKind::mul, {g.dy(1), g.b.constant(2)}), count});
    auto term = g.b.emit(OpKind::mul, {g.b.emit(OpKind::sub, {g.x(0), g.y(0)}), scale});
    sum = sum < 0 ? term : g.b.emit(OpKind::add, {sum, term});
  }
  g.set(0, sum);
}

void gradient_reduce(Gradient& g) { g.set(0, g.dy()); }

}  // namespace gradc
