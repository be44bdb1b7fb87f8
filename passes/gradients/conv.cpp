#include "ir/window.h"
#include "passes/gradients/gradients.h"

namespace gradc {
namespace {

Ints extents_of(const Type& kernel) { return {kernel.dims.begin(), kernel.dims.end() - 2}; }

ValueId with_channels_exchanged(Gradient& g, ValueId kernel) {
  return g.b.emit(OpKind::transpose, {kernel}, {{"permutation", channels_exchanged(g.b.type(kernel).rank())}},
                  g.b.graph().values[kernel].name + "/transposed");
}

}  // namespace

void gradient_conv(Gradient& g) {
  const auto x = g.b.type(g.x(0)), w = g.b.type(g.x(1));
  if (g.needs(1)) g.set(1, g.b.emit(OpKind::conv_weight_grad, {g.x(0), g.dy()}, g.with("kernel", extents_of(w))));
  if (g.needs(0))
    g.set(0, g.b.emit(OpKind::conv_input_grad, {g.dy(), with_channels_exchanged(g, g.x(1))}, g.with("input", spatial_dims(x))));
}

/// conv_input_grad is also the forward op of a transposed convolution, whose gradients are a convolution and its weight gradient.
void gradient_conv_input_grad(Gradient& g) {
  const auto w = g.b.type(g.x(1));
  auto attributes = g.without("input");
  if (g.needs(0)) g.set(0, g.b.emit(OpKind::conv, {g.dy(), with_channels_exchanged(g, g.x(1))}, attributes));
  if (g.needs(1)) {
    attributes.set("kernel", extents_of(w));
    g.set(1, with_channels_exchanged(g, g.b.emit(OpKind::conv_weight_grad, {g.dy(), g.x(0)}, attributes)));
  }
}

}  // namespace gradc
