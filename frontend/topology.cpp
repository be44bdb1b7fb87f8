#include "frontend/topology.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

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

/// An input's batch_input_shape with `given` in place of null; null where it says nothing.
json stated_shape(const LayerNode& node, const Dims* given, std::vector<std::string>& problems) {
  auto shape = json_of(node.layer).value("batch_input_shape", json());
  if (given == nullptr) return shape;
  const json whole = *given;
  if (!shape.is_array() || shape.empty()) {
    shape = whole;
    shape.insert(shape.begin(), nullptr);
    return shape;
  }
  bool fits = shape.size() == whole.size() + 1;
  for (std::size_t i = 1; fits && i < shape.size(); ++i) {
    fits = shape[i].is_null() || shape[i] == whole[i - 1];
    if (fits) shape[i] = whole[i - 1];
  }
  if (!fits)
    problems.push_back(fmt::format("layer \"{}\": an input shape of {} is given, which does not fit its batch_input_shape {}", node.name,
                                   whole.dump(), json_of(node.layer)["batch_input_shape"].dump()));
  return shape;
}

/// An input as a layer's config states it, if it does, or `given` does: [null] are numbers, of shape [].
std::optional<ModelInput> stated_input(const LayerNode& node, const Dims* given, std::vector<std::string>& problems) {
  const auto before = problems.size();
  const auto shape = stated_shape(node, given, problems);
  if (shape.is_null() || problems.size() > before) return std::nullopt;
  auto is_dim = [](const json& dim) { return dim.is_number_integer() && dim.get<double>() >= 1 && dim.get<double>() <= 2147483647.0; };
  ModelInput input{node.name, {}};
  bool fits = shape.is_array() && !shape.empty() && (shape[0].is_null() || is_dim(shape[0]));
  if (fits && is_dim(shape[0])) input.batch_size = shape[0].get<std::int64_t>();
  for (std::size_t i = 1; fits && i < shape.size(); ++i) {
    fits = is_dim(shape[i]);
    if (fits) input.shape.push_back(shape[i].get<std::int64_t>());
  }
  if (fits) return input;
  bool open = shape.is_array() && std::any_of(shape.begin() + !shape.empty(), shape.end(), [](const json& dim) { return dim.is_null(); });
  problems.push_back(fmt::format(
      "layer \"{}\": batch_input_shape is {}, expected {}", node.name, shape.dump(),
      open ? "fixed dimensions after the batch: gradc compiles for one size; say it, as --input-shape 80,8, or in C++ to Model::load"
           : "the batch and then fixed positive dimensions, as [null,28,28,1]"));
  return std::nullopt;
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
      const auto& from = node->inbound[next++].node;
      auto found = by_name.find(from);
      if (found == by_name.end()) throw Error("layer \"{}\": takes the output of \"{}\", but there is no such layer", node->name, from);
      if (state[from] == 1) throw Error("layer \"{}\": its inputs lead back to itself through \"{}\"", node->name, from);
      stack.push_back({found->second, 0});
    }
  }
  topology.layers = std::move(ordered);
}

bool is_sequence(const Topology& topology) {
  for (std::size_t i = 1; i < topology.layers.size(); ++i)
    if (topology.layers[i].inbound != std::vector<NodeOutput>{{topology.layers[i - 1].name}}) return false;
  return true;
}

/// Adds what is wrong with each layer by itself, so that all problems are told at once where the model cannot be lowered.
void check_layers(const ModelTree& tree, const Dialect& dialect, std::vector<std::string>& problems) {
  for (const auto& member : tree.members)
    if (member.model)
      check_layers(*member.model, dialect, problems);
    else
      check_layer(member.name, member.layer, dialect, problems);
}

/// Makes the nodes of a tree: one for each use of a layer that is no model.
class Inlining {
 public:
  Inlining(const ModelTree& tree, const Dialect& dialect) : tree_(tree), dialect_(dialect) { count_names(tree); }

  std::vector<LayerNode> nodes;

  /// The model's outputs.
  std::vector<NodeOutput> run() {
    inline_model(tree_, {}, "", nullptr);
    for (auto& node : nodes)
      for (auto& from : node.inbound) from = resolved(from.node, fmt::format("layer \"{}\"", node.name));
    std::vector<NodeOutput> outputs;
    for (const auto& source : outputs_of(tree_, "")) outputs.push_back(resolved(source, "the output of the model"));
    return outputs;
  }

  /// The names of the nodes that are the model's inputs, once it has run.
  std::vector<std::string> inputs() {
    std::vector<std::string> names;
    if (tree_.sequential) return names;
    for (const auto& source : tree_.inputs) names.push_back(resolved(key("", source), "the input of the model").node);
    return names;
  }

