#include "frontend/schedules.h"

#include <algorithm>
#include <numbers>
#include <optional>

#include <nlohmann/json.hpp>

#include "frontend/names.h"
#include "frontend/optimizers/description.h"
#include "frontend/option_reader.h"
#include "frontend/options.h"

namespace gradc {
namespace {

using nlohmann::json;

template <class S>
struct ScheduleDescription {
  const char* name;
  std::vector<Option<S>> options;
  std::vector<const char*> required;  ///< What Keras has no default for.
};

template <class S>
const ScheduleDescription<S>& about();

template <>
const ScheduleDescription<ExponentialDecay>& about() {
  using S = ExponentialDecay;
  static const std::vector<Option<S>> options = {
      {"initial_learning_rate", &S::initial_learning_rate, kFiniteNotNegative, {}},
      {"decay_steps", &S::decay_steps, kAtLeast1, {}},
      {"decay_rate", &S::decay_rate, kPositive, {}},
      {"staircase", &S::staircase, kFinite, {}},
  };
  static const ScheduleDescription<S> description = {"ExponentialDecay", options, {"initial_learning_rate", "decay_steps", "decay_rate"}};
  return description;
}

template <>
const ScheduleDescription<PiecewiseConstantDecay>& about() {
  using S = PiecewiseConstantDecay;
  static const std::vector<Option<S>> options = {
      {"boundaries", &S::boundaries, kFinite, {}},
      {"values", &S::values, kFiniteNotNegative, {}},
  };
  static const ScheduleDescription<S> description = {"PiecewiseConstantDecay", options, {"boundaries", "values"}};
  return description;
}

template <>
const ScheduleDescription<PolynomialDecay>& about() {
  using S = PolynomialDecay;
  static const std::vector<Option<S>> options = {
      {"initial_learning_rate", &S::initial_learning_rate, kFiniteNotNegative, {}},
      {"decay_steps", &S::decay_steps, kAtLeast1, {}},
      {"end_learning_rate", &S::end_learning_rate, kFiniteNotNegative, {}},
      {"power", &S::power, kPositive, {}},
      {"cycle", &S::cycle, kFinite, {}},
  };
  static const ScheduleDescription<S> description = {"PolynomialDecay", options, {"initial_learning_rate", "decay_steps"}};
  return description;
}

template <>
const ScheduleDescription<InverseTimeDecay>& about() {
  using S = InverseTimeDecay;
  static const std::vector<Option<S>> options = {
      {"initial_learning_rate", &S::initial_learning_rate, kFiniteNotNegative, {}},
      {"decay_steps", &S::decay_steps, kAtLeast1, {}},
      {"decay_rate", &S::decay_rate, kFiniteNotNegative, {}},
      {"staircase", &S::staircase, kFinite, {}},
  };
  static const ScheduleDescription<S> description = {"InverseTimeDecay", options, {"initial_learning_rate", "decay_steps", "decay_rate"}};
  return description;
}

template <>
const ScheduleDescription<CosineDecay>& about() {
  using S = CosineDecay;
  static const std::vector<Option<S>> options = {
      {"initial_learning_rate", &S::initial_learning_rate, kFiniteNotNegative, {}},
      {"decay_steps", &S::decay_steps, kAtLeast1, {}},
      {"alpha", &S::alpha, kShare, {}},
      {"warmup_target", &S::warmup_target, kFiniteNotNegative, {}},
      {"warmup_steps", &S::warmup_steps, kFiniteNotNegative, {}},
  };
  static const ScheduleDescription<S> description = {"CosineDecay", options, {"initial_learning_rate", "decay_steps"}};
  return description;
}

template <>
const ScheduleDescription<CosineDecayRestarts>& about() {
  using S = CosineDecayRestarts;
  static const std::vector<Option<S>> options = {
      {"initial_learning_rate", &S::initial_learning_rate, kFiniteNotNegative, {}},
      {"first_decay_steps", &S::first_decay_steps, kAtLeast1, {}},
      {"t_mul", &S::t_mul, kAtLeast1, {}},
      {"m_mul", &S::m_mul, kFiniteNotNegative, {}},
      {"alpha", &S::alpha, kShare, {}},
  };
  static const ScheduleDescription<S> description = {"CosineDecayRestarts", options, {"initial_learning_rate", "first_decay_steps"}};
  return description;
}

/// Calls f with a value of each type of the variant.
template <std::size_t I = 0, class F>
void each_schedule(const F& f) {
  if constexpr (I < std::variant_size_v<Schedule>) {
    f(std::variant_alternative_t<I, Schedule>{});
    each_schedule<I + 1>(f);
  }
}

std::vector<std::string> known_schedules() {
  std::vector<std::string> names;
  each_schedule([&]<class S>(const S&) { names.emplace_back(about<S>().name); });
  return names;
}

double start_of(const PiecewiseConstantDecay& s) {
  std::size_t i = 0;
  while (i < s.boundaries.size() && s.boundaries[i] < 0) ++i;
  return s.values[i];
}
double start_of(const CosineDecay& s) { return s.warmup_target && s.warmup_steps == 0 ? *s.warmup_target : s.initial_learning_rate; }
double start_of(const auto& s) { return s.initial_learning_rate; }

ValueId count(Updates& u, std::int64_t steps) { return u.c(static_cast<double>(steps)); }

/// Of numbers of at least 0.
ValueId floor(Updates& u, ValueId x) {
  auto rounded = u.round(x);
  return u.sub(rounded, u.greater(rounded, x));
}
ValueId ceil(Updates& u, ValueId x) {
  auto rounded = u.round(x);
  return u.add(rounded, u.greater(x, rounded));
}

/// (1 + cos(π x)) / 2, no less than `alpha`: (1 - alpha) * it + alpha.
ValueId half_cosine(Updates& u, ValueId x, ValueId height, double alpha) {
  auto cosine = u.mul(u.mul(u.c(0.5), height), u.add(u.c(1), u.cos(u.mul(u.c(std::numbers::pi), x))));
  return u.add(u.mul(u.c(1 - alpha), cosine), u.c(alpha));
}

ValueId rate(Updates& u, const ExponentialDecay& s, ValueId steps) {
  auto periods = u.div(steps, count(u, s.decay_steps));
  if (s.staircase) periods = floor(u, periods);
  return u.mul(u.c(s.initial_learning_rate), u.pow(u.c(s.decay_rate), periods));
}

ValueId rate(Updates& u, const PiecewiseConstantDecay& s, ValueId steps) {
  auto value = u.c(s.values.back());
  for (auto i = s.boundaries.size(); i-- > 0;) value = u.select(u.greater(steps, count(u, s.boundaries[i])), value, u.c(s.values[i]));
  return value;
}

/// Less than any share of steps that f32 can count.
constexpr double kSmallestShare = 1e-8;

ValueId rate(Updates& u, const PolynomialDecay& s, ValueId steps) {
  auto all = count(u, s.decay_steps);
  if (s.cycle)
    all = u.mul(all, ceil(u, u.div(steps, all)));
  else
    steps = u.min(steps, all);
  auto left = u.sub(u.c(1), u.div(steps, all));
  // Kernels raise by logarithms, of which 0 has none.
  if (s.power != 1) left = u.select(u.greater(left, u.c(0)), u.pow(u.max(left, u.c(kSmallestShare)), u.c(s.power)), u.c(0));
  return u.add(u.mul(u.c(s.initial_learning_rate - s.end_learning_rate), left), u.c(s.end_learning_rate));
}

ValueId rate(Updates& u, const InverseTimeDecay& s, ValueId steps) {
  auto periods = u.div(steps, count(u, s.decay_steps));
  if (s.staircase) periods = floor(u, periods);
  return u.div(u.c(s.initial_learning_rate), u.add(u.c(1), u.mul(u.c(s.decay_rate), periods)));
}

ValueId rate(Updates& u, const CosineDecay& s, ValueId steps) {
  const auto warmup_steps = s.warmup_target ? s.warmup_steps : 0;
  auto after = warmup_steps > 0 ? u.max(u.sub(steps, count(u, warmup_steps)), u.c(0)) : steps;
  auto done = u.div(u.min(after, count(u, s.decay_steps)), count(u, s.decay_steps));
  auto top = s.warmup_target.value_or(s.initial_learning_rate);
  auto decayed = u.mul(u.c(top), half_cosine(u, done, u.c(1), s.alpha));
  if (warmup_steps == 0) return decayed;
  auto slope = u.mul(u.c(top - s.initial_learning_rate), u.div(steps, count(u, warmup_steps)));
  return u.select(u.greater(count(u, warmup_steps), steps), u.add(slope, u.c(s.initial_learning_rate)), decayed);
}

/// Keras finds the period by logarithms; here states have where it began, how long it is and how high. A period has at least one step, so
/// that no more than one ends at a time.
ValueId rate(Updates& u, const CosineDecayRestarts& s, ValueId steps) {
  auto begin = u.state("period_begin", 0), length = u.state("period_length", static_cast<double>(s.first_decay_steps));
  auto height = u.state("period_height", 1);
  auto end = u.add(begin, length);
  auto goes_on = u.greater(end, steps);
  auto now = [&](ValueId state, ValueId next) { return u.set(state, u.select(goes_on, state, next)); };
  auto begins = now(begin, end), lasts = now(length, u.mul(length, u.c(s.t_mul))), high = now(height, u.mul(height, u.c(s.m_mul)));
  return u.mul(u.c(s.initial_learning_rate), half_cosine(u, u.div(u.sub(steps, begins), lasts), high, s.alpha));
}

template <class S>
std::vector<std::string> problems_of_schedule(const S& s) {
  std::vector<std::string> problems;
  for (const auto& option : about<S>().options)
    if (auto problem = option.problem(s); !problem.empty()) problems.push_back(problem);
  if constexpr (std::is_same_v<S, PiecewiseConstantDecay>) {
    if (s.values.size() != s.boundaries.size() + 1)
      problems.push_back(
          fmt::format("there are {} \"values\" for {} \"boundaries\", expected one more than these", s.values.size(), s.boundaries.size()));
    if (!std::is_sorted(s.boundaries.begin(), s.boundaries.end())) problems.push_back("\"boundaries\" have to rise");
  }
  for (auto& problem : problems) problem = fmt::format("learning rate {}: {}", about<S>().name, problem);
  return problems;
}

}  // namespace

LearningRate learning_rate_from_json(const json& value, std::vector<std::string>& problems) {
  const auto name = value.is_object() && value.contains("class_name") && value["class_name"].is_string()
                        ? value["class_name"].get<std::string>()
                        : std::string();
  const auto config = value.is_object() && value.contains("config") && value["config"].is_object() ? value["config"] : json::object();
  const auto plain = plain_name(without_package(name));
  std::optional<LearningRate> rate;
  each_schedule([&]<class S>(S schedule) {
    const auto& description = about<S>();
    if (plain_name(description.name) != plain) return;
    const auto before = problems.size();
    OptionReader reader(config, fmt::format("learning rate {}", description.name), problems);
    for (const char* key : description.required)
      if (!config.contains(key) && !config.contains(camel_case(key))) reader.problem(fmt::format("\"{}\" is missing", key));
    for (const auto& option : description.options)
      std::visit([&](auto field) { reader.read(schedule.*field, option.name); }, option.member);
    reader.skip({"name"});
    reader.report_unused();
    if (problems.size() == before)
      for (const auto& problem : problems_of_schedule(schedule)) problems.push_back(problem);
    rate = LearningRate(schedule);
  });
  if (!rate) problems.push_back(fmt::format("learning rate schedule \"{}\" is not known; {}", name, known_are(known_schedules(), name)));
  return rate.value_or(LearningRate(0));
}

json to_json(const LearningRate& rate) {
  if (const auto* number = rate.number(); number != nullptr) return *number;
  return std::visit(
      []<class S>(const S& schedule) -> json {
        json config = json::object();
        for (const auto& option : about<S>().options)
          std::visit(
              [&](auto field) {
                const auto& value = schedule.*field;
                if constexpr (requires { value.has_value(); })
                  config[option.name] = value ? json(*value) : json();
                else
                  config[option.name] = value;
              },
              option.member);
        return {
            {"module", "keras.optimizers.schedules"}, {"class_name", about<S>().name}, {"config", config}, {"registered_name", nullptr}};
      },
      *rate.schedule());
}

std::vector<std::string> problems_of(const LearningRate& rate) {
  if (const auto* number = rate.number(); number != nullptr) {
    if (kFiniteNotNegative.contains(*number)) return {};
    return {fmt::format("\"learning_rate\" is {}, expected {}", *number, kFiniteNotNegative.text)};
  }
  return std::visit([](const auto& schedule) { return problems_of_schedule(schedule); }, *rate.schedule());
}

std::string text_of(const LearningRate& rate) {
  if (const auto* number = rate.number(); number != nullptr) return fmt::format("{}", *number);
  return std::visit([]<class S>(const S&) -> std::string { return about<S>().name; }, *rate.schedule());
}

double first_rate(const LearningRate& rate) {
  if (const auto* number = rate.number(); number != nullptr) return *number;
  return std::visit([](const auto& schedule) { return start_of(schedule); }, *rate.schedule());
}

ValueId rate_after(Updates& u, const Schedule& schedule, ValueId steps) {
  return std::visit([&](const auto& s) { return rate(u, s, steps); }, schedule);
}

}  // namespace gradc
