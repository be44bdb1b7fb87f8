#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "frontend/layers/context.h"
#include "support/error.h"

namespace gradc {
namespace {

/// Bounds of the corrections of renorm. Without one nothing is cut there.
struct Clipping {
  double r_least = 0, r_most = HUGE_VAL, d_most = HUGE_VAL;
};

Clipping clipping_of(ConfigReader& config) {
  Clipping result;
  const auto& value = config.find("renorm_clipping");
  if (value.is_null()) return result;
  if (!value.is_object()) {
    config.problem(fmt::format("\"renorm_clipping\" is {}, expected an object of rmin, rmax and dmax", value.dump()));
    return result;
  }
  ConfigReader bounds(value, config.dialect(), config.problems());
  result = {bounds.number("rmin", result.r_least), bounds.number("rmax", result.r_most), bounds.number("dmax", result.d_most)};
  bounds.report_unread();
  return result;
}

/// Deviations start as the square roots of where the variance starts.
Initializer square_root_of(const Initializer& initializer, ConfigReader& config) {
  const auto& class_name = initializer.json()["class_name"];
  if (class_name != "Zeros" && class_name != "Ones" && class_name != "Constant") {
    config.problem(fmt::format("\"moving_variance_initializer\" is {}, expected zeros, ones or a constant, as renorm starts from its root",
                               initializer.json().dump()));
    return "ones";
  }
  return Constant{std::sqrt(initializer.values({1}, 0, 0)[0])};
}

/// A weight that no gradient trains: moving = moving * momentum + now * (1 - momentum). Returns its new value.
ValueId follow(LayerContext& layer, ValueId moving, ValueId now, double momentum) {
  auto before = layer.newest(moving);
  auto step = layer.emit(OpKind::mul, {layer.emit(OpKind::sub, {before, now}), layer.b.constant(1 - momentum)});
  auto after = layer.emit(OpKind::sub, {before, step}, {}, "moving");
  layer.update(moving, after);
  return after;
}

/// The variance of a batch as that of a sample: divided by n - 1.
ValueId unbiased(LayerContext& layer, ValueId variance, ValueId batch_size) {
  const auto dims = layer.input_type().dims;
  auto n = layer.emit(OpKind::mul, {batch_size, layer.b.constant(static_cast<double>(dims[1] * dims[2]))}, {}, "numbers");
  auto others = layer.emit(OpKind::max, {layer.emit(OpKind::sub, {n, layer.b.constant(1)}), layer.b.constant(1)});
  return layer.emit(OpKind::mul, {variance, layer.emit(OpKind::div, {n, others})}, {}, "unbiased");
}

/// Batch renormalization (Ioffe 2017), as Keras has it: what the batch's moments normalized is normalized again to the moments of all
/// batches so far, by corrections that no gradient goes through.
class Renorm {
 public:
  Renorm(LayerContext& layer, const Ints& channels, const Initializer& mean, const Initializer& variance)
      : layer_(layer), clipping_(clipping_of(layer.config)), momentum_(layer.config.number("renorm_momentum", 0.99)) {
    auto root = square_root_of(variance, layer.config);
    moving_stddev_ = layer.weight("moving_stddev", channels, root, false);
    mean_ = layer.weight("renorm_mean", channels, mean, false);
    stddev_ = layer.weight("renorm_stddev", channels, root, false);
  }

  /// Updates the statistics from the batch's, of which the deviation is the root of variance + epsilon. The moving variance follows from
  /// the moving deviation.
  void update(ValueId moving_variance, ValueId mean, ValueId stddev, double momentum, double epsilon) {
    auto& b = layer_.b;
    auto known = op(OpKind::max, {layer_.newest(stddev_), b.constant(std::sqrt(epsilon))});
    r_ = op(OpKind::div, {stddev, known});
    d_ = op(OpKind::div, {op(OpKind::sub, {mean, layer_.newest(mean_)}), known});
    if (clipping_.r_least > 0) r_ = op(OpKind::max, {r_, b.constant(clipping_.r_least)});
    if (clipping_.r_most < HUGE_VAL) r_ = op(OpKind::min, {r_, b.constant(clipping_.r_most)});
    if (clipping_.d_most < HUGE_VAL)
      d_ = op(OpKind::min, {op(OpKind::max, {d_, b.constant(-clipping_.d_most)}), b.constant(clipping_.d_most)});
    follow(layer_, mean_, mean, momentum_);
    follow(layer_, stddev_, stddev, momentum_);
    auto moving = follow(layer_, moving_stddev_, stddev, momentum);
    layer_.update(moving_variance, op(OpKind::relu, {op(OpKind::sub, {op(OpKind::square, {moving}), b.constant(epsilon)})}));
  }

  ValueId corrected(ValueId normalized) {
    auto scaled = op(OpKind::mul, {normalized, op(OpKind::stop_gradient, {r_})});
    return op(OpKind::add, {scaled, op(OpKind::stop_gradient, {d_})});
  }

