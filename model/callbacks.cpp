#include "model/callbacks.h"

#include <algorithm>
#include <cmath>
#include <fstream>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "frontend/metrics.h"
#include "frontend/names.h"
#include "frontend/option_reader.h"
#include "frontend/options.h"
#include "frontend/problems.h"
#include "frontend/training_json.h"
#include "gradc/error.h"
#include "support/files.h"

namespace gradc {
namespace {

using nlohmann::json;

constexpr const char* kLearningRateLog = "learning_rate";

template <class C>
const std::vector<Option<C>>& options_of_callback();

template <>
const std::vector<Option<EarlyStopping>>& options_of_callback() {
  using C = EarlyStopping;
  static const std::vector<Option<C>> options = {
      {"monitor", &C::monitor, kFinite, {}},
      {"min_delta", &C::min_delta, kFinite, {}},
      {"patience", &C::patience, kFiniteNotNegative, {}},
      {"mode", &C::mode, kFinite, {"auto", "min", "max"}},
      {"baseline", &C::baseline, kFinite, {}},
      {"restore_best_weights", &C::restore_best_weights, kFinite, {}},
      {"start_from_epoch", &C::start_from_epoch, kFiniteNotNegative, {}},
  };
  return options;
}

template <>
const std::vector<Option<ReduceLROnPlateau>>& options_of_callback() {
  using C = ReduceLROnPlateau;
  static const std::vector<Option<C>> options = {
      {"monitor", &C::monitor, kFinite, {}},
      {"factor", &C::factor, kShareBelow1, {}},
      {"patience", &C::patience, kFiniteNotNegative, {}},
      {"mode", &C::mode, kFinite, {"auto", "min", "max"}},
      {"min_delta", &C::min_delta, kFinite, {}},
      {"cooldown", &C::cooldown, kFiniteNotNegative, {}},
      {"min_lr", &C::min_lr, kFiniteNotNegative, {}},
  };
  return options;
}

template <>
const std::vector<Option<SaveBest>>& options_of_callback() {
  using C = SaveBest;
  static const std::vector<Option<C>> options = {
      {"monitor", &C::monitor, kFinite, {}},
      {"mode", &C::mode, kFinite, {"auto", "min", "max"}},
      {"initial_value_threshold", &C::initial_value_threshold, kFinite, {}},
  };
  return options;
}

template <class C>
C from_json(const json& config, const std::string& what) {
  C callback;
  std::vector<std::string> problems;
  std::vector<std::string> names;
  OptionReader reader(config, what, problems);
  for (const auto& option : options_of_callback<C>()) {
    names.emplace_back(option.name);
    std::visit([&](auto field) { reader.read(callback.*field, option.name); }, option.member);
  }
  for (const auto& [key, value] : config.items())
    if (std::none_of(names.begin(), names.end(), [&](const std::string& name) { return key == name || key == camel_case(name); }))
      reader.problem(fmt::format("\"{}\" ({}) is not an option of it; known are {}", key, value.dump(), fmt::join(names, ", ")));
  throw_problems(problems);
  for (const auto& option : options_of_callback<C>())
    if (auto problem = option.problem(callback); !problem.empty()) reader.problem(problem);
  throw_problems(problems);
  return callback;
}

/// Whether more of a metric is better, less is, or that depends.
enum class Better : std::uint8_t { less, more, depends };

Better better(const Metric& metric) {
  if (!is_own_metric(metric.name)) return Better::less;  // a loss
  const auto name = plain_name(metric.name);
  for (const char* count : {"truepositives", "truenegatives", "falsepositives", "falsenegatives"})
    if (name == count) return Better::depends;
  return name.ends_with("error") ? Better::less : Better::more;
}

/// What a log is of.
std::optional<Better> better(const std::string& log, const TrainingConfig& training) {
  const auto name = log.starts_with("val_") ? log.substr(4) : log;
  if (name == "loss" || name.ends_with("_loss")) return Better::less;
  auto among = [&](const std::string& prefix, const std::vector<Metric>& metrics) -> std::optional<Better> {
    for (const auto& metric : metrics)
      if (name == prefix + metric_log_name(metric)) return better(metric);
    return std::nullopt;
  };
  for (const auto& [output, of] : training.outputs)
    if (auto found = among(output + "_", of.metrics)) return found;
  return among("", training.metrics);
}

/// A number in the logs, and the best that it was. As in Keras, numbers are compared in f32.
class Monitor {
 public:
  template <class C>
  Monitor(const C& callback, const std::string& what, const std::vector<std::string>& names, const TrainingConfig& training) {
    std::vector<std::string> problems;
    for (const auto& option : options_of_callback<C>())
      if (auto problem = option.problem(callback); !problem.empty()) problems.push_back(what + ": " + problem);
    throw_problems(problems);
    name_ = known_name(callback.monitor, names);
    if (name_.empty()) {
      const bool validates = std::any_of(names.begin(), names.end(), [](const std::string& name) { return name.starts_with("val_"); });
      throw Error("{}: there is no \"{}\" in the logs, which have {}{}", what, callback.monitor, fmt::join(names, ", "),
                  callback.monitor.starts_with("val_") && !validates ? "; there are no data to validate on" : "");
    }
    const auto by_itself = better(name_, training).value_or(Better::depends);
    if (callback.mode == "auto" && by_itself == Better::depends)
      throw Error("{}: whether more of \"{}\" is better or less is not known; give the mode max or min", what, callback.monitor);
    more_ = callback.mode == "max" || (callback.mode == "auto" && by_itself == Better::more);
  }

