#include "frontend/layers/layers.h"

#include <algorithm>

#include "frontend/config.h"
#include "frontend/layer_json.h"

namespace gradc {

#define GRADC_LAYER(name, ...) ValueId lower(LayerContext&, const name&);
#include "gradc/layers/layers.def"
#undef GRADC_LAYER

namespace {

constexpr bool one = false, many = true, arrays = false, any = true;  // The words of layers.def.

template <class L>
ValueId read_and_lower(LayerContext& context) {
  L layer;
  FieldReader reader(context.config);
  const auto before = context.config.problems().size();
  describe(reader, layer);
  return context.config.problems().size() > before ? -1 : lower(context, layer);
}

template <class L>
std::vector<FieldLister::Field> fields_of() {
  L layer;
  FieldLister lister;
  describe(lister, layer);
  return lister.fields;
}

constexpr LayerDef table[] = {
#define GRADC_LAYER(name, inputs, shapes) {#name, inputs, shapes, read_and_lower<name>, fields_of<name>},
#include "gradc/layers/layers.def"
#undef GRADC_LAYER
};

}  // namespace

std::span<const LayerDef> all_layers() { return table; }

const LayerDef* find_layer(const std::string& class_name) {
  const auto* found = std::find_if(std::begin(table), std::end(table), [&](const LayerDef& def) { return class_name == def.class_name; });
  return found == std::end(table) ? nullptr : found;
}

std::string known_layers() {
  std::string names;
  for (const auto& def : table) names += std::string(def.class_name) + " ";
  return names;
}

std::string unknown_layer(const std::string& name, const std::string& class_name) {
  return fmt::format("layer \"{}\" ({}): this layer is not known; known are {}", name, class_name, known_layers());
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
  Layer::Layer(const name& layer) : Layer(make_layer(#name, config_of(layer))) {}
#include "gradc/layers/layers.def"
#undef GRADC_LAYER

Layer make_layer(std::string class_name, nlohmann::json config) {
  return {std::move(class_name), std::make_shared<const Config>(Config{std::move(config)})};
}

const nlohmann::json& json_of(const Layer& layer) { return layer.config().value; }

std::string Layer::name() const { return json_of(*this).value("name", ""); }

}  // namespace gradc