 private:
  /// What holds for all layers of a model that is used at some place.
  struct Use {
    bool trainable = true, inference = false;
    bool masked = false;                      ///< Of a layer alone, as are:
    std::set<std::string> flags = {};         ///< Options that its call sets.
    std::vector<std::string> arguments = {};  ///< Names under which it takes its inputs.
    std::string path = "";                    ///< Names of the models around, each with '/': "base/", the same for all uses of a model.
    int each_step = 0;                        ///< How many TimeDistributed it is within.
  };

  void count_names(const ModelTree& tree) {
    for (const auto& member : tree.members) {
      if (member.model)
        count_names(*member.model);
      else
        ++name_counts_[member.name];
    }
  }

  /// A key for what a source gives in the model that is used at `place`: it becomes a node's name when all nodes are made.
  std::string key(const std::string& place, const Source& source) {
    auto text = fmt::format("{}{}#{}:{}", place, source.layer, source.call, source.output);
    sources_.try_emplace(text, source);
    return text;
  }

  std::vector<std::string> keys(const std::string& place, const std::vector<Source>& sources) {
    std::vector<std::string> result;
    for (const auto& source : sources) result.push_back(key(place, source));
    return result;
  }

  std::vector<std::string> outputs_of(const ModelTree& tree, const std::string& place) {
    return keys(place, tree.sequential ? std::vector<Source>{{tree.members.back().name}} : tree.outputs);
  }

  /// `inputs` are what stands for the model's inputs, or nullptr for those of the whole model.
  void inline_model(const ModelTree& tree, const Use& use, const std::string& place, const std::vector<std::string>* inputs) {
    if (inputs != nullptr && !tree.sequential && inputs->size() != tree.inputs.size())
      throw Error("model \"{}\": takes {} inputs, got {}", tree.name, tree.inputs.size(), inputs->size());
    for (std::size_t i = 0; inputs != nullptr && !tree.sequential && i < inputs->size(); ++i)
      same_as_[key(place, tree.inputs[i])] = (*inputs)[i];
    auto inside = use;
    inside.trainable &= tree.trainable;
    for (std::size_t m = 0; m < tree.members.size(); ++m) {
      const auto& member = tree.members[m];
      auto calls = member.calls;
      if (calls.empty()) calls.emplace_back();
      for (std::size_t c = 0; c < calls.size(); ++c) {
        auto result = key(place, {member.name, static_cast<int>(c)});
        if (same_as_.contains(result)) continue;  // An input of a model inside of the model.
        auto sources = keys(place, calls[c].inputs);
        if (tree.sequential && m > 0) sources = {key(place, {tree.members[m - 1].name})};
        if (tree.sequential && m == 0 && inputs != nullptr) sources = *inputs;
        auto here = inside;
        here.inference |= calls[c].inference && dialect_.call_overrules_training;
        here.flags = calls[c].flags;
        here.masked = calls[c].masked;
        for (const auto& source : calls[c].inputs) here.arguments.push_back(source.argument);
        inline_member(member, here, place, static_cast<int>(c), sources);
      }
    }
  }

  void inline_member(const ModelTree::Member& member, const Use& use, const std::string& place, int call,
                     const std::vector<std::string>& sources) {
    auto result = key(place, {member.name, call});
    if (!member.model) {
      if (member.layer.class_name() == "InputLayer" && sources.size() == 1)
        same_as_[result] = sources[0];
      else
        names_[result] = add_node(member, use, sources);
      return;
    }
    auto inside = use;
    inside.masked = false;
    inside.flags.clear();
    inside.arguments.clear();
    inside.path += (member.each_step ? member.model->name : member.name) + "/";
    auto inner = fmt::format("{}{}#{}/", place, member.name, call);
    auto given = sources;
    if (member.each_step) {
      const auto& config = json_of(member.layer);
      inside.trainable &= config.value("trainable", json(true)) != false;
      ++inside.each_step;
      if (sources.empty()) given = {input_of(member, inner)};
    }
    inline_model(*member.model, inside, inner, given.empty() ? nullptr : &given);
    auto outputs = outputs_of(*member.model, inner);
    if (member.each_step && outputs.size() != 1)
      throw Error("layer \"{}\" (TimeDistributed): its model has {} outputs, of which it takes one", member.name, outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) same_as_[key(place, {member.name, call, static_cast<int>(i)})] = outputs[i];
  }

  /// The input of a model that begins with this TimeDistributed.
  std::string input_of(const ModelTree::Member& member, const std::string& place) {
    json config = {{"name", member.name + "_input"}};
    if (const auto& own = json_of(member.layer); own.contains("batch_input_shape")) config["batch_input_shape"] = own["batch_input_shape"];
    const ModelTree::Member input{make_layer("InputLayer", config), config["name"]};
    auto result = key(place, {input.name});
    names_[result] = add_node(input, {}, {});
    return result;
  }

