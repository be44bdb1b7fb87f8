#include "gradc/layers/normalization.h"

#include <algorithm>

#include "frontend/layers/context.h"
#include "gradc/error.h"

namespace gradc {
namespace {

/// Axes as they are given, counted with the batch.
Ints counted(LayerContext& context, const Dims& given) {
  const std::int64_t rank = context.input_type().rank();
  Ints axes;
  for (auto axis : given) axes.push_back(axis < 0 ? axis + rank : axis);
  return axes;
}

/// Axes in order, counted with the batch.
Ints axes_of(LayerContext& context, const Dims& given) {
  const auto type = context.input_type();
  const std::int64_t rank = type.rank();
  auto axes = counted(context, given);
  std::sort(axes.begin(), axes.end());
  const bool twice = std::adjacent_find(axes.begin(), axes.end()) != axes.end();
  if (axes.empty() || twice || axes.front() < 1 || axes.back() >= rank)
    throw Error("\"axis\" is {}, expected axes from 1 to {} of an input of shape {}, each once", context.config.find("axis").dump(),
                rank - 1, shape_string(type.image_dims()));
  return axes;
}

Symbol mean_over(Symbol x, const Ints& axes) {
  std::int64_t elements = 1;
  for (auto axis : axes) elements *= type_of(x).dims[axis];
  return sum(x, axes, true) * (1.0 / static_cast<double>(elements));
}

Symbol variance_over(Symbol x, const Ints& axes) { return mean_over(square(x - mean_over(x, axes)), axes); }

/// (x - mean) / √(variance + epsilon)
Symbol standardized(Symbol x, const Ints& axes, double epsilon) {
  const auto centered = x - mean_over(x, axes);
  return centered * rsqrt(mean_over(square(centered), axes) + epsilon);
}

/// The shape of a weight with a number for each place along the axes.
Ints shape_along(LayerContext& context, Dims axes) {
  if (context.config.dialect().axes_are_sorted) std::sort(axes.begin(), axes.end());
  Ints shape;
  for (auto axis : counted(context, axes)) shape.push_back(context.input_type().dims[axis]);
  return shape;
}

/// A weight for each place along the axes, shaped so that it broadcasts against the input. Its own shape may have the axes in another
/// order: its numbers are in that of the input all the same, as in Keras and tf.js.
Symbol weight_along(LayerContext& context, const char* name, const Dims& given, const Initializer& initializer,
                    const Regularizer& regularizer = {}, const Constraint& constraint = {}) {
  const auto dims = context.input_type().dims;
  const auto axes = axes_of(context, given);
  Ints broadcast(dims.begin() + axes.front(), dims.end());
  for (std::size_t i = 0; i < broadcast.size(); ++i)
    if (std::find(axes.begin(), axes.end(), axes.front() + static_cast<std::int64_t>(i)) == axes.end()) broadcast[i] = 1;
  return reshape(context.symbol(context.weight(name, shape_along(context, given), initializer, regularizer, constraint)), broadcast);
}

/// y * gamma + beta
template <class L>
ValueId scaled_and_shifted(LayerContext& context, Symbol y, const L& layer, const Dims& axis) {
  std::optional<Symbol> gamma, beta;
  if (layer.scale) gamma = weight_along(context, "gamma", axis, layer.gamma_initializer, layer.gamma_regularizer, layer.gamma_constraint);
  if (layer.center) beta = weight_along(context, "beta", axis, layer.beta_initializer, layer.beta_regularizer, layer.beta_constraint);
  if (gamma) y = y * *gamma;
  if (beta) y = y + *beta;
  return y.id;
}

}  // namespace

ValueId lower(LayerContext& context, const LayerNormalization& layer) {
  const auto axes = axes_of(context, layer.axis);
  const auto x = context.symbol(context.input());
  if (!layer.rms_scaling) return scaled_and_shifted(context, standardized(x, axes, layer.epsilon), layer, layer.axis);
  const auto gamma = weight_along(context, "gamma", layer.axis, layer.gamma_initializer, layer.gamma_regularizer, layer.gamma_constraint);
  return (x * rsqrt(variance_over(x, axes) + layer.epsilon) * gamma).id;
}

ValueId lower(LayerContext& context, const GroupNormalization& layer) {
  const auto type = context.input_type();
  const auto axes = axes_of(context, {layer.axis});
  const auto channels = type.dims.back(), groups = layer.groups == -1 ? channels : layer.groups;
  if (axes[0] != type.rank() - 1)
    throw Error("normalizes groups of its last axis, not of axis {} of an input of shape {}", layer.axis, shape_string(type.image_dims()));
  if (groups < 1 || channels % groups != 0)
    throw Error("\"groups\" is {}, which does not divide its input's {} channels", groups, channels);
  const Ints grouped = {kBatch, type.elements() / channels, groups, channels / groups};
  const auto y = standardized(reshape(context.symbol(context.input()), grouped), {1, 3}, layer.epsilon);
  return scaled_and_shifted(context, reshape(y, type.dims), layer, {layer.axis});
}

ValueId lower(LayerContext& context, const RMSNormalization& layer) {
  const auto axes = axes_of(context, layer.axis);
  const auto dims = context.input_type().dims;
  const auto shape = shape_along(context, layer.axis);
  // Keras multiplies by the scale along the last axes, whichever it normalizes.
  if (!std::equal(shape.rbegin(), shape.rend(), dims.rbegin()))
    throw Error("\"axis\" is {}: its scale of shape {} does not fit the last axes of an input of shape {}",
                context.config.find("axis").dump(), shape_string(shape), shape_string(context.input_type().image_dims()));
  const auto x = context.symbol(context.input());
  return (x * rsqrt(mean_over(square(x), axes) + layer.epsilon) * context.symbol(context.weight("scale", shape, Ones{}))).id;
}

ValueId lower(LayerContext& context, const UnitNormalization& layer) {
  constexpr double kLeast = 1e-24;  // the square of Keras's least length
  const auto x = context.symbol(context.input());
  return (x * rsqrt(max(sum(square(x), axes_of(context, layer.axis), true), kLeast))).id;
}

ValueId lower(LayerContext& context, const Normalization& layer) {
  const auto type = context.input_type();
  if (type.rank() == 1 && !layer.axis.empty()) throw Error("normalizes numbers without a dimension: \"axis\" has to be null");
  const auto axes = layer.axis.empty() ? Ints() : axes_of(context, layer.axis);
  Ints kept, broadcast(type.dims.size(), 1);
  for (auto axis : axes) {
    kept.push_back(type.dims[axis]);
    broadcast[axis] = type.dims[axis];
  }
  if (layer.mean.empty() != layer.variance.empty() || layer.mean.shape != layer.variance.shape)
    throw Error("\"mean\" and \"variance\" are given both, in the same shape, or neither");
  // Aligned at the last axis.
  auto array = [&](const char* option, const NumberArray& given) {
    Ints dims(type.dims.size(), 1);
    for (std::size_t i = 1; i <= given.shape.size(); ++i) {
      if (i > kept.size() || (given.shape.end()[-i] != 1 && given.shape.end()[-i] != kept.end()[-i]))
        throw Error("\"{}\" is {}, expected a number or an array that stretches to {}", option, context.config.find(option).dump(),
                    shape_string(kept));
      dims[axes.end()[-i]] = given.shape.end()[-i];
    }
    return numbers(context, given.values, dims);
  };
  auto weight = [&](const char* name, const Initializer& initializer) {
    return reshape(context.symbol(context.weight(name, kept, initializer, {}, {}, false)), broadcast);
  };
  const bool adapted = layer.mean.empty();
  const auto mean = adapted ? weight("mean", Zeros{}) : array("mean", layer.mean);
  const auto variance = adapted ? weight("variance", Ones{}) : array("variance", layer.variance);
  if (adapted) context.weight("count", {}, Zeros{}, {}, {}, false);  // Which files have.
  const auto x = context.symbol(context.input()), deviation = max(sqrt(variance), kEpsilon);
  return (layer.invert ? x * deviation + mean : (x - mean) / deviation).id;
}

}  // namespace gradc