 private:
  ValueId op(OpKind kind, std::vector<ValueId> operands) { return layer_.emit(kind, std::move(operands), {}, "renorm"); }

  LayerContext& layer_;
  Clipping clipping_;
  double momentum_;
  ValueId moving_stddev_, mean_, stddev_;
  ValueId r_ = -1, d_ = -1;  ///< The corrections, after an update.
};

}  // namespace

/// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta. In training mean and variance are the batch's, and the moving ones follow:
/// moving = moving * momentum + batch * (1 - momentum), without a correction of the variance, except in files of Keras 2.
/// A frozen one (trainable = false) normalizes in training as in prediction, except in files of tf.js, which has no such rule.
ValueId lower_BatchNormalization(LayerContext& layer) {
  auto& config = layer.config;
  auto type = layer.input_type();
  const auto& axis = config.find("axis");
  auto last = type.rank() - 1;
  auto first = axis.is_array() && axis.size() == 1 ? axis[0] : axis;
  if (!first.is_null() && first != -1 && first != last)
    throw Error("normalizes its last axis, not axis {} of an input of shape {}", axis.dump(), shape_string(type.image_dims()));
  layer.no_constraints({"beta", "gamma"});
  Ints channels = {type.dims.back()};
  auto momentum = config.number("momentum", 0.99), epsilon = config.number("epsilon", 1e-3);
  ValueId gamma = -1, beta = -1;
  auto gamma_initializer = config.initializer("gamma_initializer", "ones"),
       beta_initializer = config.initializer("beta_initializer", "zeros");
  if (config.boolean("scale", true)) gamma = layer.weight("gamma", channels, gamma_initializer);
  if (config.boolean("center", true)) beta = layer.weight("beta", channels, beta_initializer);
  auto mean_initializer = config.initializer("moving_mean_initializer", "zeros"),
       variance_initializer = config.initializer("moving_variance_initializer", "ones");
  auto mean = layer.weight("moving_mean", channels, mean_initializer, false);
  auto variance = layer.weight("moving_variance", channels, variance_initializer, false);
  std::optional<Renorm> renorm;
  if (config.boolean("renorm", false)) renorm.emplace(layer, channels, mean_initializer, variance_initializer);

  bool frozen = !config.boolean("trainable", true) && config.dialect().frozen_normalization_infers;
  if (layer.mode == Mode::train && !frozen) {
    const auto* batch_size_op = layer.b.graph().find(OpKind::input, "batch_size");
    check(batch_size_op != nullptr, "a training graph has an input batch_size");
    const auto batch_size = batch_size_op->result();
    auto moments = layer.b.emit_all(OpKind::batch_moments, {layer.input(), batch_size}, {}, layer.name + "/moment");
    follow(layer, mean, moments[0], momentum);
    if (renorm) {
      auto stddev = layer.emit(OpKind::sqrt, {layer.emit(OpKind::add, {moments[1], layer.b.constant(epsilon)})}, {}, "stddev");
      renorm->update(variance, moments[0], stddev, momentum, epsilon);
    } else {
      bool corrected = config.dialect().moving_variance_is_unbiased && type.rank() == 4 && config.boolean("fused", true) &&
                       !config.boolean("synchronized", false);
      follow(layer, variance, corrected ? unbiased(layer, moments[1], batch_size) : moments[1], momentum);
    }
    mean = moments[0];
    variance = moments[1];
  } else {
    renorm.reset();
  }
  auto inverse = layer.emit(OpKind::rsqrt, {layer.emit(OpKind::add, {variance, layer.b.constant(epsilon)})}, {}, "inverse");
  auto y = layer.emit(OpKind::mul, {layer.emit(OpKind::sub, {layer.input(), mean}, {}, "centered"), inverse}, {}, "normalized");
  if (renorm) y = renorm->corrected(y);
  if (gamma >= 0) y = layer.emit(OpKind::mul, {y, gamma}, {}, "scaled");
  if (beta >= 0) y = layer.emit(OpKind::add, {y, beta}, {}, "shifted");
  return y;
}

Layer::Layer(const BatchNormalization& layer)
    : Layer("BatchNormalization", [&] {
        auto config = named_config(layer.name);
        config.update({{"axis", layer.axis},
                       {"momentum", layer.momentum},
                       {"epsilon", layer.epsilon},
                       {"center", layer.center},
                       {"scale", layer.scale},
                       {"beta_initializer", layer.beta_initializer.json()},
                       {"gamma_initializer", layer.gamma_initializer.json()},
                       {"moving_mean_initializer", layer.moving_mean_initializer.json()},
                       {"moving_variance_initializer", layer.moving_variance_initializer.json()}});
        return config;
      }()) {}

}  // namespace gradc
