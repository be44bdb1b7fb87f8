#include "frontend/topology.h"

#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "frontend/names.h"
#include "frontend/problems.h"
#include "support/error.h"

namespace gradc {
namespace {

using nlohmann::json;

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

/// Takes out of a config what Keras 3 adds and tf.js does not know: serialized objects with module and registered_name, dtype policies.
json plain_config(json value) {
  if (value.is_object()) {
    if (value.contains("class_name") && value["class_name"] == "DTypePolicy")
      return value.value(json::json_pointer("/config/name"), json("float32"));
    if (value.contains("class_name") && value.contains("config"))
      return {{"class_name", value["class_name"]}, {"config", plain_config(value["config"])}};
    json result = json::object();
    for (auto& [key, each] : value.items()) result[key] = plain_config(each);
    return result;
  }
  if (value.is_array())
    for (auto& each : value) each = plain_config(each);
  return value;
}

/// The names of the layers that the inbound nodes name: in Keras 2 and tf.js [[["name", 0, 0, {}], ...]], in Keras 3
/// [{"args": [tensors], "kwargs": {}}] where a tensor holds "keras_history": ["name", 0, 0].
void collect_inbound(const json& node, std::vector<std::string>& names) {
  if (node.is_object()) {
    if (node.contains("keras_history") && node["keras_history"].is_array() && !node["keras_history"].empty() &&
        node["keras_history"][0].is_string()) {
      names.push_back(node["keras_history"][0].get<std::string>());
      return;
    }
    if (node.contains("args")) return collect_inbound(node["args"], names);
    for (const auto& [key, each] : node.items()) collect_inbound(each, names);
  } else if (node.is_array()) {
    if (node.size() >= 3 && node[0].is_string() && node[1].is_number()) {
      names.push_back(node[0].get<std::string>());
      return;
    }
    for (const auto& each : node) collect_inbound(each, names);
  }
}

std::string single_name(const json& config, const char* key, const char* what) {
  std::vector<std::string> names;
  if (config.contains(key)) collect_inbound(config[key], names);
  if (names.size() != 1) throw Error("the model has {} {}s; gradc takes models of one input and one output", names.size(), what);
  return names[0];
}

/// The shape of one image that a layer's config states, if it does. A batch dimension, fixed or not, is left out.
Dims stated_shape(const LayerNode& node, std::vector<std::string>& problems) {
  const auto& config = node.layer.config();
  for (const char* key : {"batch_input_shape", "batchInputShape", "batch_shape", "input_shape"}) {
    if (!config.contains(key) || config[key].is_null()) continue;
    const auto& shape = config[key];
    Dims dims;
    bool fits = shape.is_array() && (key == std::string("input_shape") || !shape.empty());
    for (std::size_t i = key == std::string("input_shape") ? 0 : 1; fits && i < shape.size(); ++i) {
      fits = shape[i].is_number_integer() && shape[i].get<double>() >= 1 && shape[i].get<double>() <= 2147483647.0;
      if (fits) dims.push_back(shape[i].get<std::int64_t>());
    }
    if (fits && !dims.empty()) return dims;
    problems.push_back(fmt::format("layer \"{}\": {} is {}, expected the batch and then fixed positive dimensions, as [null,28,28,1]",
                                   node.name, key, shape.dump()));
    return {};
  }
  return {};
}

void order(Topology& topology) {
  std::map<std::string, const LayerNode*> by_name;
  for (const auto& node : topology.layers) by_name[node.name] = &node;
  std::vector<LayerNode> ordered;
  std::map<std::string, int> state;  // 1: being visited, 2: done
  // Depth first, without recursion: a model may be thousands of layers deep.
  for (const auto& start : topology.layers) {
    std::vector<std::pair<const LayerNode*, std::size_t>> stack = {{&start, 0}};
    while (!stack.empty()) {
      auto& [node, next] = stack.back();
      if (state[node->name] == 2) {
        stack.pop_back();
        continue;
      }
      state[node->name] = 1;
      if (next == node->inbound.size()) {
        state[node->name] = 2;
        ordered.push_back(*node);
        stack.pop_back();
        continue;
      }
      const auto& from = node->inbound[next++];
      auto found = by_name.find(from);
      if (found == by_name.end()) throw Error("layer \"{}\": takes the output of \"{}\", but there is no such layer", node->name, from);
      if (state[from] == 1) throw Error("layer \"{}\": its inputs lead back to itself through \"{}\"", node->name, from);
      stack.push_back({found->second, 0});
    }
  }
  topology.layers = std::move(ordered);
}

}  // namespace

void finish(Topology& topology) {
  std::vector<std::string> problems;
  std::set<std::string> taken;
  std::map<std::string, int> numbers;
  for (auto& node : topology.layers) {
    if (node.name.empty()) continue;
    if (!taken.insert(node.name).second) problems.push_back(fmt::format("layer \"{}\": the name is used twice", node.name));
  }
  for (auto& node : topology.layers) {
    if (!node.name.empty()) continue;
    auto base = snake_case(node.layer.class_name());
    do {
      auto number = numbers[base]++;
      node.name = number == 0 ? base : base + "_" + std::to_string(number);
    } while (taken.contains(node.name));
    taken.insert(node.name);
    auto config = node.layer.config();
    config["name"] = node.name;
    node.layer = Layer(node.layer.class_name(), config);
  }
  if (topology.sequential)
    for (std::size_t i = 1; i < topology.layers.size(); ++i) topology.layers[i].inbound = {topology.layers[i - 1].name};
  throw_problems(problems);
  if (topology.layers.empty()) throw Error("the model has no layers");
  if (topology.output.empty()) topology.output = topology.layers.back().name;
  order(topology);
  int inputs = 0;
  for (const auto& node : topology.layers)
    if (node.inbound.empty()) {
      ++inputs;
      topology.input_shape = stated_shape(node, problems);
      if (topology.input_shape.empty() && problems.empty())
        problems.push_back(
            fmt::format("layer \"{}\": the first layer must say its input shape (batch_input_shape, or .input_shape in C++)", node.name));
    }
  throw_problems(problems);
  if (inputs != 1) throw Error("the model has {} inputs; gradc takes models of one input and one output", inputs);
}

Topology sequence(const std::vector<Layer>& layers, const std::string& name) {
  Topology topology{.sequential = true, .name = name};
  for (const auto& layer : layers) topology.layers.push_back({layer, layer.name(), {}});
  finish(topology);
  return topology;
}

Topology read_topology(const json& given, Writer writer) {
  const json* model = &given;
  if (model->is_object() && model->contains("model_config")) model = &(*model)["model_config"];  // Keras's own converter wraps it
  if (!model->is_object() || !model->contains("class_name") || !(*model)["class_name"].is_string() || !model->contains("config"))
    throw Error("modelTopology has no class_name and config; is this a LayersModel? (a GraphModel cannot be trained)");
  auto class_name = (*model)["class_name"].get<std::string>();
  if (class_name != "Sequential" && class_name != "Model" && class_name != "Functional")
    throw Error("modelTopology is of class \"{}\"; Sequential, Model and Functional are known", class_name);
  const auto& config = (*model)["config"];
  Topology topology{.sequential = class_name == "Sequential", .writer = writer};
  if (config.is_object() && config.contains("name") && config["name"].is_string()) topology.name = config["name"].get<std::string>();
  const json& layers = config.is_array() ? config : config.is_object() && config.contains("layers") ? config["layers"] : json();
  if (!layers.is_array() || layers.empty()) throw Error("modelTopology has no list of layers");

  std::vector<std::string> problems;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& entry = layers[i];
    if (!entry.is_object() || !entry.contains("class_name") || !entry["class_name"].is_string() || !entry.contains("config") ||
        !entry["config"].is_object()) {
      problems.push_back(fmt::format("layer {}: has no class_name and config", i));
      continue;
    }
    auto layer_config = plain_config(entry["config"]);
    LayerNode node{Layer(entry["class_name"].get<std::string>(), layer_config), "", {}};
    if (layer_config.contains("name") && layer_config["name"].is_string()) node.name = layer_config["name"].get<std::string>();
    if (!topology.sequential && entry.contains("name") && entry["name"].is_string()) node.name = entry["name"].get<std::string>();
    if (!topology.sequential && entry.contains("inbound_nodes") && entry["inbound_nodes"].is_array()) {
      if (entry["inbound_nodes"].size() > 1)
        problems.push_back(
            fmt::format("layer \"{}\": is used {} times; sharing a layer is not supported", node.name, entry["inbound_nodes"].size()));
      collect_inbound(entry["inbound_nodes"], node.inbound);
    }
    topology.layers.push_back(std::move(node));
  }
  throw_problems(problems);
  if (!topology.sequential) {
    auto input = single_name(config, "input_layers", "input");
    topology.output = single_name(config, "output_layers", "output");
    bool has_input = false, has_output = false;
    for (const auto& node : topology.layers) {
      has_input |= node.name == input;
      has_output |= node.name == topology.output;
    }
    if (!has_input) throw Error("the model's input is \"{}\", but there is no such layer", input);
    if (!has_output) throw Error("the model's output is \"{}\", but there is no such layer", topology.output);
  }
  finish(topology);
  return topology;
}