  std::string add_node(const ModelTree::Member& member, const Use& use, const std::vector<std::string>& sources) {
    LayerNode node{.layer = member.layer,
                   .name = member.name,
                   .inbound = {},
                   .arguments = use.arguments,
                   .inference = use.inference,
                   .masked = use.masked,
                   .operation = member.operation};
    for (const auto& source : sources) node.inbound.push_back({source});
    if (name_counts_[member.name] > 1) node.name = use.path + member.name;
    node.weights = node.name;
    if (auto earlier = uses_[node.name]++; earlier > 0) node.name += "/" + std::to_string(earlier + 1);
    if (!use.trainable || !use.flags.empty()) {
      auto config = json_of(node.layer);
      if (!use.trainable) config["trainable"] = false;
      for (const auto& flag : use.flags) config[flag] = true;
      node.layer = make_layer(node.layer.class_name(), config);
    }
    for (int i = 0; i < use.each_step; ++i) {
      auto config = json_of(node.layer);
      config.erase("batch_input_shape");
      node.layer =
          make_layer("TimeDistributed", {{"name", member.name}, {"layer", {{"class_name", node.layer.class_name()}, {"config", config}}}});
    }
    nodes.push_back(std::move(node));
    return nodes.back().name;
  }

  /// What stands behind a key, which `reader` takes.
  NodeOutput resolved(std::string text, const std::string& reader) const {
    for (std::size_t steps = 0; steps <= same_as_.size() && same_as_.contains(text); ++steps) text = same_as_.at(text);
    if (same_as_.contains(text)) throw Error("{}: its inputs lead back to itself", reader);
    auto name = names_.find(text);
    if (name != names_.end()) return {name->second};
    const auto& source = sources_.at(text);
    // A node is known by the key of its first output.
    if (const auto first = names_.find(text.substr(0, text.rfind(':')) + ":0"); first != names_.end())
      return {first->second, source.output};
    if (source.call == 0 && source.output == 0)
      throw Error("{}: takes the output of \"{}\", but there is no such layer", reader, source.layer);
    throw Error("{}: takes output {} of use {} of \"{}\", but there is no such output", reader, source.output, source.call, source.layer);
  }

  const ModelTree& tree_;
  const Dialect& dialect_;
  std::map<std::string, int> name_counts_, uses_;
  std::map<std::string, std::string> same_as_;  ///< From a key to another for the same value.
  std::map<std::string, std::string> names_;    ///< Nodes, by key.
  std::map<std::string, Source> sources_;       ///< What each key stands for.
};

/// Finds the shape of the input that a node is.
void find_input_shape(Topology& topology, const LayerNode& node, const InputShapes& shapes, std::vector<std::string>& problems) {
  auto input = std::find_if(topology.inputs.begin(), topology.inputs.end(), [&](const auto& each) { return each.layer == node.name; });
  if (input == topology.inputs.end()) {
    problems.push_back(fmt::format("layer \"{}\": takes no input, and is none of the model's", node.name));
    return;
  }
  const auto before = problems.size();
  auto given = shapes.find(node.name);
  if (topology.inputs.size() == 1 && given == shapes.end()) given = shapes.find("");
  auto stated = stated_input(node, given == shapes.end() ? nullptr : &given->second, problems);
  *input = stated.value_or(ModelInput{node.name, {}});
  if (!stated && problems.size() == before)
    problems.push_back(
        fmt::format("layer \"{}\": the first layer must say its input shape (batch_input_shape, or .input_shape in C++)", node.name));
}

/// A model that was made in C++, as a tree.
ModelTree tree_of(const Topology& topology) {
  ModelTree tree{.sequential = topology.sequential, .name = topology.name};
  for (const auto& node : topology.layers) {
    ModelTree::Member member{node.layer, node.name};
    if (!topology.sequential && !node.inbound.empty()) {
      auto& call = member.calls.emplace_back();
      for (const auto& from : node.inbound) call.inputs.push_back({from.node, 0, from.output});
      for (std::size_t i = 0; i < node.arguments.size(); ++i) call.inputs[i].argument = node.arguments[i];
      auto config = json_of(node.layer);
      for (const auto& flag : arguments_that_are_options()) {
        if (config.value(flag, false)) call.flags.insert(flag);
        config.erase(flag);
      }
      member.layer = make_layer(node.layer.class_name(), config);
    }
    tree.members.push_back(std::move(member));
  }
  for (const auto& input : topology.inputs) tree.inputs.push_back({input.layer});
  for (const auto& output : topology.outputs) tree.outputs.push_back({output.node, 0, output.output});
  return tree;
}

}  // namespace

