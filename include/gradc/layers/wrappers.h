#pragma once
/// Layers that apply another.

#include "gradc/layers.h"

namespace gradc {

/// A recurrent layer forward, and the same backward with weights of its own: both outputs in one, at the steps that they belong to.
struct Bidirectional {
  std::optional<Layer> layer = {};
  std::optional<Layer> backward_layer = {};  ///< Instead of the same; it goes the other way.
  std::string merge_mode = "concat";         ///< "null" leaves them two outputs.
  Dims input_shape = {};
  std::string name = {};
};

/// A layer on each step of a sequence, with the same weights.
struct TimeDistributed {
  std::optional<Layer> layer = {};
  Dims input_shape = {};
  std::string name = {};
};

/// A layer that computes in training with its kernel divided by the kernel's largest singular value (Miyato et al. 2018), which each step
/// estimates by as many iterations, from where the last ended. Evaluation and prediction use the kernel as it is, as in Keras on JAX.
struct SpectralNormalization {
  std::optional<Layer> layer = {};
  std::int64_t power_iterations = 1;
  Dims input_shape = {};
  std::string name = {};
};

template <class Fields>
void describe(Fields& f, Bidirectional& wrapper) {
  f.layer("layer", wrapper.layer);
  f.layer("backward_layer", wrapper.backward_layer);
  f.choice("merge_mode", wrapper.merge_mode, {"concat", "sum", "mul", "ave", "null"});
  f.input_shape(wrapper.input_shape);
  f.name(wrapper.name);
}

template <class Fields>
void describe(Fields& f, TimeDistributed& wrapper) {
  f.layer("layer", wrapper.layer);
  f.input_shape(wrapper.input_shape);
  f.name(wrapper.name);
}

template <class Fields>
void describe(Fields& f, SpectralNormalization& wrapper) {
  f.layer("layer", wrapper.layer);
  f.integer("power_iterations", wrapper.power_iterations, 1);
  f.input_shape(wrapper.input_shape);
  f.name(wrapper.name);
}

}  // namespace gradc
