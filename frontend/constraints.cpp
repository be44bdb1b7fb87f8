#include "frontend/constraints.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "frontend/dialect.h"
#include "frontend/names.h"
#include "frontend/number_range.h"
#include "frontend/option_reader.h"
#include "gradc/error.h"
#include "ir/symbol.h"

namespace gradc {
namespace {

using nlohmann::json;

// The options of each, for whatever reads and writes them.
void describe(auto& f, auto& constraint) {
  if constexpr (requires { constraint.min_value; }) f("min_value", constraint.min_value);
  if constexpr (requires { constraint.max_value; }) f("max_value", constraint.max_value);
  if constexpr (requires { constraint.rate; }) f("rate", constraint.rate);
  if constexpr (requires { constraint.axis; }) f("axis", constraint.axis);
}

template <class C>
constexpr const char* class_name = nullptr;
template <>
constexpr const char* class_name<MaxNorm> = "MaxNorm";
template <>
constexpr const char* class_name<MinMaxNorm> = "MinMaxNorm";
template <>
constexpr const char* class_name<NonNeg> = "NonNeg";
template <>
constexpr const char* class_name<UnitNorm> = "UnitNorm";

template <class C>
Constraint read(const json& config, std::vector<std::string>& problems) {
  C constraint;
  OptionReader reader(config, std::string("constraint ") + class_name<C>, problems);
  auto field = [&](const char* key, auto& value) { reader.read(value, key); };
  describe(field, constraint);
  auto check_number = [&](const char* key, auto& value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, double>) {
      const auto& range = std::string_view(key) == "rate" ? kShare : kFiniteNotNegative;
      if (!range.contains(value)) reader.problem(fmt::format("\"{}\" is {}, expected {}", key, value, range.text));
    }
  };
  describe(check_number, constraint);
  reader.report_unused();
  return constraint;
}

template <class C>
bool reads(const std::string& plain, const json& config, std::vector<std::string>& problems, Constraint& constraint) {
  if (plain != plain_name(class_name<C>)) return false;
  constraint = read<C>(config, problems);
  return true;
}

/// The lengths of a weight's vectors, which stay as 1 along the axes.
Symbol lengths(Symbol weight, const std::vector<std::int64_t>& given) {
  Ints axes;
  for (auto axis : given) {
    const std::int64_t rank = type_of(weight).rank(), at = axis < 0 ? axis + rank : axis;
    if (at < 0 || at >= rank)
      throw Error("a constraint has axis {}, but the weight it is for has shape {}", axis, shape_string(type_of(weight).dims));
    axes.push_back(at);
  }
  std::sort(axes.begin(), axes.end());
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  return sqrt(sum(square(weight), axes, true));
}

Symbol with_length(Symbol weight, Symbol length, Symbol desired) { return weight * (desired / (length + kEpsilon)); }

Symbol project(Symbol weight, std::monostate) { return weight; }
Symbol project(Symbol weight, const NonNeg&) { return max(weight, 0); }
Symbol project(Symbol weight, const UnitNorm& c) { return weight / (lengths(weight, c.axis) + kEpsilon); }
Symbol project(Symbol weight, const MaxNorm& c) {
  const auto length = lengths(weight, c.axis);
  return with_length(weight, length, min(length, c.max_value));
}
Symbol project(Symbol weight, const MinMaxNorm& c) {
  const auto length = lengths(weight, c.axis);
  const auto nearest = min(max(length, c.min_value), c.max_value);
  return with_length(weight, length, c.rate == 1 ? nearest : nearest * c.rate + length * (1 - c.rate));
}

}  // namespace

Constraint constraint_from_json(const json& value, std::vector<std::string>& problems) {
  if (value.is_null()) return {};
  const auto given = value.is_object() ? value.value("class_name", json()) : value;
  const auto plain = given.is_string() ? plain_name(without_package(given.get<std::string>())) : "";
  auto config = value.is_object() && value.contains("config") ? value["config"] : json::object();
  if (!config.is_object()) config = json::object();
  Constraint constraint;
  if (!reads<MaxNorm>(plain, config, problems, constraint) && !reads<MinMaxNorm>(plain, config, problems, constraint) &&
      !reads<NonNeg>(plain, config, problems, constraint) && !reads<UnitNorm>(plain, config, problems, constraint))
    problems.push_back(fmt::format("constraint {} is not known; known are MaxNorm, MinMaxNorm, NonNeg and UnitNorm", given.dump()));
  return constraint;
}

json to_json(const Constraint& constraint) {
  return std::visit(
      []<class C>(C c) -> json {
        if constexpr (std::is_same_v<C, std::monostate>) {
          return nullptr;
        } else {
          json config = json::object();
          auto field = [&](const char* key, const auto& value) {
            if constexpr (requires { value.size(); })
              config[key] = value.size() == 1 ? json(value[0]) : json(value);
            else
              config[key] = value;
          };
          describe(field, c);
          return {{"class_name", class_name<C>}, {"config", config}};
        }
      },
      constraint);
}

ValueId constrained(Builder& b, const Constraint& constraint, ValueId weight) {
  return std::visit([&](const auto& c) { return project({&b, weight}, c).id; }, constraint);
}

}  // namespace gradc
