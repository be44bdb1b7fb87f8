#include "gradc/layers/scaling.h"

#include "frontend/layers/context.h"
#include "gradc/error.h"
#include "ir/roles.h"

namespace gradc {

ValueId lower(LayerContext& context, const Rescaling& layer) {
  auto y = context.input();
  if (layer.scale != 1) y = context.emit(OpKind::mul, {y, context.b.constant(layer.scale)}, {}, "scaled");
  if (layer.offset != 0) y = context.emit(OpKind::add, {y, context.b.constant(layer.offset)}, {}, "shifted");
  return y;
}

ValueId lower(LayerContext& context, const Dropout& layer) {
  const auto rate = layer.rate;
  if (!(rate >= 0 && rate < 1)) throw Error("\"rate\" is {}, expected a number from 0 up to, not including, 1", rate);
  if (context.mode != Mode::train || rate == 0) return context.input();
  const auto* key = find_input(context.b.graph(), InputRole::step_key);
  const auto* image = find_input(context.b.graph(), InputRole::sample_index);
  check(key != nullptr && image != nullptr, "a training graph has its random inputs");
  auto random = context.emit(OpKind::random_uniform, {key->result(), image->result()},
                             {{"dims", context.input_type().dims}, {"stream", static_cast<std::int64_t>(context.streams++)}}, "random");
  auto kept = context.emit(OpKind::mul, {context.input(), context.b.constant(1 / (1 - rate))}, {}, "scaled");
  auto drop = context.emit(OpKind::greater, {context.b.constant(rate), random}, {}, "drop");
  return context.emit(OpKind::select, {drop, context.b.constant(0), kept}, {}, "dropped");
}

}  // namespace gradc
