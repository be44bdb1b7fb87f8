#include "ir/graph.h"

#include <algorithm>
#include <cctype>

#include "gradc/error.h"

namespace gradc {

std::string_view name_of(Stage stage) {
  switch (stage) {
    case Stage::forward: return "forward";
    case Stage::backward: return "backward";
    case Stage::update: return "update";
  }
  return "";
}

std::string_view name_of(KernelForm form) {
  switch (form) {
    case KernelForm::tile: return "images";
    case KernelForm::once: return "once";
    case KernelForm::flat: return "flat";
    case KernelForm::rows: return "rows";
    case KernelForm::columns: return "columns";
  }
  return "";
}

std::string Graph::unique_name(const std::string& hint) {
  if (names_.empty())
    for (const auto& value : values) names_[value.name] = 0;
  // Only what the text form takes as a name.
  std::string base;
  for (char c : hint) base += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '/' || c == '-' ? c : '_';
  auto unique = base.empty() ? "v" : base;
  if (base.empty() || names_.contains(unique)) {
    base = unique;
    do unique = base + "_" + std::to_string(++names_[base]);
    while (names_.contains(unique));
  }
  names_[unique] = 0;
  return unique;
}

ValueId Graph::add_value(Type type, const std::string& hint) {
  values.push_back({std::move(type), unique_name(hint)});
  return static_cast<ValueId>(values.size() - 1);
}

void Graph::rename(ValueId value, const std::string& hint) { values[value].name = unique_name(hint); }

void Graph::replace_uses(ValueId from, ValueId to) {
  for (auto& op : ops) std::replace(op.operands.begin(), op.operands.end(), from, to);
}

std::vector<std::vector<std::int32_t>> Graph::users() const {
  std::vector<std::vector<std::int32_t>> users(values.size());
  for (std::size_t i = 0; i < ops.size(); ++i)
    for (auto operand : ops[i].operands)
      if (users[operand].empty() || users[operand].back() != static_cast<std::int32_t>(i))
        users[operand].push_back(static_cast<std::int32_t>(i));
  return users;
}

std::vector<std::int32_t> Graph::definers() const {
  std::vector<std::int32_t> definers(values.size(), -1);
  for (std::size_t i = 0; i < ops.size(); ++i)
    for (auto result : ops[i].results) definers[result] = static_cast<std::int32_t>(i);
  return definers;
}

OpView Graph::view(const Op& op, std::vector<Type>& scratch) const {
  scratch.clear();
  for (auto operand : op.operands) scratch.push_back(type(operand));
  return {scratch, op.attributes, op.body.get()};
}

namespace {

std::vector<Type> result_types(const Graph& graph, const Op& op) {
  std::vector<Type> types;
  for (auto result : op.results) types.push_back(graph.type(result));
  return types;
}

}  // namespace

std::int64_t Graph::flops(const Op& op) const {
  if (is_contraction(op.kind)) return 2 * iteration(op).multiply_adds();
  const auto& def = definition(op.kind);
  if (def.flops == nullptr) return 0;
  std::vector<Type> operands;
  return def.flops(view(op, operands), result_types(*this, op));
}

Iteration Graph::iteration(const Op& op) const {
  std::vector<Type> operands;
  return definition(op.kind).iteration(view(op, operands), result_types(*this, op));
}

const Target& Graph::target_or_default() const {
  static const Target avx512;
  return target ? *target : avx512;
}

const Op* Graph::find(OpKind kind, const std::string& wanted) const {
  for (const auto& op : ops)
    if (op.kind == kind && op.attributes.has("name") && op.attributes.text("name") == wanted) return &op;
  return nullptr;
}

ValueId storage_of(const Graph& graph, const std::vector<std::int32_t>& definers, ValueId value) {
  while (graph.ops[definers[value]].kind == OpKind::reshape) value = graph.ops[definers[value]].operands[0];
  return value;
}

int phase_count(const Graph& graph) {
  int count = 0;
  for (const auto& kernel : graph.kernels) count = std::max(count, kernel.phase + 1);
  return count;
}

bool sums_over_batch(const Graph& graph, const Op& op) {
  if (op.results.empty() || definition(op.kind).whole_batch) return false;
  auto batched = [&](ValueId value) { return graph.type(value).batched(); };
  return std::any_of(op.operands.begin(), op.operands.end(), batched) && std::none_of(op.results.begin(), op.results.end(), batched);
}

std::vector<std::pair<std::int32_t, std::int32_t>> reads_before_updates(const Graph& graph) {
  auto definers = graph.definers();
  std::map<ValueId, std::int32_t> writers;
  for (const auto& op : graph.ops)
    if (op.kind == OpKind::update) writers[op.operands[0]] = definers[storage_of(graph, definers, op.operands[1])];
  std::vector<std::pair<std::int32_t, std::int32_t>> pairs;
  for (std::int32_t reader = 0; reader < static_cast<std::int32_t>(graph.ops.size()); ++reader) {
    const auto& op = graph.ops[reader];
    if (op.kind == OpKind::update || op.kind == OpKind::reshape) continue;
    for (auto operand : op.operands)
      if (auto writer = writers.find(storage_of(graph, definers, operand)); writer != writers.end() && writer->second != reader)
        pairs.emplace_back(reader, writer->second);
  }
  return pairs;
}

std::vector<ValueId> Builder::emit_all(OpKind kind, std::vector<ValueId> operands, Attributes attributes, const std::string& hint,
                                       std::shared_ptr<const Graph> body) {
  Op op{.kind = kind,
        .operands = std::move(operands),
        .attributes = std::move(attributes),
        .loc = loc,
        .stage = stage,
        .body = std::move(body)};
  std::vector<Type> types;
  auto seen = graph_.view(op, types);
  const auto& def = definition(kind);
  check(def.infer != nullptr, "emit of an op that states its type");
  for (auto& type : def.infer(seen)) op.results.push_back(graph_.add_value(std::move(type), hint));
  graph_.ops.push_back(op);
  return op.results;
}

ValueId Builder::emit(OpKind kind, std::vector<ValueId> operands, Attributes attributes, const std::string& hint) {
  auto results = emit_all(kind, std::move(operands), std::move(attributes), hint);
  return results.empty() ? -1 : results.front();
}

ValueId Builder::emit_typed(OpKind kind, Type type, Attributes attributes, const std::string& hint) {
  check(definition(kind).states_its_type, "emit_typed of an op with a shape rule");
  Op op{.kind = kind, .attributes = std::move(attributes), .loc = loc, .stage = stage};
  op.results.push_back(graph_.add_value(std::move(type), hint));
  graph_.ops.push_back(op);
  return op.result();
}

ValueId Builder::constant(double value, Type type) { return emit_typed(OpKind::constant, std::move(type), {{"value", value}}, "c"); }

}  // namespace gradc
