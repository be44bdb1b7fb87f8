#include "passes/gradients/gradients.h"

namespace gradc {

void gradient_conv2d(Gradient& g) {
  const auto x = g.b.type(g.x(0)), w = g.b.type(g.x(1));
  if (g.needs(1)) g.set(1, g.b.emit(OpKind::conv2d_weight_grad, {g.x(0), g.dy()}, g.with("kernel", Ints{w.dims[0], w.dims[1]})));
  if (g.needs(0)) g.set(0, g.b.emit(OpKind::conv2d_input_grad, {g.dy(), g.x(1)}, g.with("input", Ints{x.dims[1], x.dims[2]})));
}

// Second derivatives are not asked for by any training step.
void gradient_conv2d_input_grad(Gradient&) {}
void gradient_conv2d_weight_grad(Gradient&) {}

}  // namespace gradc
