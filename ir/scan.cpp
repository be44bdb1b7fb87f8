#include "ir/scan.h"

#include <algorithm>

#include "gradc/error.h"
#include "ir/roles.h"

namespace gradc {
namespace {

/// The values of ops of a kind by their numbers, `get(op)` each.
template <class Get>
std::vector<ValueId> numbered(const Graph& body, OpKind kind, Get get) {
  std::vector<std::pair<std::int64_t, ValueId>> found;
  for (const auto& op : body.ops)
    if (op.kind == kind) found.emplace_back(op.attributes.integer_or("number", 0), get(op));
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<ValueId> values;
  for (const auto& [number, value] : found) {
    if (number != static_cast<std::int64_t>(values.size()))
      throw Error("the body has no {} of number {}, or has two", name_of(kind), values.size());
    values.push_back(value);
  }
  return values;
}

Attributes numbered_name(const std::string& name, std::size_t number) {
  return {{"name", name}, {"number", static_cast<std::int64_t>(number)}};
}

}  // namespace

std::vector<ValueId> inputs_of_body(const Graph& body) {
  return numbered(body, OpKind::input, [](const Op& op) { return op.result(); });
}

std::vector<ValueId> outputs_of_body(const Graph& body) {
  return numbered(body, OpKind::output, [](const Op& op) { return op.operands[0]; });
}

ScanParts::ScanParts(const Op& op)
    : body(*op.body),
      steps(op.attributes.integer("steps")),
      reverse(op.attributes.integer_or("reverse", 0) != 0),
      carries(static_cast<std::size_t>(op.attributes.integer("carries"))),
      scanned(static_cast<std::size_t>(op.attributes.integer("scanned"))),
      inputs(inputs_of_body(body)),
      outputs(outputs_of_body(body)) {}

Type stacked_type(const Type& step, std::int64_t steps) {
  auto type = step;
  type.dims.insert(type.dims.begin() + 1, steps);
  return type;
}

Type step_type(const Type& stacked) {
  auto type = stacked;
  type.dims.erase(type.dims.begin() + 1);
  return type;
}

ValueId add_body_input(Builder& body, Type type, const std::string& name) {
  return body.emit_typed(OpKind::input, std::move(type), numbered_name(name, inputs_of_body(body.graph()).size()), name);
}

ScanBuilder::ScanBuilder(Builder& outside, std::int64_t steps, bool reverse)
    : outside(outside), graph(std::make_shared<Graph>()), body(*graph), steps_(steps), reverse_(reverse) {
  graph->name = "body";
  body.loc = outside.loc;
  body.stage = outside.stage;
}

ValueId ScanBuilder::input(ValueId operand, Type type, const std::string& name) {
  operands_.push_back(operand);
  return add_body_input(body, std::move(type), name);
}

ValueId ScanBuilder::carry(ValueId first, const std::string& name) {
  ++carries_;
  return input(first, outside.type(first), name);
}

ValueId ScanBuilder::scan(ValueId stack, const std::string& name) {
  const auto place = carries_ + scanned_++;
  const auto step = input(stack, step_type(outside.type(stack)), name);
  // Constants that the body has already stay behind.
  std::rotate(operands_.begin() + place, operands_.end() - 1, operands_.end());
  auto& ops = graph->ops;
  auto behind = ops.begin();
  for (std::int64_t inputs = 0; behind->kind != OpKind::input || inputs++ < place;) ++behind;
  if (std::next(behind) != ops.end()) std::rotate(behind, ops.end() - 1, ops.end());
  return step;
}

ValueId ScanBuilder::constant(ValueId value) {
  auto [found, is_new] = constants_.try_emplace(value, -1);
  if (is_new) found->second = input(value, outside.type(value), outside.graph().values[value].name);
  return found->second;
}

std::vector<ValueId> ScanBuilder::finish(const std::string& hint) {
  Attributes attributes = {{"carries", carries_}, {"scanned", scanned_}, {"steps", steps_}};
  if (reverse_) attributes.set("reverse", std::int64_t{1});
  return outside.emit_all(OpKind::scan, operands_, attributes, hint, graph);
}

void add_body_output(Builder& body, ValueId value, const std::string& name) {
  body.emit(OpKind::output, {value}, numbered_name(name, outputs_of_body(body.graph()).size()));
}

}  // namespace gradc
