#pragma once
/// What the files of this folder share: lowering a layer to graph ops.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "frontend/config_reader.h"
#include "frontend/regularizers.h"
#include "gradc/layers.h"
#include "ir/graph.h"
#include "ir/symbol.h"

namespace gradc {

enum class Mode { train, eval, predict };

/// A weight that a lowered model needs.
struct WeightSpec {
  std::string name;  ///< "layer/kernel"
  std::vector<std::int64_t> shape;
  Initializer initializer;
  bool trainable;
  std::vector<std::int64_t> drawn_as = {};    ///< The shape that the initializer sees, of as many elements, if it is another.
  std::int64_t ones_begin = 0, ones_end = 0;  ///< Elements that start as 1, whatever the initializer gives.
};

/// What a stateful layer keeps from batch to batch, zeros at first: a param with a row for each place in a batch.
struct StateSpec {
  std::string name;  ///< "layer/state/0"
  std::vector<std::int64_t> shape;
};

class ScanBuilder;
class LayerContext;

/// What a layer computes with in the place of a weight of this name, which has this value.
using InPlaceOf = std::function<ValueId(const LayerContext&, const std::string& weight_name, ValueId value)>;

class LayerContext {
 public:
  Builder& b;
  ConfigReader& config;
  const std::string& name;
  const std::string& weights_name;  ///< The layer's, where `name` is that of one of its uses.
  Mode mode;
  std::vector<ValueId> inputs;
  std::vector<WeightSpec>& weights;
  std::vector<StateSpec>& states;
  std::int64_t batch_size;            ///< That the model's inputs state, or 0.
  std::vector<ValueId>& penalties;    ///< Terms of the loss: scalars, and numbers of images, f32[B], whose mean counts.
  std::uint32_t& streams;             ///< How many random streams the model uses so far.
  ScanBuilder* loop = nullptr;        ///< In whose body the layer stands: weights are outside.
  bool keeps_steps_in_place = false;  ///< What a layer that goes backwards makes in a step stands at this step.
  bool sequences_beside = false;      ///< Within a TimeDistributed: of recurrent layers, for steps×sequences×features, and of a
                                      ///< BatchNormalization, for sequences whose steps are normalized each by itself.
  std::vector<ValueId> masks = {};    ///< Of the inputs, or none at all; -1 where there is none, else f32 of 0 and 1 in the input's shape
                                      ///< without its last dimension: 0 where a step is to be skipped, as Keras's masks are false there.
  const InPlaceOf* in_place_of = nullptr;   ///< If a layer around it says so.
  std::vector<ValueId> more_results = {};   ///< Outputs after the first.
  ValueId mask = -1;                        ///< Of the output, which the layers whose row says `own` set.
  std::vector<std::string> arguments = {};  ///< Under which name the layer is called with each input; empty: by its place.

  ValueId input() const { return inputs.front(); }
  /// The mask of the first input, or -1.
  ValueId input_mask() const { return masks.empty() ? -1 : masks.front(); }
  /// The mask of the first input where more than recurrent layers see it, or -1.
  ValueId seen_mask() const { return config.dialect().masks_skip_steps_alone ? -1 : input_mask(); }
  /// A context for a part of this layer, which has the same inputs and a config and weights of its own.
  LayerContext part(Builder& builder, ConfigReader& config_of_part, const std::string& weights_of_part) const {
    return {builder,
            config_of_part,
            name,
            weights_of_part,
            mode,
            inputs,
            weights,
            states,
            batch_size,
            penalties,
            streams,
            loop,
            keeps_steps_in_place,
            sequences_beside,
            masks,
            in_place_of};
  }
  const Type input_type(int i = 0) const { return b.type(inputs[i]); }
  /// Throws gradc::Error unless the input has this rank, the batch included.
  void expect_rank(int rank, const char* shape) const;
  /// Throws gradc::Error unless the input is images of so many spatial dimensions.
  void expect_images(int spatial) const;

