#include "ir/roles.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "gradc/error.h"

namespace gradc {
namespace {

struct Row {
  InputRole role;
  std::string_view name;
  bool several = false;           ///< A graph may have more than one.
  std::optional<Type> type = {};  ///< If only one fits.
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table = {{InputRole::data, "data", true},
                                         {InputRole::label, "label", true},
                                         {InputRole::sample_weight, "sample_weight", true},
                                         {InputRole::batch_mask, "batch_mask", false, Type{DType::f32, {kBatch}}},
                                         {InputRole::batch_size, "batch_size", false, Type{DType::f32, {}}},
                                         {InputRole::step_key, "step_key", false, Type{DType::i32, {}}},
                                         {InputRole::sample_index, "sample_index", false, Type{DType::i32, {kBatch}}}};
  return table;
}

const Row& row_of(InputRole role) { return rows()[static_cast<std::size_t>(role)]; }

}  // namespace

std::string_view name_of(InputRole role) { return row_of(role).name; }

bool may_be_several(InputRole role) { return row_of(role).several; }

std::optional<InputRole> find_input_role(std::string_view name) {
  for (const auto& row : rows())
    if (row.name == name) return row.role;
  return std::nullopt;
}

InputRole input_role(const Op& input) {
  if (!input.attributes.has("role")) return InputRole::data;
  return find_input_role(input.attributes.text("role")).value();
}

const Op* find_input(const Graph& graph, InputRole role) {
  const auto all = find_inputs(graph, role);
  return all.empty() ? nullptr : all[0];
}

std::vector<const Op*> find_inputs(const Graph& graph, InputRole role) {
  std::vector<const Op*> inputs;
  for (const auto& op : graph.ops)
    if (op.kind == OpKind::input && input_role(op) == role) inputs.push_back(&op);
  std::stable_sort(inputs.begin(), inputs.end(), [](const Op* a, const Op* b) { return input_number(*a) < input_number(*b); });
  return inputs;
}

std::int64_t input_number(const Op& input) { return input.attributes.integer_or("number", 0); }

ValueId emit_input(Builder& b, InputRole role, Type type, const std::string& name, std::int64_t number) {
  Attributes attributes = {{"name", name}};
  if (role != InputRole::data) attributes.set("role", std::string(name_of(role)));
  if (number > 0) attributes.set("number", number);
  return b.emit_typed(OpKind::input, std::move(type), std::move(attributes), name);
}

std::string input_problem(const Attributes& attributes, const Type& type) {
  if (attributes.integer_or("number", 0) < 0) return "number is not negative";
  if (!attributes.has("role")) return "";
  const auto role = find_input_role(attributes.text("role"));
  if (!role) {
    std::vector<std::string_view> names;
    for (const auto& row : rows()) names.push_back(row.name);
    return fmt::format("there is no role \"{}\"; the roles are {}", attributes.text("role"), fmt::join(names, ", "));
  }
  const auto& fits = row_of(*role).type;
  return fits && *fits != type ? fmt::format("the input of role {} is {}, not {}", name_of(*role), to_string(*fits), to_string(type)) : "";
}

}  // namespace gradc
