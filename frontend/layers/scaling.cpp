#include "gradc/layers/scaling.h"

#include "frontend/layers/context.h"

namespace gradc {

ValueId lower(LayerContext& context, const Rescaling& layer) {
  auto y = context.input();
  if (layer.scale != 1) y = context.emit(OpKind::mul, {y, context.b.constant(layer.scale)}, {}, "scaled");
  if (layer.offset != 0) y = context.emit(OpKind::add, {y, context.b.constant(layer.offset)}, {}, "shifted");
  return y;
}

ValueId lower(LayerContext& context, const ActivityRegularization& layer) {
  context.penalize({.l1 = layer.l1, .l2 = layer.l2}, context.input());
  return context.input();
}

}  // namespace gradc
