#include "gradc/layers/wrappers.h"

#include "frontend/layer_json.h"
#include "frontend/layers/context.h"
#include "frontend/layers/layers.h"
#include "frontend/problems.h"
#include "gradc/error.h"
#include "ir/scan.h"

namespace gradc {
namespace {

/// Another layer, applied by that of a context.
struct Inner {
  const Layer& layer;
  std::string weights_name;
  nlohmann::json config;

  Inner(const Layer& layer, std::string weights_name) : layer(layer), weights_name(std::move(weights_name)), config(json_of(layer)) {}

  ValueId mask = -1;  ///< After `apply`: of what it made.
  std::vector<ValueId> more_results = {};

  std::vector<ValueId> first_states = {};  ///< Further inputs.

  /// To an input of the context's builder or, with a loop, of its body; with its mask, if there is one.
  ValueId apply(LayerContext& outer, ValueId input, ValueId input_mask, ScanBuilder* loop = nullptr) {
    const auto* def = find_layer(layer.class_name());
    if (def == nullptr) throw Error("{}", unknown_layer(weights_name, layer.class_name()));
    std::vector<std::string> problems;
    ConfigReader reader(config, outer.config.dialect(), problems);
    auto context = outer.part(loop == nullptr ? outer.b : loop->body, reader, weights_name);
    context.inputs = {input};
    context.inputs.insert(context.inputs.end(), first_states.begin(), first_states.end());
    context.masks = {input_mask};
    context.loop = loop;
    context.keeps_steps_in_place = true;
    if (context.input_type().rank() < 2 && !def->takes_numbers) throw Error("{} takes no numbers without a dimension", layer.class_name());
    const auto result = apply_layer(*def, context);
    mask = context.mask;
    more_results = context.more_results;
    for (const auto& problem : problems) outer.config.problem(fmt::format("its layer ({}): {}", layer.class_name(), problem));
    return result;
  }
};

const Layer& given(const std::optional<Layer>& layer) {
  if (!layer) throw Error("\"layer\" is missing");
  return *layer;
}

/// A recurrent layer that goes the other way, or, if `backward`, that way.
Layer in_direction(const Layer& layer, bool backward) {
  auto config = json_of(layer);
  config["go_backwards"] = backward;
  return make_layer(layer.class_name(), std::move(config));
}

}  // namespace

ValueId lower(LayerContext& context, const Bidirectional& wrapper) {
  const auto& layer = given(wrapper.layer);
  if (!json_of(layer).contains("recurrent_initializer") && layer.class_name() != "RNN")
    throw Error("its layer is a {}; LSTM, GRU, SimpleRNN and RNN go both ways", layer.class_name());
  const bool backward = json_of(layer).value("go_backwards", false);
  auto name = layer.name();
  if (name.starts_with("forward_")) name.erase(0, 8);
  const auto first = in_direction(layer, backward), second = in_direction(wrapper.backward_layer.value_or(layer), !backward);
  Inner forward(first, context.weights_name + "/forward_" + name);
  if (context.inputs.size() % 2 == 0)
    throw Error("takes a sequence and as many first states for each way, got {} inputs", context.inputs.size());
  const auto half = context.inputs.begin() + 1 + static_cast<std::ptrdiff_t>(context.inputs.size() / 2);
  forward.first_states.assign(context.inputs.begin() + 1, half);
  auto y = forward.apply(context, context.input(), context.input_mask());
  context.mask = forward.mask;
  const auto second_name = wrapper.backward_layer ? wrapper.backward_layer->name() : "backward_" + name;
  Inner other(second, context.weights_name + "/" + second_name);
  other.first_states.assign(half, context.inputs.end());
  auto z = other.apply(context, context.input(), context.input_mask());
  context.more_results = forward.more_results;
  context.more_results.insert(context.more_results.end(), other.more_results.begin(), other.more_results.end());
  if (y < 0 || z < 0) return -1;
  if (wrapper.merge_mode == "null") {
    context.more_results.insert(context.more_results.begin(), z);
    return y;
  }
  if (context.b.type(y) != context.b.type(z))
    throw Error("its layers give {} and {}", shape_string(context.b.type(y).image_dims()), shape_string(context.b.type(z).image_dims()));
  if (wrapper.merge_mode == "concat")
    return context.emit(OpKind::concat, {y, z}, {{"axis", std::int64_t{context.b.type(y).rank() - 1}}}, "both");
  if (wrapper.merge_mode == "mul") return context.emit(OpKind::mul, {y, z}, {}, "both");
  const auto sum = context.emit(OpKind::add, {y, z}, {}, "both");
  return wrapper.merge_mode == "sum" ? sum : context.emit(OpKind::mul, {sum, context.b.constant(0.5)}, {}, "both");
}

ValueId lower(LayerContext& context, const TimeDistributed& wrapper) {
  const auto type = context.input_type();
  if (type.rank() < 2) throw Error("takes sequences, got an input of shape {}", shape_string(type.image_dims()));
  ScanBuilder loop(context.b, type.dims[1]);
  const auto step = loop.scan(context.input(), context.name + "/step");
  // A mask says which steps to skip, not what to skip within one: the layers that look at masks there are loops, which stand in no other.
  const auto y = Inner(given(wrapper.layer), context.weights_name).apply(context, step, -1, &loop);
  if (y < 0) return -1;
  loop.output(y, "output");
  return loop.finish(context.name + "/steps")[0];
}

}  // namespace gradc
