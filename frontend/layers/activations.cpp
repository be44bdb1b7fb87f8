#include "gradc/layers/activations.h"

#include <numeric>

#include "frontend/layers/context.h"
#include "gradc/error.h"

namespace gradc {
namespace {

/// x where it is positive, else `below`.
ValueId positive_or(LayerContext& context, ValueId below) {
  auto is_positive = context.emit(OpKind::greater, {context.input(), context.b.constant(0)}, {}, "is_positive");
  return context.emit(OpKind::select, {is_positive, context.input(), below}, {}, "y");
}

}  // namespace

ValueId lower(LayerContext& context, const Activation& layer) { return context.activate(context.input(), layer.activation); }

ValueId lower(LayerContext& context, const ReLU& layer) {
  const bool plain = layer.negative_slope == 0 && layer.threshold == 0;
  if (plain && layer.max_value == 6) return context.activate(context.input(), "relu6");
  auto y = context.input();
  if (plain) y = context.activate(y, "relu");
  if (layer.max_value) y = context.emit(OpKind::min, {y, context.b.constant(*layer.max_value)}, {}, "clipped");
  if (plain) return y;
  auto beyond = context.emit(OpKind::sub, {context.input(), context.b.constant(layer.threshold)}, {}, "beyond");
  auto below = context.emit(OpKind::mul, {beyond, context.b.constant(layer.negative_slope)}, {}, "sloped");
  auto is_below = context.emit(OpKind::greater, {context.b.constant(layer.threshold), context.input()}, {}, "is_below");
  return context.emit(OpKind::select, {is_below, below, y}, {}, "relu");
}

ValueId lower(LayerContext& context, const LeakyReLU& layer) {
  return positive_or(context, context.emit(OpKind::mul, {context.input(), context.b.constant(layer.alpha)}, {}, "sloped"));
}

ValueId lower(LayerContext& context, const ELU& layer) {
  auto y = context.emit(OpKind::elu, {context.input()}, {}, "elu");
  if (layer.alpha == 1) return y;
  return positive_or(context, context.emit(OpKind::mul, {y, context.b.constant(layer.alpha)}, {}, "scaled"));
}

ValueId lower(LayerContext& context, const PReLU& layer) {
  auto shape = context.input_type().image_dims();
  for (auto axis : layer.shared_axes) {
    if (axis > static_cast<std::int64_t>(shape.size()))
      throw Error("\"shared_axes\" is {}, but its input {} has {} dimensions", context.config.find("shared_axes").dump(),
                  shape_string(shape), shape.size());
    shape[axis - 1] = 1;
  }
  auto alpha = context.weight("alpha", shape, layer.alpha_initializer, layer.alpha_regularizer, layer.alpha_constraint);
  return positive_or(context, context.emit(OpKind::mul, {context.input(), alpha}, {}, "sloped"));
}

ValueId lower(LayerContext& context, const ThresholdedReLU& layer) {
  auto is_above = context.emit(OpKind::greater, {context.input(), context.b.constant(layer.theta)}, {}, "is_above");
  return context.emit(OpKind::select, {is_above, context.input(), context.b.constant(0)}, {}, "y");
}

ValueId lower(LayerContext& context, const Softmax& layer) {
  const std::int64_t rank = context.input_type().rank(), axis = layer.axis < 0 ? layer.axis + rank : layer.axis;
  if (axis < 1 || axis >= rank)
    throw Error("\"axis\" is {}, expected one from 1 to {} of an input of shape {}", layer.axis, rank - 1,
                shape_string(context.input_type().image_dims()));
  // Softmax is along the last dimension, with which another one changes places.
  Ints exchanged(static_cast<std::size_t>(rank));
  std::iota(exchanged.begin(), exchanged.end(), 0);
  std::swap(exchanged[static_cast<std::size_t>(axis)], exchanged.back());
  auto exchange = [&](ValueId x) {
    return axis == rank - 1 ? x : context.emit(OpKind::transpose, {x}, {{"permutation", exchanged}}, "exchanged");
  };
  return exchange(context.activate(exchange(context.input()), "softmax"));
}

}  // namespace gradc
