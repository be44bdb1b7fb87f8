#include "gradc/layers/merge.h"

#include "frontend/layers/context.h"
#include "gradc/error.h"

namespace gradc {
namespace {

/// Combines the inputs, from the first on. They may differ in dimensions of 1, which stretch.
ValueId merged(LayerContext& context, OpKind kind, const char* verb, const char* hint) {
  auto result = context.input();
  for (std::size_t i = 1; i < context.inputs.size(); ++i) {
    const auto type = context.b.type(result), other = context.input_type(static_cast<int>(i));
    bool fits = type.rank() == other.rank();
    for (int d = 0; fits && d < type.rank(); ++d) fits = type.dims[d] == other.dims[d] || type.dims[d] == 1 || other.dims[d] == 1;
    if (!fits)
      throw Error("cannot {} inputs of shapes {} and {}", verb, shape_string(context.input_type().image_dims()),
                  shape_string(other.image_dims()));
    result = context.emit(kind, {result, context.inputs[i]}, {}, hint);
  }
  return result;
}

}  // namespace

ValueId lower(LayerContext& context, const Add&) { return merged(context, OpKind::add, "add", "sum"); }

ValueId lower(LayerContext& context, const Average&) {
  auto sum = merged(context, OpKind::add, "average", "sum");
  return context.emit(OpKind::mul, {sum, context.b.constant(1.0 / static_cast<double>(context.inputs.size()))}, {}, "mean");
}

ValueId lower(LayerContext& context, const Maximum&) { return merged(context, OpKind::max, "compare", "largest"); }

ValueId lower(LayerContext& context, const Minimum&) { return merged(context, OpKind::min, "compare", "smallest"); }

ValueId lower(LayerContext& context, const Multiply&) { return merged(context, OpKind::mul, "multiply", "product"); }

ValueId lower(LayerContext& context, const Subtract&) {
  if (context.inputs.size() != 2) throw Error("takes two inputs, got {}", context.inputs.size());
  return merged(context, OpKind::sub, "subtract", "difference");
}

ValueId lower(LayerContext& context, const Concatenate& layer) {
  const auto type = context.input_type();
  const auto axis = layer.axis < 0 ? layer.axis + type.rank() : layer.axis;
  if (axis < 1 || axis >= type.rank())
    throw Error("cannot join along axis {} of inputs of shape {}", axis, shape_string(type.image_dims()));
  for (std::size_t i = 1; i < context.inputs.size(); ++i) {
    auto first = type.dims, other = context.input_type(static_cast<int>(i)).dims;
    if (first.size() == other.size()) first[axis] = other[axis] = 0;
    if (first != other)
      throw Error("cannot join inputs of shapes {} and {} along axis {}", shape_string(type.image_dims()),
                  shape_string(context.input_type(static_cast<int>(i)).image_dims()), axis);
  }
  return context.emit(OpKind::concat, context.inputs, {{"axis", axis}}, "joined");
}

}  // namespace gradc
