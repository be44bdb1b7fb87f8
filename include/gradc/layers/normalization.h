#pragma once
/// Layers that normalize each image by itself, or by what is known of all. Axes are counted with the batch, or from the end.

#include "gradc/layers/basics.h"

namespace gradc {

/// (x - mean) / √(variance + epsilon) * gamma + beta, with mean and variance of an image along the axes (Ba et al. 2016).
struct LayerNormalization {
  Dims axis = {-1};
  double epsilon = 1e-3;
  bool center = true, scale = true;
  bool rms_scaling = false;  ///< x / √(variance + epsilon) * gamma instead: the mean stays, and there is no beta.
  Initializer beta_initializer = Zeros{}, gamma_initializer = Ones{};
  Regularizer beta_regularizer = {}, gamma_regularizer = {};
  Constraint beta_constraint = {}, gamma_constraint = {};
  std::string name = {};
};

/// The same, with mean and variance of groups of neighboring channels (Wu and He 2018); -1 are as many groups as channels.
struct GroupNormalization {
  std::int64_t groups = 32;
  std::int64_t axis = -1;
  double epsilon = 1e-3;
  bool center = true, scale = true;
  Initializer beta_initializer = Zeros{}, gamma_initializer = Ones{};
  Regularizer beta_regularizer = {}, gamma_regularizer = {};
  Constraint beta_constraint = {}, gamma_constraint = {};
  std::string name = {};
};

/// x / √(mean of x² + epsilon) * scale (Zhang and Sennrich 2019).
struct RMSNormalization {
  Dims axis = {-1};
  double epsilon = 1e-6;
  std::string name = {};
};

/// x / √(sum of x²)
struct UnitNormalization {
  Dims axis = {-1};
  std::string name = {};
};

/// (x - mean) / √variance, or x * √variance + mean where `invert`, with numbers for each place along the axes, or one for all where there
/// are none: those given, or weights that a library has adapted to data.
struct Normalization {
  Dims axis = {-1};
  NumberArray mean = {}, variance = {};
  bool invert = false;
  Dims input_shape = {};
  std::string name = {};
};

/// What follows the axes where the result is scaled and shifted by weights.
template <class Fields, class L>
void describe_affine(Fields& f, L& layer) {
  f.number("epsilon", layer.epsilon);
  f.boolean("center", layer.center);
  f.boolean("scale", layer.scale);
  f.weight("beta", layer.beta_initializer, layer.beta_regularizer, layer.beta_constraint);
  f.weight("gamma", layer.gamma_initializer, layer.gamma_regularizer, layer.gamma_constraint);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, LayerNormalization& layer) {
  f.axes("axis", layer.axis);
  f.boolean("rms_scaling", layer.rms_scaling, Written::unless_default);
  describe_affine(f, layer);
}

template <class Fields>
void describe(Fields& f, GroupNormalization& layer) {
  f.integer("groups", layer.groups, -1);
  f.axis("axis", layer.axis);
  describe_affine(f, layer);
}

template <class Fields>
void describe(Fields& f, RMSNormalization& layer) {
  f.axes("axis", layer.axis);
  f.number("epsilon", layer.epsilon);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, UnitNormalization& layer) {
  f.axes("axis", layer.axis);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, Normalization& layer) {
  f.axes("axis", layer.axis, Axes::some_or_none);
  f.array("mean", layer.mean);
  f.array("variance", layer.variance);
  f.boolean("invert", layer.invert);
  f.input_shape(layer.input_shape);
  f.name(layer.name);
}

}  // namespace gradc