  /// Nothing if an epoch has no such number, as one that was stopped has none of its validation.
  std::optional<double> in(const Logs& logs) const {
    const auto found = logs.find(name_);
    return found == logs.end() ? std::nullopt : std::optional(found->second);
  }

  bool is_better(double value, const std::optional<double>& than) const {
    if (!than) return true;
    const auto reached = static_cast<float>(more_ ? value - min_delta : value + min_delta), best = static_cast<float>(*than);
    return more_ ? reached > best : reached < best;
  }

  double min_delta = 0;

 private:
  /// Keras's "accuracy" is logged as "acc".
  static std::string known_name(const std::string& given, const std::vector<std::string>& names) {
    const auto has = [&](const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); };
    if (has(given)) return given;
    constexpr std::string_view accuracy = "accuracy";
    if (given.ends_with(accuracy) && has(given.substr(0, given.size() - accuracy.size()) + "acc"))
      return given.substr(0, given.size() - accuracy.size()) + "acc";
    for (const auto& name : names)
      if (plain_name(name) == plain_name(given)) return name;
    return "";
  }

  std::string name_;
  bool more_ = false;
};

struct Context {
  Model& model;
  const std::vector<std::string>& names;

  template <class C>
  Monitor monitor(const C& callback, const std::string& what) const {
    return Monitor(callback, what, names, model.training());
  }
};

class StoppingEarly : public CallbackRun::Part {
 public:
  StoppingEarly(const Context& context, const EarlyStopping& options)
      : options_(options), model_(context.model), monitor_(context.monitor(options, "early stopping")) {
    monitor_.min_delta = std::abs(options.min_delta);
  }

  bool end_epoch(std::int64_t epoch, Logs& logs) override {
    const auto value = monitor_.in(logs);
    if (!value || epoch < options_.start_from_epoch) return true;
    if (options_.restore_best_weights && best_weights_.empty()) best_weights_ = model_.weights();
    ++wait_;
    if (monitor_.is_better(*value, best_)) {
      best_ = value;
      if (options_.restore_best_weights) best_weights_ = model_.weights();
      if (!options_.baseline || monitor_.is_better(*value, options_.baseline)) wait_ = 0;
      return true;
    }
    return wait_ < options_.patience || epoch == 0;
  }

  void end() override {
    if (!best_weights_.empty()) model_.set_weights(best_weights_);
  }

 private:
  EarlyStopping options_;
  Model& model_;
  Monitor monitor_;
  std::optional<double> best_;
  std::int64_t wait_ = 0;
  std::vector<WeightValues> best_weights_;
};

class ReducingRate : public CallbackRun::Part {
 public:
  ReducingRate(const Context& context, const ReduceLROnPlateau& options)
      : options_(options), model_(context.model), monitor_(context.monitor(options, "reduce-lr")) {
    monitor_.min_delta = std::abs(options.min_delta);
    if (const auto& rate = gradc::learning_rate(model_.training().optimizer); rate.schedule() != nullptr)
      throw Error("reduce-lr: the learning rate follows a schedule, which sets it alone");
  }

  bool end_epoch(std::int64_t, Logs& logs) override {
    const auto rate = model_.learning_rate();
    logs[kLearningRateLog] = rate;
    const auto value = monitor_.in(logs);
    if (!value) return true;
    if (cooldown_ > 0) {
      --cooldown_;
      wait_ = 0;
    }
    if (monitor_.is_better(*value, best_)) {
      best_ = value;
      wait_ = 0;
    } else if (cooldown_ == 0 && ++wait_ >= options_.patience && rate > static_cast<double>(static_cast<float>(options_.min_lr))) {
      model_.set_learning_rate(std::max(rate * options_.factor, options_.min_lr));
      cooldown_ = options_.cooldown;
      wait_ = 0;
    }
    return true;
  }

 private:
  ReduceLROnPlateau options_;
  Model& model_;
  Monitor monitor_;
  std::optional<double> best_;
  std::int64_t wait_ = 0, cooldown_ = 0;
};

class SavingBest : public CallbackRun::Part {
 public:
  SavingBest(const Context& context, const SaveBest& options)
      : options_(options), model_(context.model), monitor_(context.monitor(options, "save-best")), best_(options.initial_value_threshold) {
    expect_writable(options.folder);
  }

