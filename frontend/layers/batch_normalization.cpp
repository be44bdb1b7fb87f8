#include "gradc/layers/batch_normalization.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "frontend/layers/context.h"
#include "gradc/error.h"
#include "ir/roles.h"

namespace gradc {
namespace {

/// Deviations start as the square roots of where the variance starts.
Initializer square_root_of(const Initializer& initializer, ConfigReader& config) {
  const auto& class_name = json_of(initializer)["class_name"];
  if (class_name != "Zeros" && class_name != "Ones" && class_name != "Constant") {
    config.problem(fmt::format("\"moving_variance_initializer\" is {}, expected zeros, ones or a constant, as renorm starts from its root",
                               json_of(initializer).dump()));
    return "ones";
  }
  return Constant{std::sqrt(initializer.values({1}, 0, 0)[0])};
}

/// A weight that no gradient trains: moving = moving * momentum + now * (1 - momentum). Returns its new value.
ValueId follow(LayerContext& layer, ValueId moving, ValueId now, double momentum) {
  const InStage update(layer.b, Stage::update);
  auto before = layer.newest(moving);
  auto step = layer.emit(OpKind::mul, {layer.emit(OpKind::sub, {before, now}), layer.b.constant(1 - momentum)});
  auto after = layer.emit(OpKind::sub, {before, step}, {}, "moving");
  layer.update(moving, after);
  return after;
}

/// The variance of a batch as that of a sample: divided by n - 1.
ValueId unbiased(LayerContext& layer, ValueId variance, ValueId batch_size) {
  const InStage update(layer.b, Stage::update);
  const auto dims = layer.input_type().dims;
  auto n = layer.emit(OpKind::mul, {batch_size, layer.b.constant(static_cast<double>(dims[1] * dims[2]))}, {}, "numbers");
  auto others = layer.emit(OpKind::max, {layer.emit(OpKind::sub, {n, layer.b.constant(1)}), layer.b.constant(1)});
  return layer.emit(OpKind::mul, {variance, layer.emit(OpKind::div, {n, others})}, {}, "unbiased");
}

/// Batch renormalization (Ioffe 2017), as Keras has it: what the batch's moments normalized is normalized again to the moments of all
/// batches so far, by corrections that no gradient goes through.
class Renorm {
 public:
  Renorm(LayerContext& context, const BatchNormalization& layer, const Ints& channels)
      : layer_(context), clipping_(layer.renorm_clipping.value_or(RenormClipping())), momentum_(layer.renorm_momentum) {
    auto root = square_root_of(layer.moving_variance_initializer, context.config);
    moving_stddev_ = context.weight("moving_stddev", channels, root, {}, {}, false);
    mean_ = context.weight("renorm_mean", channels, layer.moving_mean_initializer, {}, {}, false);
    stddev_ = context.weight("renorm_stddev", channels, root, {}, {}, false);
  }

  /// Updates the statistics from the batch's, of which the deviation is the root of variance + epsilon. The moving variance follows from
  /// the moving deviation.
  void update(ValueId moving_variance, ValueId mean, ValueId stddev, double momentum, double epsilon) {
    auto& b = layer_.b;
    auto known = op(OpKind::max, {layer_.newest(stddev_), b.constant(std::sqrt(epsilon))});
    r_ = op(OpKind::div, {stddev, known});
    d_ = op(OpKind::div, {op(OpKind::sub, {mean, layer_.newest(mean_)}), known});
    if (clipping_.rmin) r_ = op(OpKind::max, {r_, b.constant(*clipping_.rmin)});
    if (clipping_.rmax) r_ = op(OpKind::min, {r_, b.constant(*clipping_.rmax)});
    if (clipping_.dmax) d_ = op(OpKind::min, {op(OpKind::max, {d_, b.constant(-*clipping_.dmax)}), b.constant(*clipping_.dmax)});
    follow(layer_, mean_, mean, momentum_);
    follow(layer_, stddev_, stddev, momentum_);
    auto moving = follow(layer_, moving_stddev_, stddev, momentum);
    const InStage update(b, Stage::update);
    layer_.update(moving_variance, op(OpKind::relu, {op(OpKind::sub, {op(OpKind::square, {moving}), b.constant(epsilon)})}));
  }

