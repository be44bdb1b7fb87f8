#include "frontend/training_json.h"

#include <set>

#include <nlohmann/json.hpp>

#include "frontend/names.h"
#include "frontend/option_reader.h"
#include "frontend/problems.h"
#include "support/error.h"

namespace gradc {
namespace {

using nlohmann::json;

/// A serialized loss or metric: its name, and its config if it has one.
struct Serialized {
  std::string name;
  json config = json::object();
  bool is_class = false;
};

std::optional<Serialized> unwrap(const json& value) {
  if (value.is_string()) return Serialized{without_package(value.get<std::string>())};
  if (!value.is_object() || !value.contains("class_name") || !value["class_name"].is_string()) return std::nullopt;
  auto name = without_package(value["class_name"].get<std::string>());
  auto config = value.contains("config") ? value["config"] : json();
  if (name == "function") return config.is_string() ? std::optional(Serialized{without_package(config.get<std::string>())}) : std::nullopt;
  if (!config.is_object()) config = json::object();
  // Keras wraps functions: {"class_name": "MeanMetricWrapper", "config": {"fn": "categorical_accuracy", ...}}.
  if (name.ends_with("Wrapper") && config.contains("fn")) {
    auto inner = unwrap(config["fn"]);
    if (!inner) return std::nullopt;
    config.erase("fn");
    return Serialized{inner->name, config, false};
  }
  return Serialized{name, config, true};
}

void read_loss_options(OptionReader& reader, LossOptions& options) {
  reader.flag(options.from_logits, "from_logits");
  reader.number(options.label_smoothing, "label_smoothing");
  reader.refuse("axis", {-1});
  reader.refuse("ignore_class");
  reader.skip({"name", "dtype"});
}

/// The values of {"output": value} or [value], for a model of one output.
const json& of_one_output(const json& value, const char* what, std::vector<std::string>& problems) {
  static const json nothing;
  bool by_output = value.is_object() && !value.contains("class_name");
  if (!by_output && !value.is_array()) return value;
  if (value.empty()) return nothing;
  if (value.size() > 1) {
    problems.push_back(fmt::format("there are {} {}; gradc takes models of one output", value.size(), what));
    return nothing;
  }
  return of_one_output(value.begin().value(), what, problems);
}

/// All that is in lists and in lists by output.
void collect(const json& value, std::vector<json>& all) {
  if (value.is_array() || (value.is_object() && !value.contains("class_name")))
    for (const auto& each : value) collect(each, all);
  else if (!value.is_null())
    all.push_back(value);
}

json loss_json(const Loss& loss, bool tfjs) {
  const auto* def = find_loss(loss.name);
  std::string name = def != nullptr ? def->name : loss.name;
  if (tfjs) return name;
  json config = {{"reduction", loss.options.reduction == Reduction::sum ? "sum" : "sum_over_batch_size"}};
  if (loss.options.from_logits) config["from_logits"] = true;
  if (loss.options.label_smoothing != 0) config["label_smoothing"] = loss.options.label_smoothing;
  return {{"class_name", name}, {"config", config}};
}

bool has_options(const LossOptions& options) {
  return options.from_logits || options.label_smoothing != 0 || options.reduction != Reduction::mean || options.weight != 1;
}

bool has_options(const Metric& metric) {
  const MetricOptions neutral;
  return metric.options.threshold != neutral.threshold || metric.options.k != neutral.k || metric.options.class_id ||
         has_options(metric.options.loss);
}

json metric_json(const Metric& metric) {
  if (plain_name(metric.name) == "equality") return {{"class_name", "Accuracy"}, {"config", json::object()}};
  if (!has_options(metric)) return metric.name;
  const MetricOptions neutral;
  json config = json::object();
  if (metric.options.threshold != neutral.threshold) config["threshold"] = metric.options.threshold;
  if (metric.options.k != neutral.k) config["k"] = metric.options.k;
  if (metric.options.class_id) config["class_id"] = *metric.options.class_id;
  if (metric.options.loss.from_logits) config["from_logits"] = true;
  if (metric.options.loss.label_smoothing != 0) config["label_smoothing"] = metric.options.loss.label_smoothing;
  return {{"class_name", metric.name}, {"config", config}};
}

}  // namespace

Loss loss_from_json(const json& value, std::vector<std::string>& problems) {
  auto serialized = unwrap(value);
  if (!serialized) {
    problems.push_back(fmt::format("a loss is {}, expected a name", value.dump()));
    return {};
  }
  Loss loss(serialized->name);
  OptionReader reader(serialized->config, "loss " + loss.name, problems);
  read_loss_options(reader, loss.options);
  if (const json* reduction = reader.find("reduction"); reduction != nullptr) {
    if (*reduction == "sum")
      loss.options.reduction = Reduction::sum;
    else if (*reduction != "sum_over_batch_size" && *reduction != "auto" && *reduction != "mean" && *reduction != "mean_with_sample_weight")
      reader.problem(
          fmt::format("\"reduction\" is {}, which gives no single number to train on; sum_over_batch_size and sum do", reduction->dump()));
  }
  reader.report_unused();
  if (auto problem = problem_of(loss); !problem.empty()) problems.push_back(problem);
  return loss;
}

std::optional<Metric> metric_from_json(const json& value, std::vector<std::string>& problems) {
  auto serialized = unwrap(value);
  if (!serialized) {
    problems.push_back(fmt::format("a metric is {}, expected a name", value.dump()));
    return std::nullopt;
  }
  // Keras 2 lists the mean of the loss among the metrics.
  if (serialized->name == "Mean" && serialized->config.value("name", json()) == "loss") return std::nullopt;
  Metric metric(serialized->is_class && serialized->name == "Accuracy" ? "equality" : serialized->name);
  if (const auto* loss = find_loss(metric.name); loss != nullptr && serialized->is_class) metric.name = camel_case(loss->name);
  OptionReader reader(serialized->config, "metric " + serialized->name, problems);
  read_loss_options(reader, metric.options.loss);
  reader.number(metric.options.threshold, "threshold");
  if (const json* thresholds = reader.find("thresholds"); thresholds != nullptr) {
    const auto& one = thresholds->is_array() && thresholds->size() == 1 ? (*thresholds)[0] : *thresholds;
    if (one.is_number())
      metric.options.threshold = one.get<double>();
    else
      reader.problem(fmt::format("\"thresholds\" is {}; gradc has one threshold for a metric", thresholds->dump()));
  }
  reader.integer(metric.options.k, "k");
  std::int64_t class_id = -1;
  reader.integer(class_id, "class_id");
  if (class_id != -1) metric.options.class_id = class_id;
  reader.refuse("top_k");
  reader.report_unused();
  if (auto problem = problem_of(metric); !problem.empty()) problems.push_back(problem);
  return metric;
}

TrainingConfig read_training(const json& config, Writer writer) {
  std::vector<std::string> problems;
  TrainingConfig training;
  training.writer = writer_of(config);
  if (training.writer == Writer::unnamed) training.writer = writer;
  OptionReader reader(config, "training", problems);
  training.chosen = {"loss", "optimizer"};
  if (const json* given = reader.find("loss"); given != nullptr)
    if (const auto& loss = of_one_output(*given, "losses", problems); !loss.is_null()) {
      training.loss = loss_from_json(loss, problems);
      std::erase(training.chosen, "loss");
    }
  if (const json* given = reader.find("loss_weights"); given != nullptr) {
    const auto& weight = of_one_output(*given, "loss weights", problems);
    if (weight.is_number())
      training.loss.options.weight = weight.get<double>();
    else if (!weight.is_null())
      reader.problem(fmt::format("\"loss_weights\" is {}, expected a number for the output", given->dump()));
  }
  training.metrics.clear();
  std::set<std::string> seen;
  // Weights of images, which gradc has none of, are all that tells metrics and weighted metrics apart.
  for (const char* key : {"metrics", "weighted_metrics"}) {
    std::vector<json> all;
    if (const json* given = reader.find(key); given != nullptr) collect(*given, all);
    for (const auto& each : all)
      if (auto metric = metric_from_json(each, problems); metric && seen.insert(metric_log_name(*metric)).second)
        training.metrics.push_back(*metric);
  }
  for (const char* key : {"optimizer_config", "optimizer"}) {
    const json* given = reader.find(key);
    if (given == nullptr) continue;
    std::erase(training.chosen, "optimizer");
    try {
      training.optimizer = optimizer_from_json(*given, dialect_of(training.writer).update_rule);
    } catch (const Error& error) {
      problems.push_back(error.what());
    }
  }
  // How steps are run, how weights of images are read, and who wrote this.
  reader.skip({"run_eagerly", "steps_per_execution", "jit_compile", "auto_scale_loss", "sample_weight_mode", "keras_version", "backend"});
  reader.report_unused();
  training.problems = std::move(problems);
  return training;
}

bool for_tfjs(const TrainingConfig& training) {
  for (const auto& metric : training.metrics)
    if (metric_json(metric).is_object()) return false;
  return !has_options(training.loss.options) && for_tfjs(training.optimizer);
}

json write_training(const TrainingConfig& training) {
  json metrics = json::array();
  for (const auto& metric : training.metrics) metrics.push_back(metric_json(metric));
  bool tfjs = for_tfjs(training);
  json config = {{"loss", loss_json(training.loss, tfjs)}, {"metrics", metrics}, {"optimizer_config", to_json(training.optimizer)}};
  if (training.loss.options.weight != 1) config["loss_weights"] = training.loss.options.weight;
  return config;
}

}  // namespace gradc
