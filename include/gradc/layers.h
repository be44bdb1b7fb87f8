#pragma once
/// Layers, as tf.layers has them: a structure each, with its arguments as designated initializers and Keras 3's defaults.
/// A `Layer` is any of them, held as the (class_name, config) that a model.json has, which is the one representation below here.

#include <memory>
#include <string>

#include "gradc/layers/activations.h"
#include "gradc/layers/attention.h"
#include "gradc/layers/augmentation.h"
#include "gradc/layers/batch_normalization.h"
#include "gradc/layers/conv.h"
#include "gradc/layers/dense.h"
#include "gradc/layers/embedding.h"
#include "gradc/layers/masking.h"
#include "gradc/layers/merge.h"
#include "gradc/layers/noise.h"
#include "gradc/layers/normalization.h"
#include "gradc/layers/pooling.h"
#include "gradc/layers/preprocessing.h"
#include "gradc/layers/recurrent.h"
#include "gradc/layers/scaling.h"
#include "gradc/layers/shape.h"
#include "gradc/layers/spectrograms.h"
#include "gradc/layers/upsampling.h"

namespace gradc {

struct Bidirectional;
struct SpectralNormalization;
struct TimeDistributed;

class Layer {
 public:
#define GRADC_LAYER(name, ...) Layer(const name&);
#include "gradc/layers/layers.def"
#undef GRADC_LAYER
  /// As gradc reads it from a file.
  Layer(std::string class_name, std::shared_ptr<const Config> config) : class_name_(std::move(class_name)), config_(std::move(config)) {}

  const std::string& class_name() const { return class_name_; }
  const Config& config() const { return *config_; }
  /// The layer's name, which may be empty until it is part of a model.
  std::string name() const;

 private:
  std::string class_name_;
  std::shared_ptr<const Config> config_;
};

}  // namespace gradc

#include "gradc/layers/wrappers.h"
