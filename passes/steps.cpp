#include "passes/steps.h"

#include <algorithm>

#include "ir/scan.h"

namespace gradc {
namespace {

/// Whether it takes any number of vectors of an image for rows, as a dense layer does.
bool takes_rows(const Graph& body, const Op& op) {
  return is_contraction(op.kind) && !definition(op.kind).whole_batch && !body.iteration(op).is_convolution();
}

/// Whether it is a convolution that has room for the steps as one dimension more, along which its kernel has one pixel.
bool takes_planes(const Graph& body, const Op& op) {
  if (!is_contraction(op.kind) || definition(op.kind).whole_batch) return false;
  const auto windows = body.iteration(op).windows.size();
  return windows == 1 || windows == 2;
}

/// Such a convolution. Its weights, and their gradient, have a leading dimension of 1.
ValueId emit_over_planes(Builder& b, const Graph& body, const Op& op, std::vector<ValueId> operands, std::int64_t steps) {
  auto attributes = op.attributes;
  for (const auto& [name, value] : op.attributes) {
    if (const auto* numbers = std::get_if<Ints>(&value)) {
      auto more = *numbers;
      more.insert(more.begin(), name == "input" ? steps : 1);
      attributes.set(name, more);
    }
    if (const auto* pairs = std::get_if<Pairs>(&value)) {
      auto more = *pairs;
      more.insert(more.begin(), {0, 0});
      attributes.set(name, more);
    }
  }
  for (std::size_t i = 0; i < operands.size(); ++i) {
    auto dims = body.type(op.operands[i]).dims;
    if (body.type(op.operands[i]).batched()) continue;
    dims.insert(dims.begin(), 1);
    operands[i] = b.emit(OpKind::reshape, {operands[i]}, {{"dims", dims}});
  }
  const auto& whole = body.type(op.result());
  const auto result = b.emit(op.kind, std::move(operands), attributes, body.values[op.result()].name);
  return whole.batched() ? result : b.emit(OpKind::reshape, {result}, {{"dims", whole.dims}});
}

/// Whether it sums over the batch what convolutions of three spatial dimensions read, so that there is no room for one more.
bool sums_volumes(const Graph& body, const Op& op) {
  if (!is_contraction(op.kind) || definition(op.kind).whole_batch || body.type(op.result()).batched()) return false;
  return body.iteration(op).windows.size() == 3;
}

/// The volumes of a stack, each with zeros around so that it has so many planes, one behind the other as one volume.
ValueId one_volume(Builder& b, ValueId stack, std::int64_t zeros_before, std::int64_t planes) {
  auto dims = b.type(stack).dims;
  Ints before(dims.size(), 0), after(dims.size(), 0);
  before[2] = zeros_before;
  after[2] = planes - zeros_before - dims[2];
  const auto padded = b.emit(OpKind::pad, {stack}, {{"before", before}, {"after", after}});
  dims[2] = dims[1] * planes;
  dims.erase(dims.begin() + 1);
  return b.emit(OpKind::reshape, {padded}, {{"dims", dims}});
}

/// Such a sum: the steps' volumes lie behind each other as one, with so many zeros between them that windows at which a step has a gradient
/// reach no other step's.
ValueId emit_over_volumes(Builder& b, const Graph& body, const Op& op, const std::vector<ValueId>& operands) {
  const auto window = body.iteration(op).windows[0];
  const auto covered = std::max((window.output - 1) * window.stride + window.extent(), window.before + window.input);
  const auto windows = (covered + window.stride - 1) / window.stride;
  auto attributes = op.attributes;
  auto padding = attributes.pairs("padding");
  padding[0] = {0, std::max<std::int64_t>(window.extent() - window.stride, 0)};
  attributes.set("padding", padding);
  return b.emit(op.kind, {one_volume(b, operands[0], window.before, windows * window.stride), one_volume(b, operands[1], 0, windows)},
                attributes, body.values[op.result()].name);
}

bool any_batched(const Graph& body, const std::vector<ValueId>& values) {
  return std::any_of(values.begin(), values.end(), [&](ValueId value) { return body.type(value).batched(); });
}

/// The axes of a step in a stack: the batch stays first.
Ints axes_of_stack(const Ints& axes) {
  Ints result;
  for (auto axis : axes) result.push_back(axis == 0 ? 0 : axis + 1);
  return result;
}

}  // namespace

bool works_over_steps(const Graph& body, const Op& op) {
  if (!any_batched(body, op.operands)) return true;
  return is_pointwise(op.kind) || takes_rows(body, op) || takes_planes(body, op) || sums_volumes(body, op) ||
         op.kind == OpKind::reduce_sum || op.kind == OpKind::reshape || definition(op.kind).rows != RowUse::none ||
         op.kind == OpKind::softmax;
}

ValueId over_steps(Builder& b, ValueId constant, std::int64_t steps) {
  const auto type = b.type(constant);
  if (!type.batched()) return constant;
  const auto one = b.emit(OpKind::reshape, {constant}, {{"dims", stacked_type(type, 1).dims}});
  return b.emit(OpKind::broadcast, {one}, {{"dims", stacked_type(type, steps).dims}});
}

std::optional<ValueId> emit_over_steps(Builder& b, const Graph& body, const Op& op, const std::vector<ValueId>& operands,
                                       std::int64_t steps) {
  if (!works_over_steps(body, op)) return std::nullopt;
  const auto& name = body.values[op.result()].name;
  if (!any_batched(body, op.operands)) {
    if (definition(op.kind).states_its_type) return b.emit_typed(op.kind, body.type(op.result()), op.attributes, name);
    return b.emit(op.kind, operands, op.attributes, name);
  }
  if (takes_planes(body, op)) return emit_over_planes(b, body, op, operands, steps);
  if (sums_volumes(body, op)) return emit_over_volumes(b, body, op, operands);
  auto attributes = op.attributes;
  if (op.kind == OpKind::reduce_sum) {
    auto axes = axes_of_stack(attributes.ints("axes"));
    const auto whole = body.type(op.result());
    attributes.set("axes", axes);
    if (!whole.batched()) {
      axes.insert(axes.begin() + 1, 1);
      const auto sum = b.emit(op.kind, operands, {{"axes", axes}, {"keep_dims", std::int64_t{0}}}, name);
      return b.type(sum) == whole ? sum : b.emit(OpKind::reshape, {sum}, {{"dims", whole.dims}});
    }
  }
  if (op.kind == OpKind::reshape) attributes.set("dims", stacked_type(body.type(op.result()), steps).dims);
  auto aligned = operands;
  if (is_pointwise(op.kind)) {
    // Stacks are broadcast as their steps are: those of fewer dimensions get ones behind the steps.
    int rank = 0;
    for (auto operand : op.operands) rank = std::max(rank, body.type(operand).rank());
    for (std::size_t i = 0; i < aligned.size(); ++i) {
      auto dims = b.type(aligned[i]).dims;
      if (!body.type(op.operands[i]).batched() || static_cast<int>(dims.size()) == rank + 1) continue;
      dims.insert(dims.begin() + 2, static_cast<std::size_t>(rank + 1) - dims.size(), 1);
      aligned[i] = b.emit(OpKind::reshape, {aligned[i]}, {{"dims", dims}});
    }
  }
  return b.emit(op.kind, aligned, attributes, name);
}

}  // namespace gradc
