#include "frontend/training_choice.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "frontend/lower.h"
#include "frontend/names.h"
#include "frontend/schedules.h"
#include "gradc/error.h"

namespace gradc {
namespace {

struct Output {
  OpKind kind;         ///< The op that makes the predictions, reshapes aside.
  std::int64_t width;  ///< Their last dimension.
};

Output output_of(const Topology& topology, const std::string& name) {
  auto graph = lower(topology, {.mode = Mode::predict}).graph;
  auto definers = graph.definers();
  auto value = storage_of(graph, definers, graph.find(OpKind::output, predictions_of(topology, name))->operands[0]);
  return {graph.ops[static_cast<std::size_t>(definers[static_cast<std::size_t>(value)])].kind, graph.type(value).dims.back()};
}

/// Whether predictions may be negative or above 1, and so are no probabilities.
bool is_unbounded(OpKind kind) {
  static constexpr OpKind kinds[] = {OpKind::dense,    OpKind::conv, OpKind::conv_input_grad, OpKind::add, OpKind::tanh, OpKind::elu,
                                     OpKind::softsign, OpKind::selu, OpKind::swish,           OpKind::gelu};
  return std::find(std::begin(kinds), std::end(kinds), kind) != std::end(kinds);
}

/// The loss, and perhaps metrics, for an output of which a file says none.
void choose_loss(const Topology& topology, const std::string& name, bool metrics, OutputTraining& output) {
  OpKind kind = OpKind::dense;
  try {
    kind = output_of(topology, name).kind;
  } catch (const Error&) {
    // What is wrong with the layers is told where the model is built.
  }
  const bool softmax = kind == OpKind::softmax, sigmoid = kind == OpKind::sigmoid || kind == OpKind::hard_sigmoid;
  output.loss.name = softmax ? "categoricalCrossentropy" : sigmoid ? "binaryCrossentropy" : "meanSquaredError";
  if (metrics && (softmax || sigmoid)) output.metrics = {"accuracy"};
}

/// Why an output would not learn by a loss.
std::string cannot_learn(const Topology& topology, const std::string& name, const Loss& loss) {
  const auto* def = find_loss(loss.name);
  if (def == nullptr) return "";
  auto [kind, width] = output_of(topology, name);
  if (kind == OpKind::softmax && width == 1)
    return "the output is a softmax of one unit, which is always 1, so nothing can be learned: use a sigmoid with binaryCrossentropy";
  const bool binary = def->labels == LabelKind::binary, of_classes = def->of_probabilities && !binary;
  if (of_classes && width == 1)
    return fmt::format(
        "loss {} of one output is always 0, so nothing can be learned: use binaryCrossentropy with a sigmoid for two classes, or "
        "meanSquaredError for values",
        loss.name);
  if (def->of_probabilities && !loss.options.from_logits && is_unbounded(kind))
    return fmt::format("loss {} takes probabilities, but the model's output is not bounded: end the model in a {}{}", loss.name,
                       binary ? "sigmoid" : "softmax", def->has("from_logits") ? ", or give the loss from_logits" : "");
  return "";
}

}  // namespace

TrainingConfig training_of(const ModelFile& file) {
  TrainingConfig training;
  if (file.training)
    training = *file.training;
  else
    training = {.metrics = {}, .writer = file.topology.writer, .chosen = {"loss", "optimizer", "metrics"}};
  auto chosen = [&](const char* part) { return std::find(training.chosen.begin(), training.chosen.end(), part) != training.chosen.end(); };
  if (chosen("optimizer")) training.optimizer = Adam{.options = {.rule = dialect_of(training.writer).update_rule}};
  if (!chosen("loss")) return training;
  const bool metrics = chosen("metrics");
  if (file.topology.outputs.size() == 1) {
    OutputTraining only{training.loss, training.metrics};
    choose_loss(file.topology, to_string(file.topology.outputs[0]), metrics, only);
    training.loss = only.loss;
    training.metrics = only.metrics;
    return training;
  }
  for (const auto& name : output_names(file.topology)) choose_loss(file.topology, name, metrics, training.outputs[name]);
  return training;
}

std::string told_choice(const TrainingConfig& training) {
  if (training.chosen.empty()) return "";
  std::string missing, used;
  auto list = [](std::string& names, const std::string& name) { names += (names.empty() ? "" : ", ") + name; };
  for (const auto& part : training.chosen) {
    auto all = training.outputs;
    if (all.empty()) all[""] = {training.loss, training.metrics};
    const bool has_metrics = std::any_of(all.begin(), all.end(), [](const auto& output) { return !output.second.metrics.empty(); });
    if (part == "metrics" && !has_metrics) continue;
    list(missing, part);
    auto of_output = [&](const std::string& name) { return name.empty() ? "" : fmt::format(" of \"{}\"", name); };
    if (part == "loss")
      for (const auto& [name, output] : all) list(used, "loss " + output.loss.name + of_output(name));
    if (part == "optimizer")
      list(used, fmt::format("optimizer {} with learning rate {}", to_json(training.optimizer)["class_name"].get<std::string>(),
                             text_of(learning_rate(training.optimizer))));
    if (part == "metrics")
      for (const auto& [name, output] : all)
        for (const auto& metric : output.metrics) list(used, "metric " + metric.name + of_output(name));
  }
  if (used.empty()) return "";
  return fmt::format("no {}: using {}; --loss, --optimizer and --metrics choose others",
                     training.chosen.size() == 3 ? "training configuration" : missing + " in the training configuration", used);
}

std::string cannot_learn(const Topology& topology, const TrainingConfig& training) {
  for (const auto& name : output_names(topology)) {
    const auto own = training.outputs.find(name);
    auto why = cannot_learn(topology, name, own != training.outputs.end() ? own->second.loss : training.loss);
    if (!why.empty()) return topology.outputs.size() == 1 ? why : fmt::format("output \"{}\": {}", name, why);
  }
  return "";
}

}  // namespace gradc
