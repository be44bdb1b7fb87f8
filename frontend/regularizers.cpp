#include "frontend/regularizers.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "frontend/matrices.h"
#include "frontend/names.h"
#include "frontend/number_range.h"
#include "frontend/option_reader.h"
#include "gradc/error.h"

namespace gradc {

using nlohmann::json;

Regularizer regularizer_from_json(const json& value, std::vector<std::string>& problems) {
  if (value.is_null()) return {};
  auto class_name = value.is_object() ? value.value("class_name", json()) : value;
  auto plain = class_name.is_string() ? plain_name(without_package(class_name.get<std::string>())) : "";
  if (plain == "orthogonalregularizer" || plain == "orthogonal") {
    const auto config = value.is_object() && value.contains("config") && value["config"].is_object() ? value["config"] : json::object();
    OptionReader reader(config, "regularizer " + class_name.get<std::string>(), problems);
    Regularizer regularizer{.orthogonal = 0.01};
    std::string mode = "rows";
    reader.number(regularizer.orthogonal, "factor");
    reader.read(mode, "mode");
    if (!kFiniteNotNegative.contains(regularizer.orthogonal))
      reader.problem(fmt::format("\"factor\" is {}, expected {}", regularizer.orthogonal, kFiniteNotNegative.text));
    if (mode != "rows" && mode != "columns") reader.problem(fmt::format("\"mode\" is \"{}\"; rows and columns are known", mode));
    regularizer.columns = mode == "columns";
    reader.skip({"name"});
    reader.report_unused();
    return regularizer;
  }
  bool l1 = plain == "l1" || plain == "l1l2", l2 = plain == "l2" || plain == "l1l2";
  if (!l1 && !l2) {
    problems.push_back(fmt::format("regularizer {} is not known; known are L1, L2, L1L2 and OrthogonalRegularizer", class_name.dump()));
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
  if (regularizer.orthogonal != 0)
    return {{"class_name", "OrthogonalRegularizer"},
            {"config", {{"factor", regularizer.orthogonal}, {"mode", regularizer.columns ? "columns" : "rows"}}}};
  return {{"class_name", "L1L2"}, {"config", {{"l1", regularizer.l1}, {"l2", regularizer.l2}}}};
}

namespace {

/// factor * the mean of |cosine| over pairs of rows. Those of a row with itself, which are 1, or 0 for a row of zeros, are taken off again.
ValueId orthogonal_penalty(Builder& b, const Regularizer& regularizer, ValueId x) {
  const Type type = b.type(x);
  if (type.rank() != 2 || type.batched())
    throw Error("OrthogonalRegularizer is for weights that are matrices; this is of shape {}", shape_string(type.dims));
  if (regularizer.orthogonal != 0 && (regularizer.l1 != 0 || regularizer.l2 != 0))
    throw Error("OrthogonalRegularizer cannot be together with l1 and l2");
  auto sum = [&](ValueId of, Ints axes, bool keep) {
    return b.emit(OpKind::reduce_sum, {of}, {{"axes", std::move(axes)}, {"keep_dims", std::int64_t{keep}}}, "penalty");
  };
  const auto size = static_cast<double>(type.dims[regularizer.columns ? 1 : 0]);
  if (size < 2) throw Error("OrthogonalRegularizer needs two {} or more", regularizer.columns ? "columns" : "rows");
  constexpr double kLeastSquares = 1e-14;  // Keras divides by lengths of at least 1e-7.
  auto squares = sum(b.emit(OpKind::square, {x}), {regularizer.columns ? 0 : 1}, true);
  auto normal = b.emit(OpKind::mul, {x, b.emit(OpKind::rsqrt, {b.emit(OpKind::max, {squares, b.constant(kLeastSquares)})})});
  if (regularizer.columns) normal = transpose(b, normal);
  auto cosines = sum(b.emit(OpKind::abs, {product_of_rows(b, normal)}), {0, 1}, false);
  auto of_pairs = b.emit(OpKind::sub, {cosines, sum(b.emit(OpKind::square, {normal}), {0, 1}, false)});
  return b.emit(OpKind::mul, {of_pairs, b.constant(regularizer.orthogonal / (size * (size - 1)))}, {}, "penalty");
}

}  // namespace

ValueId penalty(Builder& b, const Regularizer& regularizer, ValueId x) {
  if (regularizer.orthogonal != 0) return orthogonal_penalty(b, regularizer, x);
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
