#include "tools/training_options.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "frontend/problems.h"
#include "support/error.h"

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

void TrainingOptions::add_loss(CLI::App& command) {
  command
      .add_option("--loss", loss,
                  "Instead of the file's: categoricalCrossentropy, or with options categoricalCrossentropy:from_logits=true")
      ->type_name("NAME[:KEY=VALUE,...]");
  command.add_option("--metrics", metrics, "Instead of the file's: accuracy,precision:threshold=0.7")
      ->type_name("NAME[:KEY=VALUE,...],...")
      ->allow_extra_args(false);  // what follows may be the model
}

void TrainingOptions::add_optimizer(CLI::App& command) {
  command.add_option("--optimizer", optimizer, "Instead of the file's: adam, or with options sgd:momentum=0.9,clipnorm=1")
      ->type_name("NAME[:KEY=VALUE,...]");
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
  if (!loss.empty()) {
    collect([&] { training.loss = loss_from_json(named_options(loss), problems); });
    given("loss");
  }
  if (!metrics.empty()) {
    training.metrics.clear();
    for (const auto& each : split_metrics(metrics)) {
      // "accuracy" alone is the accuracy of the model's kind of output, and not the class of this name.
      auto value = each.find(':') == std::string::npos ? json(each) : named_options(each);
      collect([&] {
        if (auto metric = metric_from_json(value, problems)) training.metrics.push_back(*metric);
      });
    }
    given("metrics");
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