  bool end_epoch(std::int64_t, Logs& logs) override {
    const auto value = monitor_.in(logs);
    if (!value || !monitor_.is_better(*value, best_)) return true;
    best_ = value;
    model_.save(options_.folder);
    return true;
  }

 private:
  SaveBest options_;
  Model& model_;
  Monitor monitor_;
  std::optional<double> best_;
};

class LoggingEpochs : public CallbackRun::Part {
 public:
  explicit LoggingEpochs(const CSVLogger& options) : options_(options) {}

  /// Opens the file: nothing else is wrong then.
  void begin_epoch(std::int64_t) override {
    if (file_.is_open()) return;
    std::error_code failed;
    has_names_ = options_.append && std::filesystem::file_size(options_.filename, failed) > 0 && !failed;
    file_.open(options_.filename, options_.append ? std::ios::app : std::ios::trunc);
    expect_written();
  }

  bool end_epoch(std::int64_t epoch, Logs& logs) override {
    if (names_.empty())
      for (const auto& [name, value] : logs) names_.push_back(name);
    if (!has_names_) file_ << "epoch" << options_.separator << fmt::format("{}\n", fmt::join(names_, options_.separator));
    has_names_ = true;
    file_ << epoch;
    for (const auto& name : names_) {
      const auto found = logs.find(name);
      file_ << options_.separator << (found == logs.end() ? "NA" : fmt::format("{}", found->second));
    }
    file_ << "\n" << std::flush;
    expect_written();
    return true;
  }

 private:
  void expect_written() const {
    if (!file_) throw Error("{}: cannot be written", options_.filename.string());
  }

  CSVLogger options_;
  std::ofstream file_;
  std::vector<std::string> names_;
  bool has_names_ = false;
};

class SchedulingRate : public CallbackRun::Part {
 public:
  SchedulingRate(const Context& context, const LearningRateScheduler& options) : schedule_(options.schedule), model_(context.model) {
    if (!schedule_) throw Error("learning rate scheduler: there is no function");
  }

  void begin_epoch(std::int64_t epoch) override { model_.set_learning_rate(schedule_(epoch, model_.learning_rate())); }

  bool end_epoch(std::int64_t, Logs& logs) override {
    logs[kLearningRateLog] = model_.learning_rate();
    return true;
  }

 private:
  std::function<double(std::int64_t, double)> schedule_;
  Model& model_;
};

std::unique_ptr<CallbackRun::Part> made(const Context& context, const EarlyStopping& options) {
  return std::make_unique<StoppingEarly>(context, options);
}
std::unique_ptr<CallbackRun::Part> made(const Context& context, const ReduceLROnPlateau& options) {
  return std::make_unique<ReducingRate>(context, options);
}
std::unique_ptr<CallbackRun::Part> made(const Context& context, const SaveBest& options) {
  return std::make_unique<SavingBest>(context, options);
}
std::unique_ptr<CallbackRun::Part> made(const Context&, const CSVLogger& options) { return std::make_unique<LoggingEpochs>(options); }
std::unique_ptr<CallbackRun::Part> made(const Context& context, const LearningRateScheduler& options) {
  return std::make_unique<SchedulingRate>(context, options);
}
std::unique_ptr<CallbackRun::Part> made(const Context&, const TerminateOnNaN&) { return std::make_unique<CallbackRun::Part>(); }

/// Whether the logs get the learning rate.
bool logs_rate(const Callback& callback) {
  return std::holds_alternative<ReduceLROnPlateau>(callback) || std::holds_alternative<LearningRateScheduler>(callback);
}

}  // namespace

CallbackRun::CallbackRun(Model& model, const std::vector<Callback>& callbacks, std::vector<std::string> names) {
  const Context context{model, names};
  std::vector<std::string> problems;
  for (const auto& callback : callbacks) {
    if (std::holds_alternative<TerminateOnNaN>(callback)) ends_at_nan_ = true;
    if (logs_rate(callback)) names.emplace_back(kLearningRateLog);
    try {
      parts_.push_back(std::visit([&](const auto& options) { return made(context, options); }, callback));
    } catch (const Error& error) {
      problems.emplace_back(error.what());
    }
  }
  throw_problems(problems);
}

void CallbackRun::begin_epoch(std::int64_t epoch) {
  for (const auto& part : parts_) part->begin_epoch(epoch);
}

bool CallbackRun::end_epoch(std::int64_t epoch, Logs& logs) {
  bool goes_on = true;
  for (const auto& part : parts_) goes_on = part->end_epoch(epoch, logs) && goes_on;
  return goes_on;
}

void CallbackRun::end() {
  for (const auto& part : parts_) part->end();
}

EarlyStopping early_stopping_from_json(const json& config) { return from_json<EarlyStopping>(config, "early stopping"); }
ReduceLROnPlateau reduce_lr_from_json(const json& config) { return from_json<ReduceLROnPlateau>(config, "reduce-lr"); }

}  // namespace gradc
