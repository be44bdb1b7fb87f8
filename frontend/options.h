#pragma once
/// Options of losses and metrics, listed once: files and the command line name them so, and one row says where an option stands and what it
/// may be.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include <fmt/ranges.h>

namespace gradc {

/// Numbers that an option may be.
struct OptionRange {
  double least, most;
  const char* text;
};

constexpr double kLargest = std::numeric_limits<double>::max();
constexpr OptionRange kShare{0, 1, "a number from 0 to 1"};
constexpr OptionRange kFinite{-kLargest, kLargest, "a finite number"};
constexpr OptionRange kNotNegative{0, kLargest, "a number of at least 0"};
constexpr OptionRange kPositive{std::numeric_limits<double>::min(), kLargest, "a number above 0"};
constexpr OptionRange kPositiveShare{std::numeric_limits<double>::min(), 1, "a number above 0, up to 1"};
constexpr OptionRange kAtLeast1{1, kLargest, "at least 1"};
constexpr OptionRange kAtLeast2{2, kLargest, "at least 2"};

template <class Options>
struct Option {
  const char* name;  ///< As Keras spells it.
  std::variant<bool Options::*, double Options::*, std::int64_t Options::*, std::string Options::*, std::optional<double> Options::*,
               std::optional<std::int64_t> Options::*, std::vector<std::int64_t> Options::*>
      member;
  OptionRange range = kFinite;            ///< Of numbers.
  std::vector<const char*> choices = {};  ///< Of texts.

  /// Whether it is another than the default.
  bool is_given(const Options& options) const {
    return std::visit([&](auto field) { return options.*field != Options().*field; }, member);
  }

  /// What is wrong with it, or "".
  std::string problem(const Options& options) const {
    return std::visit([&](auto field) { return problem_of(options.*field); }, member);
  }

 private:
  template <class Value>
  std::string problem_of(const Value& value) const {
    if constexpr (std::is_same_v<Value, std::string>) {
      for (const char* choice : choices)
        if (value == choice) return "";
      return fmt::format("\"{}\" is \"{}\"; {} are known", name, value, fmt::join(choices, ", "));
    } else if constexpr (std::is_arithmetic_v<Value>) {
      const auto number = static_cast<double>(value);
      return number >= range.least && number <= range.most ? "" : fmt::format("\"{}\" is {}, expected {}", name, value, range.text);
    } else if constexpr (requires { value.has_value(); }) {
      return value ? problem_of(*value) : "";
    } else {
      for (const auto& each : value)
        if (auto problem = problem_of(each); !problem.empty()) return problem;
      return "";
    }
  }
};

}  // namespace gradc
