#include "passes/gradients/gradients.h"

namespace gradc {

/// dx = y * (dy - sum(dy * y))
void gradient_softmax(Gradient& g) {
  if (!g.needs(0)) return;
  auto last = static_cast<std::int64_t>(g.b.type(g.y()).rank() - 1);
  auto product = g.b.emit(OpKind::mul, {g.dy(), g.y()});
  auto sum = g.b.emit(OpKind::reduce_sum, {product}, {{"axes", Ints{last}}, {"keep_dims", std::int64_t{1}}});
  g.set(0, g.b.emit(OpKind::mul, {g.y(), g.b.emit(OpKind::sub, {g.dy(), sum})}));
}

void gradient_softmax_cross_entropy(Gradient& g) {
  if (g.needs(0)) g.set(0, g.b.emit(OpKind::softmax_cross_entropy_grad, {g.x(0), g.x(1), g.dy()}));
}

}  // namespace gradc
