#include "frontend/training_json.h"

#include <algorithm>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "frontend/names.h"
#include "frontend/option_reader.h"
#include "frontend/problems.h"
#include "gradc/error.h"

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

/// The options of losses, if it is one that is read.
void read_loss_options(OptionReader& reader, const LossDef* def, LossOptions& options) {
  reader.refuse("axis", {-1});
  if (def == nullptr) return reader.skip({"name", "dtype"});
  for (const auto& option : loss_options())
    if (def->has(option.name))
      std::visit([&](auto field) { reader.read(options.*field, option.name); }, option.member);
    else if (reader.find(option.name) != nullptr)
      reader.problem(fmt::format("\"{}\" is an option of {}", option.name, losses_with(option)));
  reader.skip({"name", "dtype"});
}

bool is_by_output(const json& value) { return value.is_object() && !value.contains("class_name"); }

/// What each output gets of {"output": value}, of [value, ...] or of one value for all; null where it gets none.
std::vector<json> for_outputs(const json& value, const std::vector<std::string>& outputs, const char* what,
                              std::vector<std::string>& problems) {
  const bool is_one = !is_by_output(value) && !value.is_array();
  if (outputs.empty()) return {is_one || value.empty() ? value : value.begin().value()};
  if (is_one) return std::vector<json>(outputs.size(), value);
  std::vector<json> all(outputs.size());
  // The only output need not be named as it is.
  if (outputs.size() == 1 && value.size() == 1) return for_outputs(value.begin().value(), outputs, what, problems);
  if (value.empty()) return all;
  if (is_by_output(value)) {
    for (const auto& [name, each] : value.items()) {
      auto found = std::find(outputs.begin(), outputs.end(), name);
      if (found == outputs.end())
        problems.push_back(fmt::format("there are {} for \"{}\"; the model's outputs are {}", what, name, fmt::join(outputs, ", ")));
      else
        all[static_cast<std::size_t>(found - outputs.begin())] = each;
    }
  } else if (value.size() != outputs.size()) {
    problems.push_back(fmt::format("there are {} {}; the model's outputs are {}", value.size(), what, fmt::join(outputs, ", ")));
  } else {
    all.assign(value.begin(), value.end());
  }
  return all;
}

/// All that is in lists and in lists by output.
void collect(const json& value, std::vector<json>& all) {
  if (value.is_array() || (value.is_object() && !value.contains("class_name")))
    for (const auto& each : value) collect(each, all);
  else if (!value.is_null())
    all.push_back(value);
}

json json_of(const auto& value) {
  if constexpr (requires { value.has_value(); })
    return *value;
  else
    return value;
}

/// Writes the options that are not the defaults.
template <class Options>
void write_option(const Option<Options>& option, const Options& options, json& config) {
  if (option.is_given(options)) config[option.name] = std::visit([&](auto field) { return json_of(options.*field); }, option.member);
}

json loss_json(const Loss& loss, bool tfjs) {
  const auto* def = find_loss(loss.name);
  if (tfjs) return def->tfjs;
  json config = {{"reduction", loss.options.reduction == Reduction::sum ? "sum" : "sum_over_batch_size"}};
  for (const auto& option : loss_options()) write_option(option, loss.options, config);
  return {{"class_name", def != nullptr ? def->name : loss.name}, {"config", config}};
}

/// Whether tf.js knows the loss, which has no options there.
bool is_tfjs(const Loss& loss) {
  const auto* def = find_loss(loss.name);
  auto options = loss.options;
  options.class_weights.clear();  // Which no file holds: they come with the data.
  return def != nullptr && def->tfjs != nullptr && options == LossOptions();
}

json metric_json(const Metric& metric) {
  if (plain_name(metric.name) == "equality") return {{"class_name", "Accuracy"}, {"config", json::object()}};
  json config = json::object();
  for (const auto& option : metric_options())
    if (takes_option(metric, option)) write_option(option, metric.options, config);
  for (const auto& option : loss_options()) write_option(option, metric.options.loss, config);
  return config.empty() ? json(metric.name) : json{{"class_name", metric.name}, {"config", config}};
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
  read_loss_options(reader, find_loss(loss.name), loss.options);
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
  const auto* loss = is_own_metric(metric.name) ? nullptr : find_loss(metric.name);
  if (loss != nullptr && serialized->is_class) metric.name = camel_case(loss->name);
  OptionReader reader(serialized->config, "metric " + serialized->name, problems);
  read_loss_options(reader, loss, metric.options.loss);
  for (const auto& option : metric_options())
    if (takes_option(metric, option)) std::visit([&](auto field) { reader.read(metric.options.*field, option.name); }, option.member);
  if (const json* thresholds = reader.find("thresholds"); thresholds != nullptr) {
    const auto& one = thresholds->is_array() && thresholds->size() == 1 ? (*thresholds)[0] : *thresholds;
    if (one.is_number())
      metric.options.threshold = one.get<double>();
    else
      reader.problem(fmt::format("\"thresholds\" is {}; gradc has one threshold for a metric", thresholds->dump()));
  }
  if (!metric.options.top_k) reader.refuse("top_k");
  reader.refuse("label_weights");
  reader.refuse("sparse_y_pred", {false});  // where it is not an option of the metric
  reader.skip({"num_labels", "name", "dtype"});
  reader.report_unused();
  if (auto problem = problem_of(metric); !problem.empty()) problems.push_back(problem);
  return metric;
}

void complete_outputs(TrainingConfig& training, const std::vector<std::string>& outputs) {
  if (outputs.size() > 1) {
    for (const auto& name : outputs) training.outputs.try_emplace(name, OutputTraining{training.loss, training.metrics});
  } else if (auto only = training.outputs.find(outputs[0]); only != training.outputs.end()) {
    training.loss = only->second.loss;
    training.metrics = only->second.metrics;
    training.outputs.erase(only);
  }
}

