#include "frontend/layers/layers.h"

#include <algorithm>
#include <string_view>

#include "frontend/config.h"
#include "frontend/layer_json.h"
#include "frontend/names.h"
#include "frontend/problems.h"
#include "gradc/error.h"
#include "ir/scan.h"

namespace gradc {

#define GRADC_LAYER(name, ...) ValueId lower(LayerContext&, const name&);
#include "gradc/layers/layers.def"
#undef GRADC_LAYER

namespace {

// The words of layers.def.
constexpr auto one = Inputs::one, many = Inputs::many, separate = Inputs::separate;
constexpr bool arrays = false, any = true;
constexpr MaskRule drops{MaskOfOutput::drops}, passes{MaskOfOutput::passes}, joins{MaskOfOutput::joins}, own{MaskOfOutput::own},
    moves{MaskOfOutput::moves};
constexpr struct {
} argument;
constexpr MaskRule operator|(MaskRule rule, decltype(argument)) { return {rule.output, true}; }

template <class L>
L read(ConfigReader& config) {
  L layer;
  FieldReader reader(config);
  describe(reader, layer);
  return layer;
}

template <class L>
void read_options(ConfigReader& config) {
  read<L>(config);
}

template <class L>
ValueId read_and_lower(LayerContext& context) {
  const auto before = context.config.problems().size();
  const auto layer = read<L>(context.config);
  return context.config.problems().size() > before ? -1 : lower(context, layer);
}

template <class L>
constexpr int channels_first() {
  if constexpr (requires { L::channels_first; })
    return L::channels_first;
  else
    return 1;
}

template <class L>
constexpr const char* class_name(const char* name) {
  if constexpr (requires { L::class_name; })
    return L::class_name;
  else
    return name;
}

constexpr LayerDef table[] = {
#define GRADC_LAYER(name, inputs, shapes, masks) \
  {class_name<name>(#name), inputs, shapes, masks, channels_first<name>(), read_and_lower<name>, fields_of<name>, read_options<name>},
#include "gradc/layers/layers.def"
#undef GRADC_LAYER
};

}  // namespace

namespace {

/// Whether the layer's images are channels×height×width. Layers compute channels last, with transposes around them.
bool read_channels_first(ConfigReader& config) {
  auto format = plain_name(config.text("data_format", "channels_last"));
  if (format != "channelslast" && format != "channelsfirst")
    config.problem(fmt::format("data_format \"{}\" is not known; channels_last and channels_first are", format));
  return format == "channelsfirst";
}

/// All numbers are float32, whatever the shape of what Keras 3 calls a policy. Whole ones, which inputs may be, are among them.
void read_dtype(ConfigReader& config, bool is_input) {
  const auto& dtype = config.find("dtype");
  for (const char* whole : {"int32", "int64", "uint8"})
    if (is_input && dtype == whole) return;
  config.only("dtype", "float32", "gradc computes in float32: save the model with that dtype");
}

ValueId channels_back(LayerContext& layer, ValueId y, int from_last) {
  if (y < 0 || layer.b.type(y).rank() <= from_last + 1) return y;
  return moved_back(layer, y, from_last, "channels_first");
}

/// Lets the weights from this one on stay as they are.
void freeze(LayerContext& layer, std::size_t first_weight) {
  auto& graph = layer.loop == nullptr ? layer.b.graph() : layer.loop->outside.graph();
  for (auto i = first_weight; i < layer.weights.size(); ++i) {
    layer.weights[i].trainable = false;
    for (auto& op : graph.ops)
      if (op.kind == OpKind::param && op.attributes.text("name") == layer.weights[i].name) op.attributes.set("trainable", std::int64_t{0});
  }
}

}  // namespace

bool has_option(const Layer& layer, std::string_view option) {
  const auto* def = find_layer(layer.class_name());
  return def != nullptr && std::ranges::any_of(def->fields(), [&](const auto& field) { return field.name == option; });
}

bool takes_arguments(const Layer& layer) {
  const auto* def = find_layer(layer.class_name());
  if (def != nullptr && def->inputs == separate) return true;
  const auto& config = json_of(layer);
  const auto inner = config.find("layer");
  if (inner == config.end() || !inner->is_object() || !inner->contains("config") ||
      !inner->value("class_name", nlohmann::json()).is_string())
    return false;
  return takes_arguments(make_layer((*inner)["class_name"], (*inner)["config"]));
}

void check_layer(const std::string& name, const Layer& layer, const Dialect& dialect, std::vector<std::string>& problems) {
  const auto* def = find_layer(layer.class_name());
  if (def == nullptr) return problems.push_back(unknown_layer(name, layer.class_name()));
  std::vector<std::string> own;
  ConfigReader config(json_of(layer), dialect, own);
  collect(own, [&] { def->read(config); });
  for (const auto& problem : own) problems.push_back(problem_of_layer(name, layer.class_name(), problem));
}

ValueId mask_of_output(const LayerDef& def, LayerContext& context, const std::vector<ValueId>& masks) {
  const auto rule = def.masks.output;
  if (rule == MaskOfOutput::own) return context.mask;
  if (rule == MaskOfOutput::drops || masks.empty()) return -1;
  auto mask = masks.front();
  if (rule == MaskOfOutput::passes || rule == MaskOfOutput::moves) return mask;
  for (auto other : std::span(masks).subspan(1)) mask = mask < 0 || other < 0 ? -1 : context.emit(OpKind::max, {mask, other}, {}, "mask");
  return mask;
}

SharedOptions::SharedOptions(LayerContext& context, bool is_input)
    : context_(context),
      trainable_(context.config.boolean("trainable", true)),
      first_weight_(context.weights.size()),
      first_penalty_(context.penalties.size()) {
  read_dtype(context.config, is_input);
}

void SharedOptions::finish() const {
  context_.config.report_unread();
  if (trainable_) return;
  freeze(context_, first_weight_);
  if (context_.config.dialect().frozen_weights_are_regularized) return;
  auto& penalties = context_.penalties;
  penalties.erase(std::remove_if(penalties.begin() + static_cast<std::ptrdiff_t>(first_penalty_), penalties.end(),
                                 [&](ValueId term) { return !context_.b.type(term).batched(); }),
                  penalties.end());
}

ValueId apply_layer(const LayerDef& def, LayerContext& layer) {
  const SharedOptions common(layer, def.class_name == std::string_view("InputLayer"));
  const auto channels_first = read_channels_first(layer.config);
  const auto from_last = layer.input_type().rank() - 1 - def.channels_first;
  const bool moves = channels_first && def.channels_first > 0 && from_last > 0;
  if (moves)
    for (auto& input : layer.inputs)
      if (layer.b.type(input).rank() > from_last + 1) input = moved_last(layer, input, from_last, "channels_last");
  auto result = def.lower(layer);
  if (moves) {
    result = channels_back(layer, result, from_last);
    for (auto& each : layer.more_results) each = channels_back(layer, each, from_last);
  }
  const auto activity = layer.config.regularizer("activity_regularizer");
  if (activity && layer.loop != nullptr) throw Error("\"activity_regularizer\" of a layer in another is not there yet");
  if (result >= 0) layer.penalize(activity, result);
  layer.mask = result < 0 ? -1 : mask_of_output(def, layer, layer.masks);
  common.finish();
  return result;
}

std::span<const LayerDef> all_layers() { return table; }

const LayerDef* find_layer(const std::string& class_name) {
  const auto* found = std::find_if(std::begin(table), std::end(table), [&](const LayerDef& def) { return class_name == def.class_name; });
  return found == std::end(table) ? nullptr : found;
}

std::string problem_of_layer(const std::string& name, const std::string& class_name, const std::string& problem) {
  return fmt::format("layer \"{}\" ({}): {}", name, class_name, problem);
}

std::string unknown_layer(const std::string& name, const std::string& class_name) {
  std::vector<std::string> names;
  for (const auto& def : table) names.emplace_back(def.class_name);
  return problem_of_layer(name, class_name, "this layer is not known; " + known_are(names, class_name));
}

std::string list_layers() {
  std::string text;
  for (const auto& def : table) {
    text += fmt::format("### {}\n\n", def.class_name);
    const auto fields = def.fields();
    if (fields.empty()) {
      text += "It has no options.\n\n";
      continue;
    }
    text += "| option | takes | unless given |\n| --- | --- | --- |\n";
    for (const auto& field : fields) text += fmt::format("| `{}` | {} | {} |\n", field.name, field.kind, field.fallback);
    text += "\n";
  }
  return text;
}

#define GRADC_LAYER(name, ...) \
  Layer::Layer(const name& layer) : Layer(make_layer(gradc::class_name<name>(#name), config_of(layer))) {}
#include "gradc/layers/layers.def"
#undef GRADC_LAYER

Layer make_layer(std::string class_name, nlohmann::json config) {
  return {std::move(class_name), std::make_shared<const Config>(Config{std::move(config)})};
}

const nlohmann::json& json_of(const Layer& layer) { return layer.config().value; }

std::string Layer::name() const { return json_of(*this).value("name", ""); }

}  // namespace gradc
