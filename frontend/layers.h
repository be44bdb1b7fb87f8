#pragma once
/// Layers, as tf.layers has them: a structure each, with its arguments as designated initializers and tf.js's defaults.
/// A `Layer` is any of them, held as the (class_name, config) that a model.json has, which is the one representation below here.

#include <memory>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "frontend/layers/activations.h"
#include "frontend/layers/batch_normalization.h"
#include "frontend/layers/conv.h"
#include "frontend/layers/dense.h"
#include "frontend/layers/merge.h"
#include "frontend/layers/pooling.h"
#include "frontend/layers/scaling.h"
#include "frontend/layers/shape.h"
#include "frontend/layers/upsampling.h"

namespace gradc {

class Layer {
 public:
#define GRADC_LAYER(name, ...) Layer(const name&);
#include "frontend/layers/layers.def"
#undef GRADC_LAYER
  Layer(std::string class_name, const nlohmann::json& config);

  const std::string& class_name() const { return class_name_; }
  const nlohmann::json& config() const { return *config_; }
  /// The layer's name, which may be empty until it is part of a model.
  std::string name() const;

 private:
  std::string class_name_;
  std::shared_ptr<const nlohmann::json> config_;
};

}  // namespace gradc
