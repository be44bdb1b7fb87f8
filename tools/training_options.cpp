#include "tools/training_options.h"

#include <algorithm>
#include <functional>
#include <set>

#include <nlohmann/json.hpp>

#include "frontend/problems.h"
#include "gradc/error.h"

namespace gradc {
namespace {

using nlohmann::json;

/// The parts between commas.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (char c : text)
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
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

/// Changes loss and metrics of an output, or of all.
void for_outputs(TrainingConfig& training, const std::string& output, const std::function<void(Loss&, std::vector<Metric>&)>& change) {
  if (output.empty()) change(training.loss, training.metrics);
  for (auto& [name, of] : training.outputs)
    if (output.empty() || name == output) change(of.loss, of.metrics);
}

}  // namespace

json named_options(const std::string& text) {
  auto colon = std::min(text.find(':'), text.size());
  json config = json::object();
  if (colon + 1 < text.size())
    for (const auto& part : split(text.substr(colon + 1))) {
      auto equals = part.find('=');
      if (equals == std::string::npos || equals == 0) throw Error("\"{}\": \"{}\" is no option; they read key=value", text, part);
      auto value = json::parse(part.substr(equals + 1), nullptr, false);
      config[part.substr(0, equals)] = value.is_discarded() ? json(part.substr(equals + 1)) : value;
    }
  return {{"class_name", text.substr(0, colon)}, {"config", config}};
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
  command.add_option("--learning-rate,--lr", learning_rate, "Instead of the optimizer's");
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
  if (learning_rate) collect([&] { set_learning_rate(training.optimizer, *learning_rate); });
  throw_problems(problems);
  return training;
}

}  // namespace gradc
