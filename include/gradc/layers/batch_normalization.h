#pragma once
#include "gradc/layers/basics.h"

namespace gradc {

/// Bounds of the corrections of renorm. Without one nothing is cut there.
struct RenormClipping {
  std::optional<double> rmin = {}, rmax = {}, dmax = {};
};

struct BatchNormalization {
  std::int64_t axis = -1;
  double momentum = 0.99, epsilon = 1e-3;
  bool center = true, scale = true;
  Initializer beta_initializer = Zeros{}, gamma_initializer = Ones{};
  Initializer moving_mean_initializer = Zeros{}, moving_variance_initializer = Ones{};
  Regularizer beta_regularizer = {}, gamma_regularizer = {};
  Constraint beta_constraint = {}, gamma_constraint = {};
  bool renorm = false;  ///< Normalizes to the moments of all batches so far (Ioffe 2017).
  double renorm_momentum = 0.99;
  std::optional<RenormClipping> renorm_clipping = {};
  bool fused = true;          ///< Which kernel of TensorFlow computes it; one of them keeps another moving variance.
  bool synchronized = false;  ///< Over replicas, of which there is one.
  std::string name = {};
};

template <class Fields>
void describe(Fields& f, RenormClipping& clipping) {
  f.number("rmin", clipping.rmin);
  f.number("rmax", clipping.rmax);
  f.number("dmax", clipping.dmax);
}

template <class Fields>
void describe(Fields& f, BatchNormalization& layer) {
  f.axis("axis", layer.axis);
  f.number("momentum", layer.momentum);
  f.number("epsilon", layer.epsilon);
  f.boolean("center", layer.center);
  f.boolean("scale", layer.scale);
  f.weight("beta", layer.beta_initializer, layer.beta_regularizer, layer.beta_constraint);
  f.weight("gamma", layer.gamma_initializer, layer.gamma_regularizer, layer.gamma_constraint);
  f.initializer("moving_mean_initializer", layer.moving_mean_initializer);
  f.initializer("moving_variance_initializer", layer.moving_variance_initializer);
  f.boolean("renorm", layer.renorm, Written::unless_default);
  f.number("renorm_momentum", layer.renorm_momentum, Written::unless_default);
  f.object("renorm_clipping", layer.renorm_clipping, Written::unless_default);
  f.boolean("fused", layer.fused, Written::unless_default);
  f.boolean("synchronized", layer.synchronized, Written::unless_default);
  f.name(layer.name);
}

}  // namespace gradc
