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

  /// To an input of the context's builder or, with a loop, of its body.
  ValueId apply(LayerContext& outer, ValueId input, ScanBuilder* loop = nullptr) {
    const auto* def = find_layer(layer.class_name());
    if (def == nullptr) throw Error("{}", unknown_layer(weights_name, layer.class_name()));
    std::vector<std::string> problems;
    ConfigReader reader(config, outer.config.dialect(), problems);
    LayerContext context{loop == nullptr ? outer.b : loop->body,
                         reader,
                         outer.name,
                         weights_name,
                         outer.mode,
                         {input},
                         outer.weights,
                         outer.penalties,
                         outer.streams,
                         loop,
                         true};
    if (context.input_type().rank() < 2 && !def->takes_numbers) throw Error("{} takes no numbers without a dimension", layer.class_name());
    const auto result = apply_layer(*def, context);
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
  auto y = Inner(first, context.weights_name + "/forward_" + name).apply(context, context.input());
  const auto second_name = wrapper.backward_layer ? wrapper.backward_layer->name() : "backward_" + name;
  auto z = Inner(second, context.weights_name + "/" + second_name).apply(context, context.input());
  if (y < 0 || z < 0) return -1;
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
  const auto y = Inner(given(wrapper.layer), context.weights_name).apply(context, step, &loop);
  if (y < 0) return -1;
  loop.output(y, "output");
  return loop.finish(context.name + "/steps")[0];
}

}  // namespace gradc
