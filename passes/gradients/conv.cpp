#include "passes/gradients/gradients.h"

namespace gradc {
namespace {

ValueId with_channels_exchanged(Gradient& g, ValueId kernel) {
  return g.b.emit(OpKind::transpose, {kernel}, {{"permutation", Ints{0, 1, 3, 2}}}, g.b.graph().values[kernel].name + "/transposed");
}

}  // namespace

void gradient_conv2d(Gradient& g) {
  const auto x = g.b.type(g.x(0)), w = g.b.type(g.x(1));
  if (g.needs(1)) g.set(1, g.b.emit(OpKind::conv2d_weight_grad, {g.x(0), g.dy()}, g.with("kernel", Ints{w.dims[0], w.dims[1]})));
  if (g.needs(0))
    g.set(0,
          g.b.emit(OpKind::conv2d_input_grad, {g.dy(), with_channels_exchanged(g, g.x(1))}, g.with("input", Ints{x.dims[1], x.dims[2]})));
}

/// conv2d_input_grad is also the forward op of a transposed convolution, whose gradients are a convolution and its weight gradient.
void gradient_conv2d_input_grad(Gradient& g) {
  const auto w = g.b.type(g.x(1));
  auto attributes = g.without("input");
  if (g.needs(0)) g.set(0, g.b.emit(OpKind::conv2d, {g.dy(), with_channels_exchanged(g, g.x(1))}, attributes));
  if (g.needs(1)) {
    attributes.set("kernel", Ints{w.dims[0], w.dims[1]});
    g.set(1, with_channels_exchanged(g, g.b.emit(OpKind::conv2d_weight_grad, {g.dy(), g.x(0)}, attributes)));
  }
}

}  // namespace gradc
