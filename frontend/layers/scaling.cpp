#include "gradc/layers/scaling.h"

#include "frontend/layers/context.h"
#include "gradc/error.h"

namespace gradc {

namespace {

/// A number, or one for each place along the input's last dimension, as a value.
ValueId operand(LayerContext& context, const char* option, const NumberArray& given) {
  if (given.is_number()) return context.b.constant(given.values[0]);
  const auto last = context.input_type().dims.back();
  if (given.shape.size() != 1 || (given.shape[0] != 1 && given.shape[0] != last))
    throw Error("\"{}\" is {}, expected a number, or {}, as its input has along its last dimension", option,
                context.config.find(option).dump(), last);
  return numbers(context, given.values, given.shape).id;
}

}  // namespace

ValueId lower(LayerContext& context, const IdentityLayer&) { return context.input(); }

ValueId lower(LayerContext& context, const Rescaling& layer) {
  auto y = context.input();
  auto leaves = [](const NumberArray& given, double neutral) { return given.is_number() && given.values[0] == neutral; };
  if (!leaves(layer.scale, 1)) y = context.emit(OpKind::mul, {y, operand(context, "scale", layer.scale)}, {}, "scaled");
  if (!leaves(layer.offset, 0)) y = context.emit(OpKind::add, {y, operand(context, "offset", layer.offset)}, {}, "shifted");
  return y;
}

ValueId lower(LayerContext& context, const ActivityRegularization& layer) {
  context.penalize({.l1 = layer.l1, .l2 = layer.l2}, context.input());
  return context.input();
}

}  // namespace gradc
