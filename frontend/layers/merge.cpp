#include "gradc/layers/merge.h"

#include <algorithm>
#include <optional>
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

/// Whether the layer leaves out numbers by masks.
bool skips_masked(const LayerContext& context) {
  return context.config.dialect().merges_skip_masked && std::ranges::any_of(context.masks, [](ValueId mask) { return mask >= 0; });
}

void expect_same_shapes(const LayerContext& context, const char* verb) {
  for (std::size_t i = 1; i < context.inputs.size(); ++i)
    if (context.input_type(static_cast<int>(i)).dims != context.input_type().dims)
      throw Error("cannot {} inputs of shapes {} and {} where one has a mask; gradc does so for inputs of one shape", verb,
                  shape_string(context.input_type().image_dims()), shape_string(context.input_type(static_cast<int>(i)).image_dims()));
}

/// The mask of the i-th input, which broadcasts over the input.
std::optional<Symbol> mask_of_input(LayerContext& context, std::size_t i) {
  if (context.masks[i] < 0) return {};
  return with_rank(context.symbol(context.masks[i]), context.input_type(static_cast<int>(i)).dims.size());
}

/// The largest or smallest of those inputs that a mask of 1, or no mask, lets in, one after the other; where a mask keeps out the former
/// it is the latter, as Keras has it.
ValueId largest_or_smallest(LayerContext& context, OpKind kind, const char* hint) {
  if (!skips_masked(context)) return merged(context, kind, "compare", hint);
  expect_same_shapes(context, "compare");
  auto result = context.symbol(context.inputs[0]);
  auto seen = mask_of_input(context, 0);
  for (std::size_t i = 1; i < context.inputs.size(); ++i) {
    auto x = context.symbol(context.inputs[i]);
    const auto mask = mask_of_input(context, i);
    if (mask) x = select(*mask, x, result);
    if (seen) result = select(*seen, result, x);
    seen = mask && seen ? std::optional(emit(OpKind::max, {*seen, *mask})) : std::nullopt;
    result = emit(kind, {result, x}, {}, hint);
  }
  return result.id;
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

ValueId lower(LayerContext& context, const Maximum&) { return largest_or_smallest(context, OpKind::max, "largest"); }

ValueId lower(LayerContext& context, const Minimum&) { return largest_or_smallest(context, OpKind::min, "smallest"); }

ValueId lower(LayerContext& context, const Multiply&) {
  if (!skips_masked(context)) return merged(context, OpKind::mul, "multiply", "product");
  expect_same_shapes(context, "multiply");
  Symbol product, seen;
  for (std::size_t i = 0; i < context.inputs.size(); ++i) {
    auto x = context.symbol(context.inputs[i]);
    const auto mask = mask_of_input(context, i);
    if (mask) x = select(*mask, x, constant(x, 1));
    product = i == 0 ? x : product * x;
    if (mask) seen = seen.b == nullptr ? *mask : emit(OpKind::max, {seen, *mask});
  }
  // Where some input has no mask, what all others leave out is 1.
  const bool all = std::ranges::all_of(context.masks, [](ValueId mask) { return mask >= 0; });
  return all ? select(seen, product, constant(product, 0)).id : product.id;
}

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
