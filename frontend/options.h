#pragma once
/// Options of losses and metrics, listed once: files and the command line name them so, and one row says where an option stands and what it
/// may be.

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include <fmt/ranges.h>

#include "frontend/number_range.h"

namespace gradc {

template <class Options>
struct Option {
  const char* name;  ///< As Keras spells it.
  std::variant<bool Options::*, double Options::*, std::int64_t Options::*, std::string Options::*, std::optional<double> Options::*,
               std::optional<std::int64_t> Options::*, std::vector<std::int64_t> Options::*, std::vector<double> Options::*>
      member;
  NumberRange range = kFinite;            ///< Of numbers.
  std::vector<const char*> choices = {};  ///< Of texts; if there are none, any.

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
      if (choices.empty()) return "";
      for (const char* choice : choices)
        if (value == choice) return "";
      return fmt::format("\"{}\" is \"{}\"; {} are known", name, value, fmt::join(choices, ", "));
    } else if constexpr (std::is_arithmetic_v<Value>) {
      return range.contains(static_cast<double>(value)) ? "" : fmt::format("\"{}\" is {}, expected {}", name, value, range.text);
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
