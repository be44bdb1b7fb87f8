#include "frontend/layers/context.h"
#include "support/error.h"

namespace gradc {

/// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta. In training mean and variance are the batch's, and the moving ones follow:
/// moving = moving * momentum + batch * (1 - momentum), without a correction of the variance, as tf.js has it.
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
  auto mean = layer.weight("moving_mean", channels, config.initializer("moving_mean_initializer", "zeros"), false);
  auto variance = layer.weight("moving_variance", channels, config.initializer("moving_variance_initializer", "ones"), false);

  bool frozen = !config.boolean("trainable", true) && config.dialect().frozen_normalization_infers;
  if (layer.mode == Mode::train && !frozen) {
    const auto* batch_size = layer.b.graph().find(OpKind::input, "batch_size");
    check(batch_size != nullptr, "a training graph has an input batch_size");
    auto moments = layer.b.emit_all(OpKind::batch_moments, {layer.input(), batch_size->result()}, {}, layer.name + "/moment");
    auto rate = layer.b.constant(1 - momentum);
    for (auto [moving, now] : {std::pair(mean, moments[0]), std::pair(variance, moments[1])}) {
      auto before = layer.newest(moving);
      auto step = layer.emit(OpKind::mul, {layer.emit(OpKind::sub, {before, now}), rate});
      layer.update(moving, layer.emit(OpKind::sub, {before, step}, {}, "moving"));
    }
    mean = moments[0];
    variance = moments[1];
  }
  auto inverse = layer.emit(OpKind::rsqrt, {layer.emit(OpKind::add, {variance, layer.b.constant(epsilon)})}, {}, "inverse");
  auto y = layer.emit(OpKind::mul, {layer.emit(OpKind::sub, {layer.input(), mean}, {}, "centered"), inverse}, {}, "normalized");
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
