#pragma once
/// Learning rates: numbers, and schedules of Keras, which are functions of the batches that were trained on before.

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace gradc {

/// initial_learning_rate * decay_rate^(batches / decay_steps), in whole powers if `staircase`.
struct ExponentialDecay {
  double initial_learning_rate = 0.001;
  std::int64_t decay_steps = 1000;
  double decay_rate = 0.9;
  bool staircase = false;
  bool operator==(const ExponentialDecay&) const = default;
};

/// values[i] up to and at boundaries[i], and the last value from there on.
struct PiecewiseConstantDecay {
  std::vector<std::int64_t> boundaries = {};
  std::vector<double> values = {};
  bool operator==(const PiecewiseConstantDecay&) const = default;
};

/// Falls to end_learning_rate in decay_steps. With `cycle` the steps are the next multiple of decay_steps.
struct PolynomialDecay {
  double initial_learning_rate = 0.001;
  std::int64_t decay_steps = 1000;
  double end_learning_rate = 0.0001, power = 1;
  bool cycle = false;
  bool operator==(const PolynomialDecay&) const = default;
};

/// initial_learning_rate / (1 + decay_rate * batches / decay_steps), at whole quotients if `staircase`.
struct InverseTimeDecay {
  double initial_learning_rate = 0.001;
  std::int64_t decay_steps = 1000;
  double decay_rate = 0.5;
  bool staircase = false;
  bool operator==(const InverseTimeDecay&) const = default;
};

/// Half a cosine, down to alpha times the rate that it starts from. With a warmup_target it starts from that, after a line of warmup_steps.
struct CosineDecay {
  double initial_learning_rate = 0.001;
  std::int64_t decay_steps = 1000;
  double alpha = 0;
  std::optional<double> warmup_target = {};
  std::int64_t warmup_steps = 0;
  bool operator==(const CosineDecay&) const = default;
};

/// Such half cosines one after the other, each t_mul times as long as the one before, and starting m_mul times as high.
struct CosineDecayRestarts {
  double initial_learning_rate = 0.001;
  std::int64_t first_decay_steps = 1000;
  double t_mul = 2, m_mul = 1, alpha = 0;
  bool operator==(const CosineDecayRestarts&) const = default;
};

using Schedule =
    std::variant<ExponentialDecay, PiecewiseConstantDecay, PolynomialDecay, InverseTimeDecay, CosineDecay, CosineDecayRestarts>;

/// What an optimizer's learning rate is: a number or a schedule.
class LearningRate {
 public:
  LearningRate(double rate) : value_(rate) {}
  template <class S>
    requires std::is_constructible_v<Schedule, S> && (!std::is_arithmetic_v<std::remove_cvref_t<S>>)
  LearningRate(S&& schedule) : value_(Schedule(std::forward<S>(schedule))) {}

  /// Nullptr where it is a schedule.
  const double* number() const { return std::get_if<double>(&value_); }
  /// Nullptr where it is a number.
  const Schedule* schedule() const { return std::get_if<Schedule>(&value_); }
  bool operator==(const LearningRate&) const = default;

 private:
  std::variant<double, Schedule> value_;
};

}  // namespace gradc
