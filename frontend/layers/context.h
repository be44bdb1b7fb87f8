#pragma once
/// What the files of this folder share: reading a layer's config, and lowering it to graph ops.

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "frontend/initializers.h"
#include "frontend/layers.h"
#include "frontend/regularizers.h"
#include "ir/graph.h"

namespace gradc {

enum class Mode { train, eval, predict };

/// A weight that a lowered model needs.
struct WeightSpec {
  std::string name;  ///< "layer/kernel"
  std::vector<std::int64_t> shape;
  Initializer initializer;
  bool trainable;
};

/// Reads one layer's config. A problem is recorded, and reading goes on with the default, so that all problems are told at once.
class ConfigReader {
 public:
  ConfigReader(const nlohmann::json& config, const Dialect& dialect, std::vector<std::string>& problems)
      : config_(config), dialect_(dialect), problems_(problems) {}

  /// What names in the config mean.
  const Dialect& dialect() const { return dialect_; }

  void problem(std::string text) { problems_.push_back(std::move(text)); }

  std::int64_t integer(const std::string& key, std::int64_t fallback, std::int64_t least);
  double number(const std::string& key, double fallback);
  bool boolean(const std::string& key, bool fallback);
  std::string text(const std::string& key, const std::string& fallback);
  /// Two numbers of at least `least`, or one that stands for both. A missing key gives `fallback`, or is a problem if that is empty.
  Ints pair(const std::string& key, Ints fallback, std::int64_t least = 1);
  /// A missing one is `fallback`, a name or object as the config would have it.
  Initializer initializer(const std::string& key, const nlohmann::json& fallback);
  /// Records a problem for each key that asks for what gradc does not do: it must be missing, null or `neutral`.
  void only(const std::string& key, const nlohmann::json& neutral, const std::string& remedy);
  /// The value under the key as Keras spells it or as tf.js does, or null.
  const nlohmann::json& find(const std::string& key) const;

 private:
  const nlohmann::json& config_;
  const Dialect& dialect_;
  std::vector<std::string>& problems_;
};

class LayerContext {
 public:
  Builder& b;
  ConfigReader& config;
  const std::string& name;
  Mode mode;
  std::vector<ValueId> inputs;
  std::vector<WeightSpec>& weights;
  std::vector<ValueId>& penalties;  ///< Terms of the loss: scalars, and numbers of images, f32[B], whose mean counts.
  std::uint32_t& streams;           ///< How many random streams the model uses so far.

  ValueId input() const { return inputs.front(); }
  const Type input_type(int i = 0) const { return b.type(inputs[i]); }
  /// Throws gradc::Error unless the input has this rank, the batch included.
  void expect_rank(int rank, const char* shape) const;

  /// A weight of the layer, as a param of the graph, with the penalty that the config's regularizer for it asks for.
  ValueId weight(const std::string& weight_name, std::vector<std::int64_t> shape, const Initializer& initializer, bool trainable = true);
  ValueId emit(OpKind kind, std::vector<ValueId> operands, Attributes attributes = {}, const std::string& hint = "") {
    return b.emit(kind, std::move(operands), std::move(attributes), name + "/" + (hint.empty() ? std::string(name_of(kind)) : hint));
  }
  /// Adds the penalty of the config's regularizer under `key`, if there is one, to the loss.
  void penalize(const std::string& key, ValueId x);
  /// Records a problem for each constraint of these weights ("kernel", "bias"): gradc has none yet.
  void no_constraints(std::initializer_list<const char*> weight_names);
  /// The config's bias, if it uses one, added to the last dimension of x, and then its activation: how Conv2D and Dense end.
  ValueId biased_and_activated(ValueId x);
  /// The activation that the config names under `activation`, applied.
  ValueId activate(ValueId x);
  ValueId activate(ValueId x, const std::string& activation);
};

#define GRADC_LAYER(name) ValueId lower_##name(LayerContext&);
#include "frontend/layers/layers.def"
#undef GRADC_LAYER

/// [top, bottom, left, right] for "valid" or "same" padding, as TensorFlow defines the latter: the output has ceil(input / stride) pixels,
/// and of an odd padding the larger half comes last.
Ints window_padding(LayerContext& layer, Ints input, Ints size, Ints strides, Ints dilation);

/// Names of the known activations and layers, for errors.
std::string known_activations();
std::string known_layers();

/// What both poolings share.
ValueId lower_pooling(LayerContext& layer, OpKind kind);

/// Parts of a config that several layers write.
nlohmann::json named_config(const std::string& name, const Dims& input_shape = {});
template <class L>
void add_regularizers(nlohmann::json& config, const L& layer) {
  if (layer.kernel_regularizer) config["kernel_regularizer"] = to_json(layer.kernel_regularizer);
  if (layer.bias_regularizer) config["bias_regularizer"] = to_json(layer.bias_regularizer);
  if (layer.activity_regularizer) config["activity_regularizer"] = to_json(layer.activity_regularizer);
}

}  // namespace gradc
