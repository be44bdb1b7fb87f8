#include "gradc/layers/merge.h"

#include <algorithm>
#include <span>

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

/// The mask of inputs that lie one after the other along an axis, where an input without one counts as 1; of those joined along the last
/// dimension, which masks do not have, 1 where any is.
ValueId joined_mask(LayerContext& context, std::int64_t axis) {
  if (std::ranges::all_of(context.masks, [](ValueId mask) { return mask < 0; })) return -1;
  std::vector<ValueId> masks;
  for (std::size_t i = 0; i < context.inputs.size(); ++i) {
    auto type = context.b.type(context.inputs[i]);
    type.dims.pop_back();
    auto mask = context.masks[i];
    if (mask < 0) mask = context.b.constant(1, type);
    if (context.b.type(mask).dims != type.dims)
      throw Error("input {} has shape {}, but its mask {}", i, shape_string(context.b.type(context.inputs[i]).image_dims()),
                  shape_string(context.b.type(mask).image_dims()));
    masks.push_back(mask);
  }
  if (axis < context.b.type(masks[0]).rank()) return context.emit(OpKind::concat, masks, {{"axis", axis}}, "mask");
  auto any = masks[0];
  for (auto mask : std::span(masks).subspan(1)) any = context.emit(OpKind::max, {any, mask}, {}, "mask");
  return any;
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

ValueId lower(LayerContext& context, const Dot& layer) {
  if (context.inputs.size() != 2) throw Error("takes two inputs, got {}", context.inputs.size());
  if (layer.axes.size() > 2)
    throw Error("\"axes\" is {}, expected one dimension, or one of each input", context.config.find("axes").dump());
  // Both sides as [B,others,along]: what is multiplied stands last, what is not is squashed.
  Ints result = {kBatch};
  Symbol sides[2];
  for (int i = 0; i < 2; ++i) {
    const auto type = context.input_type(i);
    const auto given = layer.axes[layer.axes.size() == 1 ? 0 : i], axis = given < 0 ? given + type.rank() : given;
    if (axis < 1 || axis >= type.rank())
      throw Error("\"axes\" is {}, expected dimensions from 1 to {} of an input of shape {}", context.config.find("axes").dump(),
                  type.rank() - 1, shape_string(type.image_dims()));
    Ints permutation;
    for (std::int64_t d = 0; d < type.rank(); ++d)
      if (d != axis) permutation.push_back(d);
    permutation.push_back(axis);
    auto x = context.symbol(context.inputs[i]);
    if (axis != type.rank() - 1) x = emit(OpKind::transpose, {x}, {{"permutation", permutation}}, "turned");
    const auto along = type.dims[axis];
    x = reshape(x, {kBatch, type.elements() / along, along});
    if (layer.normalize) x = x * rsqrt(max(sum_of_last(square(x), true), context.config.dialect().least_squared_length));
    sides[i] = x;
    for (auto d : permutation)
      if (d != 0 && d != axis) result.push_back(type.dims[d]);
  }
  if (type_of(sides[0]).dims[2] != type_of(sides[1]).dims[2])
    throw Error("multiplies along dimensions of one size, got {} and {} of inputs of shapes {} and {}", type_of(sides[0]).dims[2],
                type_of(sides[1]).dims[2], shape_string(context.input_type(0).image_dims()),
                shape_string(context.input_type(1).image_dims()));
  if (result.size() == 1) return sum_of_last(reshape(sides[0] * sides[1], {kBatch, 1, type_of(sides[0]).dims[2]})).id;
  return reshape(emit(OpKind::matmul, {sides[0], sides[1]}, {{"transpose_b", std::int64_t{1}}}, "product"), result).id;
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
  context.mask = joined_mask(context, axis);
  return context.emit(OpKind::concat, context.inputs, {{"axis", axis}}, "joined");
}

}  // namespace gradc