std::string to_string(const NodeOutput& output) {
  return output.output == 0 ? output.node : fmt::format("{}:{}", output.node, output.output);
}

void finish(Topology& topology, const InputShapes& shapes) {
  std::vector<std::string> problems;
  LayerNames names;
  for (auto& node : topology.layers) {
    if (!is_utf8(node.name))
      throw Error("layer {}: the name is not UTF-8",
                  nlohmann::json(node.name).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
    if (!node.name.empty() && !names.take(node.name)) problems.push_back(fmt::format("layer \"{}\": the name is used twice", node.name));
  }
  for (auto& node : topology.layers) {
    auto config = json_of(node.layer);
    if (node.name.empty()) config["name"] = node.name = names.next(node.layer.class_name());
    if (node.weights.empty()) node.weights = node.name;
    node.layer = make_layer(node.layer.class_name(), with_input_shape(std::move(config)));
  }
  if (topology.sequential)
    for (std::size_t i = 1; i < topology.layers.size(); ++i) topology.layers[i].inbound = {{topology.layers[i - 1].name}};
  throw_problems(problems);
  if (topology.layers.empty()) throw Error("the model has no layers");
  if (topology.outputs.empty()) topology.outputs = {{topology.layers.back().name}};
  if (topology.inputs.empty())
    for (const auto& node : topology.layers)
      if (node.inbound.empty()) topology.inputs.push_back({node.name, {}});
  order(topology);
  for (const auto& node : topology.layers)
    if (node.inbound.empty()) find_input_shape(topology, node, shapes, problems);
  for (const auto& [name, shape] : shapes)
    if (const auto inputs = input_names(topology); name.empty() ? inputs.size() > 1 : std::ranges::find(inputs, name) == inputs.end())
      problems.push_back(name.empty()
                             ? fmt::format("an input shape is given without the input's name: {}", known_are(inputs, ""))
                             : fmt::format("an input shape is given for \"{}\", which is no input: {}", name, known_are(inputs, name)));
  std::set<std::string> outputs;
  for (const auto& name : output_names(topology))
    if (!outputs.insert(name).second) problems.push_back(fmt::format("the output of layer \"{}\" is twice one of the model", name));
  if (!problems.empty())
    for (const auto& node : topology.layers) check_layer(node.name, node.layer, dialect_of(topology.writer), problems);
  throw_problems(problems);
}

std::vector<std::string> input_names(const Topology& topology) {
  std::vector<std::string> names;
  for (const auto& input : topology.inputs) names.push_back(input.layer);
  return names;
}

std::vector<std::string> output_names(const Topology& topology) {
  std::vector<std::string> names;
  for (const auto& output : topology.outputs) names.push_back(to_string(output));
  return names;
}

Topology sequence(const std::vector<Layer>& layers, const std::string& name) {
  Topology topology{.sequential = true, .name = name};
  for (const auto& layer : layers) topology.layers.push_back({layer, layer.name(), {}});
  finish(topology);
  return topology;
}

Topology read_topology(const json& given, Writer writer, const InputShapes& shapes) {
  const json* model = &given;
  if (model->is_object() && model->contains("model_config")) model = &(*model)["model_config"];  // Keras's own converter wraps it
  std::vector<std::string> problems;
  auto tree = std::make_shared<ModelTree>(read_tree(plain_config(*model), problems));
  if (!tree->sequential)
    for (const auto& [sources, what] : {std::pair(&tree->inputs, "input"), {&tree->outputs, "output"}})
      if (sources->empty()) problems.push_back(fmt::format("the model names no {}s", what));
  Topology topology{.sequential = false, .name = tree->name, .writer = writer};
  collect(problems, [&] {
    Inlining inlining(*tree, dialect_of(writer));
    topology.outputs = inlining.run();
    for (const auto& name : inlining.inputs()) topology.inputs.push_back({name, {}});
    topology.layers = std::move(inlining.nodes);
  });
  if (!problems.empty()) check_layers(*tree, dialect_of(writer), problems);
  throw_problems(problems);
  topology.tree = std::move(tree);
  topology.sequential = is_sequence(topology);
  finish(topology, shapes);
  return topology;
}

json write_topology(const Topology& topology) {
  auto model = write_tree(topology.tree ? *topology.tree : tree_of(topology), dialect_of(topology.writer));
  if (const auto* version = dialect_of(topology.writer).keras_version) model["keras_version"] = version;
  model["backend"] = "tensor_flow.js";
  return model;
}

}  // namespace gradc
