#pragma once
/// Layers that are one function of each element, or of each vector.

#include "gradc/layers/basics.h"

namespace gradc {

struct Activation {
  std::string activation = "linear";
  std::string name = {};
};

/// x from `threshold` up to `max_value`, which it does not exceed; below the threshold negative_slope * (x - threshold).
struct ReLU {
  std::optional<double> max_value = {};
  double negative_slope = 0, threshold = 0;
  std::string name = {};
};

/// x, or alpha * x where x is negative.
struct LeakyReLU {
  double alpha = 0.3;
  std::string name = {};
};

/// x, or alpha * (exp(x) - 1) where x is negative.
struct ELU {
  double alpha = 1;
  std::string name = {};
};

/// x, or alpha * x where x is negative, with a trained alpha of each element, or of each position along the axes that are not shared.
struct PReLU {
  Initializer alpha_initializer = Zeros{};
  Regularizer alpha_regularizer = {};
  Constraint alpha_constraint = {};
  Dims shared_axes = {};  ///< Counted from 1 without the batch.
  std::string name = {};
};

/// x where x is above theta, else 0.
struct ThresholdedReLU {
  double theta = 1;
  std::string name = {};
};

struct Softmax {
  std::int64_t axis = -1;
  std::string name = {};
};

template <class Fields>
void describe(Fields& f, Activation& layer) {
  f.activation("activation", layer.activation);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, ReLU& layer) {
  f.number("max_value", layer.max_value);
  f.number("negative_slope", layer.negative_slope, Written::unless_default);
  f.number("threshold", layer.threshold, Written::unless_default);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, LeakyReLU& layer) {
  f.renamed_number("alpha", "negative_slope", layer.alpha);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, ELU& layer) {
  f.number("alpha", layer.alpha);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, PReLU& layer) {
  f.weight("alpha", layer.alpha_initializer, layer.alpha_regularizer, layer.alpha_constraint);
  f.numbers("shared_axes", layer.shared_axes, 1);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, ThresholdedReLU& layer) {
  f.number("theta", layer.theta);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, Softmax& layer) {
  f.axis("axis", layer.axis);
  f.name(layer.name);
}

}  // namespace gradc
