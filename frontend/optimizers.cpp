#include "frontend/optimizers.h"

#include <cmath>
#include <optional>

#include <nlohmann/json.hpp>

#include "frontend/names.h"
#include "frontend/optimizers/description.h"
#include "frontend/option_reader.h"
#include "frontend/problems.h"
#include "gradc/error.h"

namespace gradc {
namespace {

using nlohmann::json;

constexpr NumberField<OptimizerOptions> kOptions[] = {
    {&OptimizerOptions::clipnorm, "clipnorm"},   {&OptimizerOptions::global_clipnorm, "global_clipnorm"},
    {&OptimizerOptions::clipvalue, "clipvalue"}, {&OptimizerOptions::weight_decay, "weight_decay"},
    {&OptimizerOptions::decay, "decay"},
};

/// The names of UpdateRule, as to_json writes them.
constexpr const char* kRules[] = {"tfjs", "keras", "keras_legacy"};

template <class O>
NumberField<O> learning_rate_field() {
  return {&O::learning_rate, "learning_rate"};
}

std::string tfjs_key(const char* keras, const char* tfjs) { return tfjs != nullptr ? tfjs : camel_case(keras); }

template <class Owner>
void check_range(const Owner& owner, const NumberField<Owner>& field, std::vector<std::string>& problems) {
  auto value = owner.*field.member;
  if (!field.range.contains(value)) problems.push_back(fmt::format("\"{}\" is {}, expected {}", field.keras, value, field.range.text));
}

template <class O>
std::vector<std::string> problems_of(const O& optimizer) {
  std::vector<std::string> problems;
  check_range(optimizer, learning_rate_field<O>(), problems);
  for (const auto& field : description<O>().numbers) check_range(optimizer, field, problems);
  for (const auto& field : kOptions) check_range(optimizer.options, field, problems);
  return problems;
}

UpdateRule rule_of(OptionReader& reader, UpdateRule writer) {
  if (const json* given = reader.find("update_rule"); given != nullptr) {
    for (int i = 0; i < 3; ++i)
      if (*given == kRules[i]) return static_cast<UpdateRule>(i);
    reader.problem(fmt::format("\"update_rule\" is {}; tfjs, keras and keras_legacy are known", given->dump()));
  }
  return writer == UpdateRule::keras && reader.has("decay") ? UpdateRule::keras_legacy : writer;
}

template <class O>
O read(O optimizer, const std::string& name, const json& config, UpdateRule writer) {
  std::vector<std::string> problems;
  OptionReader reader(config, "optimizer " + name, problems);
  auto number = [&](auto& owner, const auto& field) { reader.number(owner.*field.member, field.keras, field.tfjs); };
  optimizer.options.rule = rule_of(reader, writer);
  auto rate = learning_rate_field<O>();
  number(optimizer, rate);
  rate.keras = "lr";  // as Keras wrote until 2.2
  number(optimizer, rate);
  for (const auto& field : description<O>().numbers) number(optimizer, field);
  for (const auto& field : description<O>().flags) reader.flag(optimizer.*field.member, field.keras, field.tfjs);
  for (const auto& field : kOptions) number(optimizer.options, field);
  reader.refuse("use_ema", {false});
  reader.refuse("gradient_accumulation_steps");
  // "loss_scale_factor" multiplies the loss and divides the gradients, for float16; the last two say how a moving average is taken, which
  // nothing but "use_ema" asks for.
  reader.skip({"name", "jit_compile", "is_legacy_optimizer", "loss_scale_factor", "ema_momentum", "ema_overwrite_frequency"});
  reader.report_unused();
  for (const auto& problem : problems_of(optimizer)) reader.problem(problem);
  throw_problems(problems);
  return optimizer;
}

/// Calls f with a value of each type of the variant.
template <std::size_t I = 0, class F>
void each_optimizer(const F& f) {
  if constexpr (I < std::variant_size_v<Optimizer>) {
    f(std::variant_alternative_t<I, Optimizer>{});
    each_optimizer<I + 1>(f);
  }
}

template <class O>
json config_of(const O& optimizer, bool tfjs) {
  json config = json::object();
  auto key = [&](const auto& field) { return tfjs ? tfjs_key(field.keras, field.tfjs) : field.keras; };
  auto rate = learning_rate_field<O>();
  config[key(rate)] = optimizer.learning_rate;
  for (const auto& field : description<O>().numbers) config[key(field)] = optimizer.*field.member;
  for (const auto& field : description<O>().flags) config[key(field)] = optimizer.*field.member;
  for (const auto& field : kOptions)
    if (auto value = optimizer.options.*field.member; value != 0) config[field.keras] = value;
  if (!tfjs) config["update_rule"] = kRules[static_cast<int>(optimizer.options.rule)];
  return config;
}

}  // namespace

std::vector<OptimizerState> add_updates(Graph& graph, const Optimizer& optimizer) {
  return std::visit(
      [&]<class O>(const O& o) {
        Updates updates(graph, o.learning_rate, o.options);
        description<O>().update(updates, o);
        return updates.states;
      },
      optimizer);
}

void validate(const Optimizer& optimizer) {
  std::visit(
      []<class O>(const O& o) {
        auto problems = problems_of(o);
        for (auto& problem : problems) problem = fmt::format("optimizer {}: {}", description<O>().names[0].name, problem);
        throw_problems(problems);
      },
      optimizer);
}

Optimizer optimizer_from_json(const json& given, UpdateRule rule) {
  const auto& config = given.is_object() && given.contains("config") && given["config"].is_object() ? given["config"] : json::object();
  auto name = given.is_string() ? given.get<std::string>()
              : given.is_object() && given.contains("class_name") && given["class_name"].is_string()
                  ? given["class_name"].get<std::string>()
                  : "";
  auto plain = plain_name(without_package(name));
  std::optional<Optimizer> optimizer;
  each_optimizer([&]<class O>(const O&) {
    for (const auto& [known, defaults] : description<O>().names)
      if (plain_name(known) == plain) optimizer = read(defaults, name, config, rule);
  });
  if (!optimizer) throw Error("optimizer \"{}\" is not known; known are {}", name, known_optimizers());
  return *optimizer;
}

bool for_tfjs(const Optimizer& optimizer) {
  return std::visit(
      []<class O>(const O& o) {
        auto rest = o.options;
        if (std::is_same_v<O, Adamax>) rest.decay = 0;  // the one of tf.js's optimizers that has it
        for (const auto& field : kOptions)
          if (rest.*field.member != 0) return false;
        return o.options.rule == UpdateRule::tfjs && description<O>().tfjs_name(o) != nullptr;
      },
      optimizer);
}

json to_json(const Optimizer& optimizer) {
  bool tfjs = for_tfjs(optimizer);
  return std::visit(
      [&]<class O>(const O& o) -> json {
        const auto& about = description<O>();
        return {{"class_name", tfjs ? about.tfjs_name(o) : about.names[0].name}, {"config", config_of(o, tfjs)}};
      },
      optimizer);
}

std::string known_optimizers() {
  std::string names;
  each_optimizer([&]<class O>(const O&) {
    for (const auto& each : description<O>().names) names += (names.empty() ? "" : ", ") + std::string(each.name);
  });
  return names;
}

double learning_rate(const Optimizer& optimizer) {
  return std::visit([](const auto& o) { return o.learning_rate; }, optimizer);
}

void set_learning_rate(Optimizer& optimizer, double rate) {
  auto changed = optimizer;
  std::visit([&](auto& o) { o.learning_rate = rate; }, changed);
  validate(changed);
  optimizer = changed;
}

}  // namespace gradc
