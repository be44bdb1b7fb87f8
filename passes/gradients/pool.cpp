#include "ir/window.h"
#include "passes/gradients/gradients.h"

namespace gradc {
namespace {

Attributes input_attributes(const Gradient& g) { return g.with("input", spatial_dims(g.b.type(g.x(0)))); }

}  // namespace

void gradient_max_pool(Gradient& g) {
  if (g.needs(0)) g.set(0, g.b.emit(OpKind::max_pool_grad, {g.dy(), g.y(1)}, input_attributes(g)));
}

void gradient_avg_pool(Gradient& g) {
  if (g.needs(0)) g.set(0, g.b.emit(OpKind::avg_pool_grad, {g.dy()}, input_attributes(g)));
}

}  // namespace gradc