TrainingConfig read_training(const json& config, Writer writer, const std::vector<std::string>& outputs) {
  std::vector<std::string> problems;
  TrainingConfig training;
  training.writer = writer_of(config);
  if (training.writer == Writer::unnamed) training.writer = writer;
  OptionReader reader(config, "training", problems);
  training.chosen = {"loss", "optimizer"};
  std::vector<OutputTraining> of_outputs(std::max<std::size_t>(outputs.size(), 1));
  if (const json* given = reader.find("loss"); given != nullptr) {
    const auto losses = for_outputs(*given, outputs, "losses", problems);
    for (std::size_t i = 0; i < losses.size(); ++i) {
      if (losses[i].is_null()) continue;
      of_outputs[i].loss = loss_from_json(losses[i], problems);
      std::erase(training.chosen, "loss");
    }
    const auto has_none = std::find(losses.begin(), losses.end(), json());
    if (has_none != losses.end() && std::find(training.chosen.begin(), training.chosen.end(), "loss") == training.chosen.end())
      problems.push_back(fmt::format("output \"{}\" has no loss; gradc trains all outputs", outputs[has_none - losses.begin()]));
  }
  if (const json* given = reader.find("loss_weights"); given != nullptr) {
    const auto weights = for_outputs(*given, outputs, "loss weights", problems);
    for (std::size_t i = 0; i < weights.size(); ++i)
      if (weights[i].is_number())
        of_outputs[i].loss.options.weight = weights[i].get<double>();
      else if (!weights[i].is_null())
        reader.problem(fmt::format("\"loss_weights\" is {}, expected a number for each output", given->dump()));
  }
  for (const char* key : {"metrics", "weighted_metrics"}) {
    const json* given = reader.find(key);
    if (given == nullptr || given->is_null()) continue;
    // A list of metrics is for each output, but in Keras 3, and where it has lists, which are by output.
    const bool has_lists = given->is_array() && std::any_of(given->begin(), given->end(), [](const json& each) { return each.is_array(); });
    const bool by_output = outputs.size() > 1 && (is_by_output(*given) || has_lists || training.writer == Writer::keras3);
    const auto metrics = by_output ? for_outputs(*given, outputs, "metrics", problems) : std::vector<json>(of_outputs.size(), *given);
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      std::vector<json> all;
      collect(metrics[i], all);
      auto& own = of_outputs[i].metrics;
      for (const auto& each : all) {
        auto metric = metric_from_json(each, problems);
        if (metric) metric->weighted = key == std::string_view("weighted_metrics");
        // Keras 2 names those of both lists twice.
        auto same = [&](const Metric& other) {
          const bool both = training.writer != Writer::keras3 || other.weighted == metric->weighted;
          return both && metric_log_name(other) == metric_log_name(*metric) && other.options == metric->options;
        };
        if (metric && std::none_of(own.begin(), own.end(), same)) own.push_back(*metric);
      }
    }
  }
  training.loss = of_outputs[0].loss;
  training.metrics = of_outputs[0].metrics;
  if (outputs.size() > 1)
    for (std::size_t i = 0; i < outputs.size(); ++i) training.outputs[outputs[i]] = of_outputs[i];
  for (const char* key : {"optimizer_config", "optimizer"}) {
    const json* given = reader.find(key);
    if (given == nullptr) continue;
    std::erase(training.chosen, "optimizer");
    try {
      training.optimizer = optimizer_from_json(*given, dialect_of(training.writer).update_rule);
      if (training.writer == Writer::keras2 && options_of(training.optimizer).use_ema)
        problems.emplace_back("\"use_ema\" of Keras 2, whose average begins with the weights before training, is not supported");
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
  auto fits = [](const OutputTraining& output) {
    const auto is_keras = [](const Metric& metric) { return metric.weighted || metric_json(metric).is_object(); };
    return is_tfjs(output.loss) && std::none_of(output.metrics.begin(), output.metrics.end(), is_keras);
  };
  if (!for_tfjs(training.optimizer)) return false;
  if (training.outputs.empty()) return fits({training.loss, training.metrics});
  return std::all_of(training.outputs.begin(), training.outputs.end(), [&](const auto& output) { return fits(output.second); });
}

json write_training(const TrainingConfig& training) {
  const bool tfjs = for_tfjs(training);
  auto metrics_of = [](const std::vector<Metric>& metrics, bool weighted) {
    json list = json::array();
    for (const auto& metric : metrics)
      if (metric.weighted == weighted) list.push_back(metric_json(metric));
    return list;
  };
  json config = {{"optimizer_config", to_json(training.optimizer)}};
  if (training.outputs.empty()) {
    config["loss"] = loss_json(training.loss, tfjs);
    config["metrics"] = metrics_of(training.metrics, false);
    if (const auto heeding = metrics_of(training.metrics, true); !heeding.empty()) config["weighted_metrics"] = heeding;
    if (training.loss.options.weight != 1) config["loss_weights"] = training.loss.options.weight;
    return config;
  }
  bool weighted = false;
  json weights = json::object();
  for (const auto& [name, output] : training.outputs) {
    config["loss"][name] = loss_json(output.loss, tfjs);
    config["metrics"][name] = metrics_of(output.metrics, false);
    if (const auto heeding = metrics_of(output.metrics, true); !heeding.empty()) config["weighted_metrics"][name] = heeding;
    weights[name] = output.loss.options.weight;
    weighted = weighted || output.loss.options.weight != 1;
  }
  if (weighted) config["loss_weights"] = weights;
  return config;
}

}  // namespace gradc
