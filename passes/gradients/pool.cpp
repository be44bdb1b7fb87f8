#include "passes/gradients/gradients.h"

namespace gradc {
namespace {

Attributes input_attributes(const Gradient& g) {
  const auto x = g.b.type(g.x(0));
  return g.with("input", Ints{x.dims[1], x.dims[2]});
}

}  // namespace

void gradient_max_pool2d(Gradient& g) {
  if (g.needs(0)) g.set(0, g.b.emit(OpKind::max_pool2d_grad, {g.dy(), g.y(1)}, input_attributes(g)));
}

void gradient_avg_pool2d(Gradient& g) {
  if (g.needs(0)) g.set(0, g.b.emit(OpKind::avg_pool2d_grad, {g.dy()}, input_attributes(g)));
}

}  // namespace gradc
