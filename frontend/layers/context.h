#pragma once
/// What the files of this folder share: reading a layer's config, and lowering it to graph ops.

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "frontend/config_reader.h"
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

class LayerContext {
 public:
  Builder& b;
  ConfigReader& config;
  const std::string& name;
  const std::string& weights_name;  ///< The layer's, where `name` is that of one of its uses.
  Mode mode;
  std::vector<ValueId> inputs;
  std::vector<WeightSpec>& weights;
  std::vector<ValueId>& penalties;  ///< Terms of the loss: scalars, and numbers of images, f32[B], whose mean counts.
  std::uint32_t& streams;           ///< How many random streams the model uses so far.

  ValueId input() const { return inputs.front(); }
  const Type input_type(int i = 0) const { return b.type(inputs[i]); }
  /// Throws gradc::Error unless the input has this rank, the batch included.
  void expect_rank(int rank, const char* shape) const;

  /// A weight of the layer, as a param of the graph, with the penalty that the config's regularizer for it asks for; in the layer's second
  /// use the one of the first. Throws gradc::Error if that has another shape.
  ValueId weight(const std::string& weight_name, std::vector<std::int64_t> shape, const Initializer& initializer, bool trainable = true);
  /// One with the penalty of the regularizer under this key.
  ValueId weight_regularized_by(const std::string& key, const std::string& weight_name, std::vector<std::int64_t> shape,
                                const Initializer& initializer, bool trainable = true);
  ValueId emit(OpKind kind, std::vector<ValueId> operands, Attributes attributes = {}, const std::string& hint = "") {
    return b.emit(kind, std::move(operands), std::move(attributes), name + "/" + (hint.empty() ? std::string(name_of(kind)) : hint));
  }
  /// Adds the penalty of the config's regularizer under `key`, if there is one, to the loss.
  void penalize(const std::string& key, ValueId x);
  /// Records a problem for each constraint of these weights ("kernel", "bias"): gradc has none yet. Their regularizers count as read, also
  /// where there is no such weight.
  void no_constraints(std::initializer_list<const char*> weight_names);
  /// The newest value of a param that steps change by themselves, as moving statistics: a layer may be used several times in a step.
  ValueId newest(ValueId param) const;
  void update(ValueId param, ValueId value);
  /// The config's bias, if it uses one, added to the last dimension of x, and then its activation: how Conv2D and Dense end.
  ValueId biased_and_activated(ValueId x);
  /// The activation that the config names under `activation`, applied.
  ValueId activate(ValueId x);
  ValueId activate(ValueId x, const std::string& activation);
};

#define GRADC_LAYER(name) ValueId lower_##name(LayerContext&);
#include "frontend/layers/layers.def"
#undef GRADC_LAYER

/// Whether the config's padding is "same"; records a problem unless it is that or "valid", the default.
bool is_padding_same(LayerContext& layer);
/// [top, bottom, left, right] for "valid" or "same" padding, as TensorFlow defines the latter: the output has ceil(input / stride) pixels,
/// and of an odd padding the larger half comes last.
Ints window_padding(LayerContext& layer, Ints input, Ints size, Ints strides, Ints dilation);

/// Names of the known activations and layers, for errors.
std::string known_activations();
std::string known_layers();
bool is_known_layer(const std::string& class_name);
/// What is wrong with a layer of a class that is not known.
std::string unknown_layer(const std::string& name, const std::string& class_name);

/// Two thin weights beside a frozen kernel, with which Keras fine-tunes: the layer computes with kernel + scale * a · b, where a has `rank`
/// columns (LoRA, Hu et al. 2021).
struct LowRank {
  std::int64_t rank;  ///< 0 if the layer has none.
  double scale;

  explicit operator bool() const { return rank > 0; }
  /// Makes `a`, whose last dimension is the rank, and `b`, [rank,features].
  std::pair<ValueId, ValueId> weights(LayerContext& layer, std::vector<std::int64_t> kernel) const;
  /// What the layer computes with its kernel, and what it computes with a · b.
  ValueId sum(LayerContext& layer, ValueId with_kernel, ValueId with_product) const;
};
LowRank low_rank_of(ConfigReader& config);

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