  /// A weight of the layer, as a param of the graph, with the penalty of its regularizer and, in training, an update to what its constraint
  /// makes of it, which the optimizer's update then ends with; in the layer's second use the one of the first. Or what stands in its place.
  /// Throws gradc::Error if that has another shape.
  ValueId weight(const std::string& weight_name, std::vector<std::int64_t> shape, const Initializer& initializer,
                 const Regularizer& regularizer = {}, const Constraint& constraint = {}, bool trainable = true);
  /// Lets an initializer that goes by the numbers of inputs and outputs see these for a weight of the layer.
  void draw_by_fans(const std::string& weight_name, std::int64_t inputs, std::int64_t outputs);
  /// Lets elements from `begin` to `end` of a weight of the layer start as 1.
  void start_as_ones(const std::string& weight_name, std::int64_t begin, std::int64_t end);
  ValueId emit(OpKind kind, std::vector<ValueId> operands, Attributes attributes = {}, const std::string& hint = "") {
    return b.emit(kind, std::move(operands), std::move(attributes), name + "/" + (hint.empty() ? std::string(name_of(kind)) : hint));
  }
  /// A value with arithmetic, whose results have the layer's name.
  Symbol symbol(ValueId x) { return {&b, x, name}; }
  /// Adds the penalty of a regularizer to the loss.
  void penalize(const Regularizer& regularizer, ValueId x);
  /// The newest value of a param that steps change by themselves, as moving statistics: a layer may be used several times in a step.
  ValueId newest(ValueId param) const;
  void update(ValueId param, ValueId value);
  /// A state of these dimensions, without the batch, as the last batch left it for the image at the same place, or an earlier use of
  /// the layer in the same step. Throws gradc::Error where no batch size is known.
  ValueId state(const std::string& state_name, std::vector<std::int64_t> dims);
  /// Leaves it so for the next batch.
  void keep_state(const std::string& state_name, ValueId value);
  /// Adds the layer's bias, if it uses one, to the last dimension of x, and then applies its activation: how layers with a kernel end.
  template <class L>
  ValueId biased_and_activated(ValueId x, const L& layer) {
    if (layer.use_bias) {
      auto bias = weight("bias", {b.type(x).dims.back()}, layer.bias_initializer, layer.bias_regularizer, layer.bias_constraint);
      x = emit(OpKind::add, {x, bias}, {}, "biased");
    }
    return activate(x, layer.activation);
  }
  ValueId activate(ValueId x, const std::string& activation);
};

/// The graph's inputs of these roles, which are made where there are none yet.
ValueId sample_index(Builder& b);
ValueId batch_mask(Builder& b);

/// x with the dimension that comes `from_last` before the last one moved behind all others.
ValueId moved_last(LayerContext& context, ValueId x, int from_last, const char* hint = "moved_last");
/// What such a value was before.
ValueId moved_back(LayerContext& context, ValueId x, int from_last, const char* hint = "moved_back");

/// The place of each element of such an array along an axis.
Symbol place(LayerContext& context, std::int64_t axis, const Ints& dims);
/// These numbers as a value, shaped so that it broadcasts.
Symbol numbers(LayerContext& context, const std::vector<double>& values, Ints dims);

/// Numbers in [0,1), another each step and image. Only in training.
Symbol uniform(LayerContext& context, Ints dims);
/// Normal numbers of mean 0 and deviation 1, drawn likewise.
Symbol normal(LayerContext& context, const Ints& dims);

/// x, of which a share by the layer's `option` is dropped in training, what the same of these random numbers falls to together.
ValueId dropped(LayerContext& context, const char* option, double rate, ValueId x, const Ints& together);

/// Zeros around each spatial dimension, [before, after], for "valid", "causal" or "same" padding, as TensorFlow defines the last: the
/// output has ceil(input / stride) pixels, and of an odd number the larger half comes last. "causal" has all of a window but its last pixel
/// before. Throws gradc::Error if a window does not fit.
Pairs window_padding(const std::string& padding, const Ints& input, const Ints& size, const Ints& strides, const Ints& dilation);

/// The thin weights beside a layer's `weight` of this shape, with LoRA: `a`, whose last dimension is the rank, and `b`, [rank,features].
std::pair<ValueId, ValueId> low_rank_weights(LayerContext& context, const std::string& weight, const LowRank& lora,
                                             const Regularizer& regularizer, std::vector<std::int64_t> shape);
template <class L>
std::pair<ValueId, ValueId> low_rank_weights(LayerContext& context, const L& layer, std::vector<std::int64_t> kernel) {
  return low_rank_weights(context, "kernel", layer.lora, layer.kernel_regularizer, std::move(kernel));
}
/// What such a layer computes with its kernel, and what it computes with a · b.
ValueId adapted(LayerContext& context, const LowRank& lora, ValueId with_kernel, ValueId with_product);

}  // namespace gradc
