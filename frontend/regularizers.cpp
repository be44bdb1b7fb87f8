#include "frontend/regularizers.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "frontend/names.h"
#include "frontend/number_range.h"
#include "frontend/option_reader.h"

namespace gradc {

using nlohmann::json;

Regularizer regularizer_from_json(const json& value, std::vector<std::string>& problems) {
  if (value.is_null()) return {};
  auto class_name = value.is_object() ? value.value("class_name", json()) : value;
  auto plain = class_name.is_string() ? plain_name(without_package(class_name.get<std::string>())) : "";
  bool l1 = plain == "l1" || plain == "l1l2", l2 = plain == "l2" || plain == "l1l2";
  if (!l1 && !l2) {
    problems.push_back(fmt::format("regularizer {} is not known; known are L1, L2 and L1L2", class_name.dump()));
    return {};
  }
  auto config = value.is_object() && value.contains("config") ? value["config"] : json::object();
  if (!config.is_object()) config = json::object();
  // A class without a factor has 0.01, the same as a name alone has.
  Regularizer regularizer{l1 && !(l2 && value.is_object()) ? 0.01 : 0, l2 && !(l1 && value.is_object()) ? 0.01 : 0};
  OptionReader reader(config, "regularizer " + class_name.get<std::string>(), problems);
  for (auto [takes, factor, key] : {std::tuple(l1, &regularizer.l1, "l1"), std::tuple(l2, &regularizer.l2, "l2")}) {
    if (!takes) continue;
    reader.number(*factor, key);
    if (!kFiniteNotNegative.contains(*factor))
      reader.problem(fmt::format("\"{}\" is {}, expected {}", key, *factor, kFiniteNotNegative.text));
  }
  reader.skip({"name"});
  reader.report_unused();
  return regularizer;
}

json to_json(const Regularizer& regularizer) {
  if (!regularizer) return nullptr;
  return {{"class_name", "L1L2"}, {"config", {{"l1", regularizer.l1}, {"l2", regularizer.l2}}}};
}

ValueId penalty(Builder& b, const Regularizer& regularizer, ValueId x) {
  auto term = [&](double factor, OpKind kind) { return b.emit(OpKind::mul, {b.emit(kind, {x}), b.constant(factor)}); };
  ValueId terms = -1;
  if (regularizer.l1 != 0) terms = term(regularizer.l1, OpKind::abs);
  if (regularizer.l2 != 0) {
    auto squares = term(regularizer.l2, OpKind::square);
    terms = terms < 0 ? squares : b.emit(OpKind::add, {terms, squares});
  }
  Ints axes;
  for (int i = b.type(x).batched() ? 1 : 0; i < b.type(x).rank(); ++i) axes.push_back(i);
  return axes.empty() ? terms : b.emit(OpKind::reduce_sum, {terms}, {{"axes", axes}, {"keep_dims", std::int64_t{0}}}, "penalty");
}

}  // namespace gradc