json write_topology(const Topology& topology) {
  json layers = json::array();
  for (const auto& node : topology.layers) {
    auto config = node.layer.config();
    config["name"] = node.name;
    if (node.inbound.empty()) {
      for (const char* key : {"batch_shape", "batchInputShape", "input_shape"}) config.erase(key);  // tf.js reads batch_input_shape alone
      json shape = json::array({nullptr});
      for (auto dim : topology.input_shape) shape.push_back(dim);
      config["batch_input_shape"] = shape;
      config["dtype"] = "float32";
      if (node.layer.class_name() == "InputLayer") config["sparse"] = false;
    }
    json entry = {{"class_name", node.layer.class_name()}, {"config", config}};
    if (!topology.sequential) {
      json inbound = json::array();
      for (const auto& from : node.inbound) inbound.push_back(json::array({from, 0, 0, json::object()}));
      entry["name"] = node.name;
      entry["inbound_nodes"] = node.inbound.empty() ? json::array() : json::array({inbound});
    }
    layers.push_back(std::move(entry));
  }
  json config = {{"name", topology.name}, {"layers", layers}};
  if (!topology.sequential) {
    config["input_layers"] = json::array({json::array({topology.layers.front().name, 0, 0})});
    config["output_layers"] = json::array({json::array({topology.output, 0, 0})});
  }
  json model = {{"class_name", topology.sequential ? "Sequential" : "Model"}, {"config", config}, {"backend", "tensor_flow.js"}};
  if (const auto* version = dialect_of(topology.writer).keras_version) model["keras_version"] = version;
  return model;
}

}  // namespace gradc
