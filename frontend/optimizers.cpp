#include "frontend/optimizers.h"

#include <cmath>
#include <optional>

#include <nlohmann/json.hpp>

#include "frontend/names.h"
#include "frontend/optimizers/description.h"
#include "frontend/option_reader.h"
#include "frontend/problems.h"
#include "frontend/schedules.h"
#include "gradc/error.h"

namespace gradc {
namespace {

using nlohmann::json;

constexpr NumberRange kSteps{2, kLargest, "a whole number of at least 2"};
constexpr NumberRange kFrequency{1, kLargest, "a whole number of at least 1"};

// Zero is none, also of what else has to be more.
constexpr NumberField<OptimizerOptions> kOptions[] = {
    {&OptimizerOptions::clipnorm, "clipnorm"},
    {&OptimizerOptions::global_clipnorm, "global_clipnorm"},
    {&OptimizerOptions::clipvalue, "clipvalue"},
    {.member = &OptimizerOptions::weight_decay, .keras = "weight_decay", .null_is_none = true},
    {&OptimizerOptions::decay, "decay"},
    {.member = &OptimizerOptions::gradient_accumulation_steps,
     .keras = "gradient_accumulation_steps",
     .range = kSteps,
     .null_is_none = true},
    {&OptimizerOptions::ema_momentum, "ema_momentum", kShare},
    {.member = &OptimizerOptions::ema_overwrite_frequency, .keras = "ema_overwrite_frequency", .range = kFrequency, .null_is_none = true},
};
constexpr FlagField<OptimizerOptions> kUseEma = {&OptimizerOptions::use_ema, "use_ema"};

/// The names of UpdateRule, as to_json writes them.
constexpr const char* kRules[] = {"tfjs", "keras", "keras_legacy"};

std::string tfjs_key(const char* keras, const char* tfjs) { return tfjs != nullptr ? tfjs : camel_case(keras); }

/// The number of a field, or nothing where it is not done.
template <class Owner>
std::optional<double> number_of(const Owner& owner, const NumberField<Owner>& field) {
  return std::visit(
      [&](auto member) -> std::optional<double> {
        const auto& value = owner.*member;
        if constexpr (requires { value.has_value(); })
          return value;
        else
          return value == 0 && field.null_is_none ? std::nullopt : std::optional(static_cast<double>(value));
      },
      field.member);
}

template <class Owner>
void read_number(OptionReader& reader, const json& config, Owner& owner, const NumberField<Owner>& field) {
  const bool is_none = field.null_is_none && config.contains(field.keras) && config[field.keras].is_null();
  std::visit(
      [&](auto member) {
        auto& value = owner.*member;
        if (is_none) value = {};
        if constexpr (std::is_same_v<decltype(value), double&>)
          reader.number(value, field.keras, field.tfjs);
        else
          reader.read(value, field.keras);
      },
      field.member);
}

template <class Owner>
json json_of(const Owner& owner, const NumberField<Owner>& field) {
  return std::visit(
      [&](auto member) -> json {
        const auto& value = owner.*member;
        if constexpr (requires { value.has_value(); })
          return value ? json(*value) : json();
        else
          return value;
      },
      field.member);
}

template <class Owner>
void check_range(const Owner& owner, const NumberField<Owner>& field, std::vector<std::string>& problems) {
  const auto value = number_of(owner, field);
  if (value && !field.range.contains(*value))
    problems.push_back(fmt::format("\"{}\" is {}, expected {}", field.keras, *value, field.range.text));
}

template <class O>
std::vector<std::string> problems_of(const O& optimizer) {
  auto problems = problems_of(optimizer.learning_rate);
  for (const auto& field : description<O>().numbers) check_range(optimizer, field, problems);
  for (const auto& field : kOptions) check_range(optimizer.options, field, problems);
  if (description<O>().problem != nullptr)
    if (auto problem = description<O>().problem(optimizer); !problem.empty()) problems.push_back(problem);
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
  optimizer.options.rule = rule_of(reader, writer);
  for (const auto* key : {"learning_rate", "lr"}) {  // Keras wrote the second until 2.2.
    const json* given = reader.find(key);
    if (given != nullptr && given->is_object())
      optimizer.learning_rate = learning_rate_from_json(*given, problems);
    else if (given != nullptr && given->is_number())
      optimizer.learning_rate = given->get<double>();
    else if (given != nullptr)
      reader.problem(fmt::format("\"{}\" is {}, expected a number", key, given->dump()));
  }
  for (const auto& field : description<O>().numbers) read_number(reader, config, optimizer, field);
  for (const auto& field : description<O>().flags) reader.flag(optimizer.*field.member, field.keras, field.tfjs);
  for (const auto& field : description<O>().texts) reader.read(optimizer.*field.member, field.keras);
  for (const auto& field : kOptions) read_number(reader, config, optimizer.options, field);
  reader.flag(optimizer.options.use_ema, kUseEma.keras);
  // "loss_scale_factor" multiplies the loss and divides the gradients, for float16.
  reader.skip({"name", "jit_compile", "is_legacy_optimizer", "loss_scale_factor"});
  reader.report_unused();
  if (problems.empty())
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
  const auto& about = description<O>();
  const auto& defaults = about.names[0].defaults.options;
  json config = json::object();
  auto key = [&](const auto& field) { return tfjs ? tfjs_key(field.keras, field.tfjs) : field.keras; };
  config[tfjs ? "learningRate" : "learning_rate"] = to_json(optimizer.learning_rate);
  for (const auto& field : about.numbers) config[key(field)] = json_of(optimizer, field);
  for (const auto& field : about.flags) config[key(field)] = optimizer.*field.member;
  for (const auto& field : about.texts) config[field.keras] = optimizer.*field.member;
  for (const auto& field : kOptions)
    if (number_of(optimizer.options, field) != number_of(defaults, field)) config[field.keras] = json_of(optimizer.options, field);
  if (optimizer.options.use_ema) config[kUseEma.keras] = true;
  if (!tfjs) config["update_rule"] = kRules[static_cast<int>(optimizer.options.rule)];
  return config;
}

}  // namespace

std::vector<OptimizerState> add_updates(Graph& graph, const Optimizer& optimizer) {
  return std::visit(
      [&]<class O>(const O& o) {
        const auto& about = description<O>();
        auto decay_of = [&](const std::string& name, const Type& type) {
          return about.weight_decay != nullptr ? about.weight_decay(o, name, type) : o.options.weight_decay;
        };
        Updates updates(graph, o.learning_rate, o.options, decay_of);
        about.update(updates, o);
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
  if (plain == "lossscaleoptimizer") {
    std::vector<std::string> problems;
    OptionReader reader(config, "optimizer " + name, problems);
    const json* inner = reader.find("inner_optimizer");
    if (inner == nullptr) reader.problem("\"inner_optimizer\" is missing");
    // The scale multiplies the loss and divides the gradients, by powers of two: f32 numbers come out the same.
    reader.skip({"name", "initial_scale", "dynamic_growth_steps"});
    reader.report_unused();
    throw_problems(problems);
    return optimizer_from_json(*inner, rule);
  }
  std::optional<Optimizer> optimizer;
  each_optimizer([&]<class O>(const O&) {
    for (const auto& [known, defaults] : description<O>().names)
      if (plain_name(known) == plain) optimizer = read(defaults, name, config, rule);
  });
  if (!optimizer) throw Error("optimizer \"{}\" is not known; {}", name, known_are(known_optimizers(), name));
  return *optimizer;
}

bool for_tfjs(const Optimizer& optimizer) {
  return std::visit(
      []<class O>(const O& o) {
        auto rest = o.options;
        if (std::is_same_v<O, Adamax>) rest.decay = 0;  // the one of tf.js's optimizers that has it
        for (const auto& field : kOptions)
          if (number_of(rest, field) != number_of(OptimizerOptions{}, field)) return false;
        if (rest.use_ema || o.learning_rate.schedule() != nullptr) return false;
        bool same = o.options.rule == UpdateRule::tfjs;
        if constexpr (std::is_same_v<O, SGD>) same |= o.momentum == 0;  // each library's formula
        return same && description<O>().tfjs_name(o) != nullptr;
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

std::vector<std::string> known_optimizers() {
  std::vector<std::string> names;
  each_optimizer([&]<class O>(const O&) {
    for (const auto& each : description<O>().names) names.emplace_back(each.name);
  });
  return names;
}

const LearningRate& learning_rate(const Optimizer& optimizer) {
  return std::visit([](const auto& o) -> const LearningRate& { return o.learning_rate; }, optimizer);
}

const OptimizerOptions& options_of(const Optimizer& optimizer) {
  return std::visit([](const auto& o) -> const OptimizerOptions& { return o.options; }, optimizer);
}

void set_learning_rate(Optimizer& optimizer, const LearningRate& rate) {
  auto changed = optimizer;
  std::visit([&](auto& o) { o.learning_rate = rate; }, changed);
  validate(changed);
  optimizer = changed;
}

}  // namespace gradc