  ValueId corrected(ValueId normalized) {
    auto scaled = op(OpKind::mul, {normalized, op(OpKind::stop_gradient, {r_})});
    return op(OpKind::add, {scaled, op(OpKind::stop_gradient, {d_})});
  }

 private:
  ValueId op(OpKind kind, std::vector<ValueId> operands) { return layer_.emit(kind, std::move(operands), {}, "renorm"); }

  LayerContext& layer_;
  RenormClipping clipping_;
  double momentum_;
  ValueId moving_stddev_, mean_, stddev_;
  ValueId r_ = -1, d_ = -1;  ///< The corrections, after an update.
};

/// Mean and variance of each channel of the steps that a mask shows, as Keras has them. Channels are moved last from where the mask sees
/// them.
std::vector<ValueId> moments_of_seen(LayerContext& context, ValueId mask, int from_last) {
  const auto x = context.symbol(context.input());
  auto dims = type_of(x).dims;
  if (from_last > 0) std::rotate(dims.end() - 1 - from_last, dims.end() - 1, dims.end());
  if (context.b.type(mask).rank() + 1 != type_of(x).rank())
    throw Error("its input has shape {}, but a mask of shape {}", shape_string(type_of(x).image_dims()),
                shape_string(context.b.type(mask).image_dims()));
  const auto features = static_cast<double>(from_last > 0 ? dims.back() : 1);
  dims.back() = 1;
  Ints ones(dims.size(), 1), axes;
  ones[0] = kBatch;
  for (std::int64_t axis = 0; axis + 1 < type_of(x).rank(); ++axis) axes.push_back(axis);
  const auto valid = reshape(context.symbol(find_input(context.b.graph(), InputRole::batch_mask)->result()), ones);
  auto shown = reshape(context.symbol(mask), dims);
  if (from_last > 0) shown = context.symbol(moved_last(context, shown.id, from_last));
  const auto seen = shown * valid;
  auto mean = [&](Symbol of, Symbol count) { return sum(select(seen, of, constant(of, 0)), axes) / count; };
  const auto count = sum(seen, axes) * features + kEpsilon;
  const auto first = mean(x, count);
  return {first.id, mean(square(x - first), count).id};
}

/// Each step of a sequence by its own mean and variance, which the moving ones follow one after the other.
ValueId normalized_by_steps(LayerContext& context, const BatchNormalization& layer, ValueId moving_mean, ValueId moving_variance,
                            ValueId batch_size) {
  const auto x = context.symbol(context.input());
  const auto rank = type_of(x).rank();
  if (layer.renorm || context.seen_mask() >= 0)
    throw Error("of each step is not there yet with {}", layer.renorm ? "\"renorm\"" : "a mask");
  if (context.config.dialect().moving_variance_is_unbiased && layer.fused && rank == 5)
    throw Error("of each step is not there yet for images in files of Keras 2; set \"fused\" to false");
  const auto steps = type_of(x).dims[1], channels = type_of(x).dims.back();
  Ints steps_last = {0}, back(static_cast<std::size_t>(rank));
  for (std::int64_t axis = 2; axis + 1 < rank; ++axis) steps_last.push_back(axis);
  steps_last.insert(steps_last.end(), {1, rank - 1});
  for (std::size_t i = 0; i < back.size(); ++i) back[static_cast<std::size_t>(steps_last[i])] = static_cast<std::int64_t>(i);
  const auto apart = emit(OpKind::transpose, {x}, {{"permutation", steps_last}}, "steps_last");
  auto joined = type_of(apart).dims;
  joined.pop_back();
  joined.back() = steps * channels;
  const auto y = reshape(apart, joined);
  const auto moments = context.b.emit_all(OpKind::batch_moments, {y.id, batch_size}, {}, context.name + "/moment");
  std::vector<double> shares;
  for (std::int64_t t = 0; t < steps; ++t)
    shares.push_back((1 - layer.momentum) * std::pow(layer.momentum, static_cast<double>(steps - 1 - t)));
  const std::pair<ValueId, ValueId> followed[] = {{moving_mean, moments[0]}, {moving_variance, moments[1]}};
  for (const auto& [moving, now] : followed) {
    const InStage update(context.b, Stage::update);
    const auto of_steps = reshape(context.symbol(now), {steps, channels}) * numbers(context, shares, {steps, 1});
    const auto before = context.symbol(context.newest(moving)) * std::pow(layer.momentum, static_cast<double>(steps));
    context.update(moving, (before + sum(of_steps, {0})).id);
  }
  const auto normalized = (y - context.symbol(moments[0])) * rsqrt(context.symbol(moments[1]) + layer.epsilon);
  return emit(OpKind::transpose, {reshape(normalized, type_of(apart).dims)}, {{"permutation", back}}, "normalized").id;
}

}  // namespace

/// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta. In training mean and variance are the batch's, and the moving ones follow:
/// moving = moving * momentum + batch * (1 - momentum), without a correction of the variance, except in files of Keras 2.
/// A frozen one (trainable = false) normalizes in training as in prediction, except in files of tf.js, which has no such rule.
ValueId lower(LayerContext& context, const BatchNormalization& layer) {
  auto& config = context.config;
  const auto rank = context.input_type().rank();
  const std::int64_t first = context.sequences_beside ? 2 : 1;
  const auto axis = layer.axis < 0 ? layer.axis + rank : layer.axis + first - 1;
  if (axis < first || axis >= rank)
    throw Error("\"axis\" is {}, expected one from 1 to {} of an input of shape {}", layer.axis, rank - first,
                shape_string(context.input_type().image_dims()));
  const auto from_last = static_cast<int>(rank - 1 - axis);
  if (from_last > 0) context.inputs[0] = moved_last(context, context.input(), from_last);
  const auto type = context.input_type();
  const Ints channels = {type.dims.back()};
  ValueId gamma = -1, beta = -1;
  if (layer.scale) gamma = context.weight("gamma", channels, layer.gamma_initializer, layer.gamma_regularizer, layer.gamma_constraint);
  if (layer.center) beta = context.weight("beta", channels, layer.beta_initializer, layer.beta_regularizer, layer.beta_constraint);
  auto mean = context.weight("moving_mean", channels, layer.moving_mean_initializer, {}, {}, false);
  auto variance = context.weight("moving_variance", channels, layer.moving_variance_initializer, {}, {}, false);
  std::optional<Renorm> renorm;
  if (layer.renorm) renorm.emplace(context, layer, channels);

  bool frozen = !config.boolean("trainable", true) && config.dialect().frozen_normalization_infers;
  ValueId y = -1, batch_size = -1;
  if (context.mode == Mode::train && !frozen) {
    const auto* batch_size_op = find_input(context.b.graph(), InputRole::batch_size);
    check(batch_size_op != nullptr, "a training graph has an input batch_size");
    batch_size = batch_size_op->result();
  }
  if (batch_size >= 0 && context.sequences_beside) {
    y = normalized_by_steps(context, layer, mean, variance, batch_size);
  } else if (batch_size >= 0) {
    const auto mask = context.seen_mask();
    const auto moments = mask >= 0 ? moments_of_seen(context, mask, from_last)
                                   : context.b.emit_all(OpKind::batch_moments, {context.input(), batch_size}, {}, context.name + "/moment");
    follow(context, mean, moments[0], layer.momentum);
    if (renorm) {
      auto stddev = context.emit(OpKind::sqrt, {context.emit(OpKind::add, {moments[1], context.b.constant(layer.epsilon)})}, {}, "stddev");
      renorm->update(variance, moments[0], stddev, layer.momentum, layer.epsilon);
    } else {
      const bool fused = layer.fused && rank == 4 && (axis == 1 || axis == 3);
      const bool corrected = config.dialect().moving_variance_is_unbiased && fused && !layer.synchronized;
      follow(context, variance, corrected ? unbiased(context, moments[1], batch_size) : moments[1], layer.momentum);
    }
    mean = moments[0];
    variance = moments[1];
  } else {
    renorm.reset();
  }
  if (y < 0) {
    auto inverse = context.emit(OpKind::rsqrt, {context.emit(OpKind::add, {variance, context.b.constant(layer.epsilon)})}, {}, "inverse");
    y = context.emit(OpKind::mul, {context.emit(OpKind::sub, {context.input(), mean}, {}, "centered"), inverse}, {}, "normalized");
  }
  if (renorm) y = renorm->corrected(y);
  if (gamma >= 0) y = context.emit(OpKind::mul, {y, gamma}, {}, "scaled");
  if (beta >= 0) y = context.emit(OpKind::add, {y, beta}, {}, "shifted");
  return from_last > 0 ? moved_back(context, y, from_last) : y;
}

}  // namespace gradc
