#include "tools/training_options.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "frontend/problems.h"
#include "frontend/schedules.h"
#include "gradc/error.h"

namespace gradc {
namespace {

using nlohmann::json;

/// The parts between commas that are in no brackets.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (char c : text) {
    depth += (c == '[') - (c == ']');
    if (c == ',' && depth <= 0)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

/// "accuracy,precision:threshold=0.7,class_id=1,recall" is three metrics: what has a value continues the one before.
std::vector<std::string> split_metrics(const std::vector<std::string>& given) {
  std::vector<std::string> metrics;
  for (const auto& text : given)
    for (const auto& part : split(text)) {
      bool continues = !metrics.empty() && part.find('=') != std::string::npos && part.find(':') == std::string::npos;
      if (continues)
        metrics.back() += "," + part;
      else
        metrics.push_back(part);
    }
  return metrics;
}

/// The output that "OUTPUT=text" is about, and the text; no output where it is about all.
std::pair<std::string, std::string> of_output(const std::string& text, const TrainingConfig& training) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || !training.outputs.contains(text.substr(0, equals))) return {"", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

/// "0:0.5,3:2"
std::map<std::int64_t, double> read_class_weights(const std::string& text) {
  std::map<std::int64_t, double> weights;
  for (const auto& part : split(text)) {
    std::istringstream stream(part);
    std::int64_t number = 0;
    double weight = 0;
    char colon = 0;
    if (!(stream >> number >> colon >> weight) || colon != ':' || !(stream >> std::ws).eof())
      throw Error("--class-weight: \"{}\" is no class with its weight; they read 3:0.5", part);
    if (!weights.emplace(number, weight).second) throw Error("--class-weight: class {} is given twice", number);
  }
  return weights;
}

/// Changes loss and metrics of an output, or of all.
void for_outputs(TrainingConfig& training, const std::string& output, const std::function<void(Loss&, std::vector<Metric>&)>& change) {
  if (output.empty()) change(training.loss, training.metrics);
  for (auto& [name, of] : training.outputs)
    if (output.empty() || name == output) change(of.loss, of.metrics);
}

}  // namespace

json key_values(const std::string& text) {
  json values = json::object();
  if (text.empty()) return values;
  for (const auto& part : split(text)) {
    auto equals = part.find('=');
    if (equals == std::string::npos || equals == 0) throw Error("\"{}\": \"{}\" is no option; they read key=value", text, part);
    auto value = json::parse(part.substr(equals + 1), nullptr, false);
    values[part.substr(0, equals)] = value.is_discarded() ? json(part.substr(equals + 1)) : value;
  }
  return values;
}

json named_options(const std::string& text) {
  auto colon = std::min(text.find(':'), text.size());
  return {{"class_name", text.substr(0, colon)}, {"config", key_values(text.substr(std::min(colon + 1, text.size())))}};
}

void TrainingOptions::add_loss(cli::Command command) {
  command
      .add_option(
          "--loss", loss,
          "Instead of the file's: categoricalCrossentropy, or with options categoricalCrossentropy:from_logits=true; for one of several "
          "outputs OUTPUT=mse")
      .type_name("[OUTPUT=]NAME[:KEY=VALUE,...]")
      .single();
  command.add_option("--metrics", metrics, "Instead of the file's: accuracy,precision:threshold=0.7")
      .type_name("[OUTPUT=]NAME[:KEY=VALUE,...],...")
      .single();
}

void TrainingOptions::add_optimizer(cli::Command command) {
  command.add_option("--optimizer", optimizer, "Instead of the file's: adam, or with options sgd:momentum=0.9,clipnorm=1")
      .type_name("NAME[:KEY=VALUE,...]");
  command
      .add_option("--learning-rate,--lr", learning_rate,
                  "Instead of the optimizer's: 0.01, or a schedule, cosine_decay:initial_learning_rate=0.1,decay_steps=1000")
      .type_name("RATE|NAME:KEY=VALUE,...");
  command
      .add_option(
          "--class-weight,--class-weights", class_weights,
          "How many times the loss of a class counts in training, 1 unless given: 0:0.5,3:2; for one of several outputs OUTPUT=0:0.5")
      .type_name("[OUTPUT=]CLASS:WEIGHT,...")
      .single();
}

TrainingConfig TrainingOptions::applied_to(TrainingConfig training) const {
  std::vector<std::string> problems;
  auto given = [&](const char* part) { std::erase(training.chosen, part); };
  auto collect = [&](const auto& work) {
    try {
      work();
    } catch (const Error& error) {
      problems.push_back(error.what());
    }
  };
  for (const auto& text : loss) {
    const auto [output, name] = of_output(text, training);
    if (output.empty()) given("loss");
    collect([&] {
      const auto read = loss_from_json(named_options(name), problems);
      for_outputs(training, output, [&](Loss& each, std::vector<Metric>&) {
        const auto weight = each.options.weight;
        each = read;
        each.options.weight = weight;
      });
    });
  }
  for (const auto& text : class_weights) {
    const auto [output, pairs] = of_output(text, training);
    collect([&] {
      const auto weights = read_class_weights(pairs);
      for_outputs(training, output, [&](Loss& each, std::vector<Metric>&) { each.options.class_weights = weights; });
    });
  }
  std::set<std::string> cleared;
  for (const auto& text : metrics) {
    const auto [output, names] = of_output(text, training);
    if (output.empty()) given("metrics");
    // Those of the file go with the first that are given for an output.
    if (cleared.insert(output).second) for_outputs(training, output, [](Loss&, std::vector<Metric>& all) { all.clear(); });
    for (const auto& each : split_metrics({names})) {
      // "accuracy" alone is the accuracy of the model's kind of output, and not the class of this name.
      auto value = each.find(':') == std::string::npos ? json(each) : named_options(each);
      collect([&] {
        if (auto metric = metric_from_json(value, problems))
          for_outputs(training, output, [&](Loss&, std::vector<Metric>& all) { all.push_back(*metric); });
      });
    }
  }
  if (!optimizer.empty()) {
    collect([&] { training.optimizer = optimizer_from_json(named_options(optimizer), dialect_of(training.writer).update_rule); });
    given("optimizer");
  }
  if (!learning_rate.empty())
    collect([&] {
      char* end = nullptr;
      const double number = std::strtod(learning_rate.c_str(), &end);
      if (*end == 0) return set_learning_rate(training.optimizer, number);
      std::vector<std::string> wrong;
      const auto rate = learning_rate_from_json(named_options(learning_rate), wrong);
      throw_problems(wrong);
      set_learning_rate(training.optimizer, rate);
    });
  throw_problems(problems);
  return training;
}

}  // namespace gradc
