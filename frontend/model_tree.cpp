#include "frontend/model_tree.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "frontend/config_reader.h"
#include "frontend/layer_json.h"
#include "frontend/layers/layers.h"
#include "frontend/names.h"
#include "frontend/problems.h"
#include "gradc/error.h"

namespace gradc {
namespace {

using nlohmann::json;
using Member = ModelTree::Member;

std::string snake_case(const std::string& class_name) {
  std::string snake;
  for (std::size_t i = 0; i < class_name.size(); ++i) {
    char c = class_name[i];
    bool upper = std::isupper(static_cast<unsigned char>(c)) != 0;
    bool after_lower = i > 0 && std::islower(static_cast<unsigned char>(class_name[i - 1])) != 0;
    if (upper && after_lower) snake += '_';
    snake += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return snake;
}

bool is_whole(const json& value) { return value.is_number_integer() && value >= 0 && value <= 1'000'000; }

/// The value under `outer` and in it `inner`, if both are there.
json value_at(const json& object, const char* outer, const char* inner) {
  if (!object.is_object() || !object.contains(outer) || !object[outer].is_object() || !object[outer].contains(inner)) return {};
  return object[outer][inner];
}

/// [name, call, output]
std::optional<Source> source_in(const json& value) {
  if (!value.is_array() || value.size() < 3 || !value[0].is_string() || !is_whole(value[1]) || !is_whole(value[2])) return {};
  return Source{value[0].get<std::string>(), value[1].get<int>(), value[2].get<int>()};
}

/// Whether a value says nothing: null, or a list of such, as the masks of several inputs are.
bool is_nothing(const json& value) { return value.is_null() || (value.is_array() && std::all_of(value.begin(), value.end(), is_nothing)); }

/// A tensor that is an argument: such a list, or an object of Keras 3 with it as "keras_history".
std::optional<Source> tensor_in(const json& value) {
  if (!value.is_object()) return source_in(value);
  const auto& tensor = value.contains("config") && value["config"].is_object() ? value["config"] : value;
  return tensor.contains("keras_history") ? source_in(tensor["keras_history"]) : std::nullopt;
}

/// Whether a value is a tensor, or a list of such and of nothing, which are collected.
bool read_tensors(const json& value, std::vector<Source>& tensors) {
  if (auto source = tensor_in(value)) {
    tensors.push_back(*source);
    return true;
  }
  return value.is_array() &&
         std::all_of(value.begin(), value.end(), [&](const json& each) { return is_nothing(each) || read_tensors(each, tensors); });
}

/// Reads what a layer is called with besides its inputs.
void read_arguments(const json& arguments, Call& call, const std::string& layer, std::vector<std::string>& problems) {
  if (!arguments.is_object()) return;
  for (const auto& [key, value] : arguments.items()) {
    if (is_nothing(value)) continue;
    std::vector<Source> tensors;
    const bool of_tensors = read_tensors(value, tensors);
    if (key == "training" && value == false) {
      call.inference = true;
    } else if (arguments_that_are_options().contains(key) && value.is_boolean()) {
      if (value == true) call.flags.insert(key);
    } else if (of_tensors && key == "initial_state") {
      call.inputs.insert(call.inputs.end(), tensors.begin(), tensors.end());
    } else if (of_tensors && (key == "mask" || key == "query_mask" || key == "value_mask" || key == "key_mask")) {
      call.masked = true;
    } else if (of_tensors && tensors.size() == 1) {
      tensors[0].argument = key == "inputs" ? "" : key;
      call.inputs.push_back(tensors[0]);
    } else {
      problems.push_back(fmt::format("layer \"{}\": is called with \"{}\" = {}, which gradc does not have; save the model without it",
                                     layer, key, value.dump()));
    }
  }
}

/// Collects the sources in one use of a layer: [["name", 0, 0, {arguments}], ...] in Keras 2 and tf.js, {"args": [tensors], "kwargs": {}}
/// in Keras 3, where a tensor holds "keras_history": ["name", 0, 0].
void read_call(const json& node, Call& call, const std::string& layer, std::vector<std::string>& problems) {
  if (auto source = source_in(node)) {
    call.inputs.push_back(*source);
    if (node.size() > 3) read_arguments(node[3], call, layer, problems);
  } else if (node.is_object() && node.contains("keras_history")) {
    if (auto tensor = source_in(node["keras_history"])) call.inputs.push_back(*tensor);
  } else if (node.is_object() && node.contains("args")) {
    read_call(node["args"], call, layer, problems);
    if (!node.contains("kwargs")) return;
    auto arguments = node["kwargs"];
    // Keras 3 writes the `training` that a layer's call takes by itself, and gives the model's own instead.
    if (arguments.is_object() && arguments.value("training", json()) == true) arguments.erase("training");
    read_arguments(arguments, call, layer, problems);
  } else if (node.is_structured()) {
    for (const auto& each : node) read_call(each, call, layer, problems);
  }
}

std::string text_or(const json& object, const char* key, const std::string& fallback) {
  return object.is_object() && object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : fallback;
}

/// The config of a sequence's first layer. If it states no input shape, it has that with which Keras built the model.
json first_config(const json& config, const json& model, const json& entry) {
  if (config.contains("batch_input_shape")) return config;
  for (const auto& shape : {value_at(model, "config", "build_input_shape"), value_at(model, "build_config", "input_shape"),
                            value_at(entry, "build_config", "input_shape")}) {
    if (!shape.is_array()) continue;
    auto with_shape = config;
    with_shape["batch_input_shape"] = shape;
    if (!shape.empty()) with_shape["batch_input_shape"][0] = nullptr;  // That of the data which the model happened to be built with.
    return with_input_shape(with_shape);
  }
  return config;
}

/// The arguments of an entry's only call, or null.
const json& only_arguments(const json& entry) {
  static const json nothing;
  const auto nodes = entry.find("inbound_nodes");
  const bool is_one = nodes != entry.end() && nodes->is_array() && nodes->size() == 1 && (*nodes)[0].is_object();
  return is_one && (*nodes)[0].contains("args") ? (*nodes)[0]["args"] : nothing;
}

/// The config of the Rescaling that x + 1, 1 - x, x * 2 and the like are, or null.
json scaling_of(const json& entry) {
  const auto& args = only_arguments(entry);
  if (!args.is_array() || args.size() != 2 || args[0].is_number() == args[1].is_number()) return {};
  const bool is_first = args[0].is_number();
  std::vector<Source> tensors;
  if (!read_tensors(args[is_first ? 1 : 0], tensors)) return {};
  const auto number = args[is_first ? 0 : 1].get<double>();
  const auto operation = text_or(entry, "class_name", "");
  if (operation == "Add") return {{"scale", 1.0}, {"offset", number}};
  if (operation == "Multiply") return {{"scale", number}, {"offset", 0.0}};
  if (operation == "Subtract" && is_first) return {{"scale", -1.0}, {"offset", number}};
  if (operation == "Subtract") return {{"scale", 1.0}, {"offset", -number}};
  if ((operation == "TrueDivide" || operation == "Divide") && !is_first && number != 0) return {{"scale", 1 / number}, {"offset", 0.0}};
  return {};
}

/// Whether an entry is an operation of keras.ops that no layer does, which Keras 3 writes among the layers, also for the masks that it
/// computes itself. x + y of two tensors is what the layer of that name does, and x + 1 a Rescaling.
bool is_operation(const json& entry) {
  if (!text_or(entry, "module", "").starts_with(kOperations)) return false;
  static const std::set<std::string> like_layers = {"Add", "Subtract", "Multiply", "Maximum", "Minimum"};
  std::vector<Source> tensors;
  if (like_layers.contains(text_or(entry, "class_name", "")) && read_tensors(only_arguments(entry), tensors) && tensors.size() == 2)
    return false;
  return scaling_of(entry).is_null();
}

ModelTree read(const json& model, LayerNames& names, std::vector<std::string>& problems);

/// The model that an entry applies to each step of a sequence, or null.
const json& model_of_steps(const json& entry) {
  static const json none;
  if (text_or(entry, "class_name", "") != "TimeDistributed") return none;
  const auto layer = entry["config"].find("layer");
  if (layer == entry["config"].end() || !layer->is_object() || !layer->contains("config")) return none;
  return is_model_class(text_or(*layer, "class_name", "")) ? *layer : none;
}

/// The config without the layer that it is about.
json without_layer(json config) {
  config.erase("layer");
  return config;
}

Member read_member(const json& entry, bool sequential, LayerNames& names, std::vector<std::string>& problems) {
  auto class_name = entry["class_name"].get<std::string>();
  if (class_name == "GroupQueryAttention") class_name = "GroupedQueryAttention";  // Keras exports the class under the former name.
  const auto& config = entry["config"];
  bool is_model = is_model_class(class_name);
  auto name = text_or(config, "name", "");
  if (!sequential) name = text_or(entry, "name", name);
  if (name.empty()) name = names.next(class_name);
  const bool operation = !is_model && text_or(entry, "module", "").starts_with(kOperations);
  const auto scaling = operation ? scaling_of(entry) : json();
  const auto& of_steps = model_of_steps(entry);
  auto layer = !scaling.is_null()   ? make_layer("Rescaling", scaling)
               : is_model           ? make_layer(class_name, {{"name", name}})
               : of_steps.is_null() ? make_layer(class_name, with_input_shape(config))
                                    : make_layer(class_name, with_input_shape(without_layer(config)));
  Member member{.layer = std::move(layer), .name = name, .each_step = !of_steps.is_null(), .operation = operation};
  if (is_model || member.each_step) member.model = std::make_shared<ModelTree>(read(member.each_step ? of_steps : entry, names, problems));
  if (!sequential && entry.contains("inbound_nodes") && entry["inbound_nodes"].is_array())
    for (const auto& node : entry["inbound_nodes"]) read_call(node, member.calls.emplace_back(), name, problems);
  return member;
}

/// Names that are given are taken before any is made up.
void take_names(const json& value, LayerNames& names) {
  if (value.is_object()) names.take(text_or(value, "name", ""));
  if (value.is_structured())
    for (const auto& each : value) take_names(each, names);
}

/// Adds `by` to the number of the use in each source that is a model.
void shift_uses_of_models(ModelTree& tree, int by, const std::set<std::string>& models) {
  auto shift = [&](std::vector<Source>& sources) {
    for (auto& source : sources)
      if (models.contains(source.layer)) source.call += by;
  };
  shift(tree.outputs);
  for (auto& member : tree.members)
    for (auto& call : member.calls) shift(call.inputs);
}

/// tf.js and Keras 2 count the uses of a model from 1, as it was first used when it was made; Keras 3 counts from 0, as all do for layers.
void count_uses_from_zero(ModelTree& tree) {
  std::map<std::string, int> last;
  auto see = [&](const std::vector<Source>& sources) {
    for (const auto& source : sources) last[source.layer] = std::max(last[source.layer], source.call);
  };
  see(tree.outputs);
  for (const auto& member : tree.members)
    for (const auto& call : member.calls) see(call.inputs);
  std::set<std::string> models;
  for (const auto& member : tree.members)
    if (member.model && !member.each_step && !member.calls.empty() && last[member.name] == static_cast<int>(member.calls.size()))
      models.insert(member.name);
  shift_uses_of_models(tree, -1, models);
}

/// Those of the operations that layers or the model's outputs read, and not only masks.
std::vector<const json*> operations_for_values(const ModelTree& tree, const std::vector<const json*>& operations) {
  std::set<std::string> read;
  for (const auto& output : tree.outputs) read.insert(output.layer);
  for (const auto& member : tree.members)
    for (const auto& call : member.calls)
      for (const auto& input : call.inputs) read.insert(input.layer);
  std::vector<const json*> found;
  for (const auto* operation : operations)
    if (read.contains(text_or(*operation, "name", ""))) found.push_back(operation);
  return found;
}

ModelTree read(const json& model, LayerNames& names, std::vector<std::string>& problems) {
  auto class_name = text_or(model, "class_name", "");
  if (class_name.empty() || !model.contains("config"))
    throw Error("modelTopology has no class_name and config; is this a LayersModel? (a GraphModel cannot be trained)");
  if (!is_model_class(class_name)) throw Error("modelTopology is of class \"{}\"; Sequential, Model and Functional are known", class_name);
  const auto& config = model["config"];
  ModelTree tree{.sequential = class_name == "Sequential", .name = text_or(config, "name", "model")};
  if (config.is_object() && config.contains("trainable")) tree.trainable = config["trainable"] != false;
  const json& layers = config.is_array() ? config : config.is_object() && config.contains("layers") ? config["layers"] : json();
  if (!layers.is_array() || layers.empty()) throw Error("model \"{}\" has no list of layers", tree.name);

  std::set<std::string> taken;
  std::vector<const json*> operations;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& entry = layers[i];
    bool is_layer = entry.is_object() && !text_or(entry, "class_name", "").empty() && entry.contains("config");
    if (is_layer && !entry["config"].is_object()) is_layer = is_model_class(entry["class_name"]) && entry["config"].is_array();
    if (!is_layer) {
      problems.push_back(fmt::format("layer {} of model \"{}\": has no class_name and config", i, tree.name));
      continue;
    }
    if (is_operation(entry)) {
      operations.push_back(&entry);
      continue;
    }
    auto member = read_member(entry, tree.sequential, names, problems);
    if (!taken.insert(member.name).second) problems.push_back(fmt::format("layer \"{}\": the name is used twice", member.name));
    if (tree.sequential && tree.members.empty() && (!member.model || member.each_step))
      member.layer = make_layer(member.layer.class_name(), first_config(json_of(member.layer), model, entry));
    tree.members.push_back(std::move(member));
  }
  if (tree.members.empty()) {
    if (problems.empty()) problems.push_back(fmt::format("model \"{}\" has no layers", tree.name));
    throw_problems(problems);
  }
  if (tree.sequential) return tree;
  for (auto [key, sources] : {std::pair("input_layers", &tree.inputs), {"output_layers", &tree.outputs}}) {
    Call call;
    if (config.contains(key)) read_call(config[key], call, tree.name, problems);
    *sources = call.inputs;
  }
  for (const auto* operation : operations_for_values(tree, operations))
    problems.push_back(
        fmt::format("\"{}\" is the operation {} of keras.ops between layers, which gradc does not have; use the layer for it",
                    text_or(*operation, "name", ""), text_or(*operation, "class_name", "")));
  count_uses_from_zero(tree);
  return tree;
}

/// Whether the layer ends in hard_sigmoid, on which Keras 3 and the others do not agree. Recurrent layers apply it within their steps.
bool ends_in_hard_sigmoid(const Member& member) {
  return !member.model && !has_option(member.layer, "recurrent_initializer") &&
         plain_name(text_or(json_of(member.layer), "activation", "")) == "hardsigmoid";
}

/// Replaces Keras 3's hard_sigmoid by layers that are the same everywhere: relu6(x + 3) / 6.
ModelTree without_keras3_hard_sigmoid(ModelTree tree) {
  const std::pair<const char*, Layer> steps[] = {
      {"_shifted", Rescaling{.offset = 3}}, {"_clipped", ReLU{.max_value = 6}}, {"_scaled", Rescaling{.scale = 1.0 / 6}}};
  std::map<std::string, std::string> results;  // The layer whose output takes the place of another's.
  for (const auto& member : tree.members)
    if (ends_in_hard_sigmoid(member)) results[member.name] = member.name + steps[2].first;
  auto redirect = [&](std::vector<Source>& sources) {
    for (auto& source : sources)
      if (auto found = results.find(source.layer); found != results.end()) source.layer = found->second;
  };
  redirect(tree.outputs);
  std::vector<Member> members;
  for (auto& member : tree.members) {
    for (auto& call : member.calls) redirect(call.inputs);
    members.push_back(member);
    if (!ends_in_hard_sigmoid(member)) continue;
    auto linear = json_of(member.layer);
    linear["activation"] = "linear";
    members.back().layer = make_layer(member.layer.class_name(), linear);
    for (const auto& [suffix, layer] : steps) {
      Member step{layer, member.name + suffix};
      for (std::size_t call = 0; call < member.calls.size(); ++call)
        step.calls.push_back({{{members.back().name, static_cast<int>(call), 0}}});
      members.push_back(std::move(step));
    }
  }
  tree.members = std::move(members);
  return tree;
}

json to_json(const std::vector<Source>& sources) {
  json list = json::array();
  for (const auto& source : sources) list.push_back({source.layer, source.call, source.output});
  return list;
}

json arguments_of(const Call& call) {
  auto arguments = json::object();
  if (call.inference) arguments["training"] = false;
  for (const auto& flag : call.flags) arguments[flag] = true;
  return arguments;
}

json to_json(const Call& call) {
  auto inputs = to_json(call.inputs);
  for (auto& input : inputs) input.push_back(arguments_of(call));
  return inputs;
}

/// A call with arguments of their own. Keras 3 has them as such; Keras 2 has names for all but the first.
json separate_to_json(const Call& call, bool keras3) {
  auto named = arguments_of(call);
  static constexpr const char* kPlaces[] = {"query", "value", "key"};
  auto args = json::array();
  std::size_t place = 0;
  for (const auto& source : call.inputs) {
    json history = {source.layer, source.call, source.output};
    json tensor = {{"class_name", "__keras_tensor__"},
                   {"config", {{"shape", json::array({nullptr})}, {"dtype", "float32"}, {"keras_history", history}}}};
    const auto name = !source.argument.empty() ? source.argument : place < std::size(kPlaces) ? kPlaces[place++] : "";
    if (source.argument.empty() && (keras3 || args.empty()))
      args.push_back(keras3 ? tensor : history);
    else
      named[name] = keras3 ? tensor : history;
  }
  if (keras3) return {{"args", args}, {"kwargs", named}};
  if (args.empty()) return args;
  args[0].push_back(named);
  return args;
}

/// Whether a layer of the model makes masks, so that an operation and the layer that does the same are not the same.
bool makes_masks(const ModelTree& tree) {
  return std::ranges::any_of(tree.members, [](const Member& member) {
    if (member.model) return makes_masks(*member.model);
    return has_option(member.layer, "mask_value") || json_of(member.layer).value("mask_zero", json()) == true;
  });
}

/// Writes an operation as Keras 3 does.
void name_operation(json& entry, const Member& member) {
  const auto& config = json_of(member.layer);
  auto class_name = member.layer.class_name();
  if (class_name == "Rescaling") class_name = config["scale"] == -1.0 ? "Subtract" : config["scale"] == 1.0 ? "Add" : "Multiply";
  entry["class_name"] = entry["registered_name"] = class_name;
  entry["module"] = std::string(kOperations) + ".numpy";
  entry["config"] = {{"name", member.name}};
}

/// Puts the number of a scaling beside the tensor of its only call.
void add_number(json& entry, const json& scaling) {
  auto& args = entry["inbound_nodes"][0]["args"];
  const bool scales = entry["class_name"] == "Multiply";
  args.insert(scaling["scale"] == -1.0 ? args.begin() : args.end(), scaling[scales ? "scale" : "offset"]);
}

json layer_config(const Member& member) {
  auto config = json_of(member.layer);
  config["name"] = member.name;
  // Keras takes the word for its function of that name, and the mode that it stands for where there is none.
  if (config.contains("score_mode") && config["score_mode"] == "dot") config.erase("score_mode");
  if (!config.contains("batch_input_shape")) return config;
  config["dtype"] = "float32";
  if (member.layer.class_name() == "InputLayer") config["sparse"] = false;
  return config;
}

/// Writes a model as Keras 3 reads it within another layer: with the module of its class, and inputs and outputs that are one as no list.
void name_for_keras3(json& entry) {
  const bool sequential = entry["class_name"] == "Sequential";
  entry["module"] = sequential ? "keras.src.models.sequential" : "keras.src.models.functional";
  if (sequential) return;
  entry["class_name"] = "Functional";
  for (const char* key : {"input_layers", "output_layers"})
    if (auto& sources = entry["config"][key]; sources.size() == 1) sources = json(sources[0]);
}

/// `operations`: they are written as such, which tf.js does not read, else as the layers that do the same.
json write(const ModelTree& given, const Dialect& dialect, bool operations) {
  auto tree = dialect.hard_sigmoid_is_relu6 ? without_keras3_hard_sigmoid(given) : given;
  const bool keras3 = &dialect == &dialect_of(Writer::keras3);
  if (!keras3 && !tree.sequential) {
    std::set<std::string> models;
    for (const auto& member : tree.members)
      if (member.model && !member.each_step) models.insert(member.name);
    shift_uses_of_models(tree, 1, models);
  }
  json layers = json::array();
  for (const auto& member : tree.members) {
    auto entry = member.model ? write(*member.model, dialect, operations)
                              : json{{"class_name", member.layer.class_name()}, {"config", layer_config(member)}};
    if (member.model && !member.each_step) entry["config"]["name"] = member.name;
    if (member.each_step) {
      if (keras3) name_for_keras3(entry);
      auto config = layer_config(member);
      config["layer"] = std::move(entry);
      entry = {{"class_name", member.layer.class_name()}, {"config", std::move(config)}};
    }
    const bool operation = member.operation && operations;
    if (operation) name_operation(entry, member);
    if (!tree.sequential) {
      entry["name"] = member.name;
      entry["inbound_nodes"] = json::array();
      const auto* def = member.model && !member.each_step ? nullptr : find_layer(member.layer.class_name());
      const bool separate = operation || (def != nullptr && def->inputs == Inputs::separate);
      for (const auto& call : member.calls) entry["inbound_nodes"].push_back(separate ? separate_to_json(call, keras3) : to_json(call));
      if (operation && member.layer.class_name() == "Rescaling") add_number(entry, json_of(member.layer));
    }
    layers.push_back(std::move(entry));
  }
  json config = {{"name", tree.name}, {"layers", layers}};
  if (!tree.trainable) config["trainable"] = false;
  if (!tree.sequential) {
    config["input_layers"] = to_json(tree.inputs);
    config["output_layers"] = to_json(tree.outputs);
  }
  return {{"class_name", tree.sequential ? "Sequential" : "Model"}, {"config", config}};
}

}  // namespace

json with_input_shape(json config) {
  json shape;
  for (const char* key : {"input_shape", "inputShape", "batch_shape", "batchInputShape", "batch_input_shape"}) {
    auto found = config.find(key);
    if (found == config.end()) continue;
    bool has_batch = std::string(key).starts_with("batch");
    if (!found->is_null()) shape = *found;
    if (!found->is_null() && !has_batch && shape.is_array()) shape.insert(shape.begin(), nullptr);
    config.erase(found);
  }
  if (shape.is_null()) return config;
  if (shape.is_array() && !shape.empty() && shape[0].is_number_integer() && shape[0] < 1) shape[0] = nullptr;
  config["batch_input_shape"] = shape;
  return config;
}

const std::set<std::string>& arguments_that_are_options() {
  static const std::set<std::string> all = {"use_causal_mask", "return_attention_scores", "reverse"};
  return all;
}

bool is_model_class(const std::string& class_name) {
  return class_name == "Sequential" || class_name == "Model" || class_name == "Functional";
}

std::string LayerNames::next(const std::string& class_name) {
  auto base = snake_case(class_name);
  for (;;) {
    auto number = numbers_[base]++;
    auto name = number == 0 ? base : base + "_" + std::to_string(number);
    if (take(name)) return name;
  }
}

ModelTree read_tree(const json& model, std::vector<std::string>& problems) {
  LayerNames names;
  take_names(model, names);
  return read(model, names, problems);
}

json write_tree(const ModelTree& tree, const Dialect& dialect) { return write(tree, dialect, makes_masks(tree)); }

}  // namespace gradc
