// Sums over axes, batch statistics, argmax, and `reduce`, which makes a partial sum whole.
#include <algorithm>

#include "ir/ops/define.h"

namespace gradc {
namespace {

std::vector<Type> infer_reduce_sum(const OpView& op) {
  expect_f32(op);
  const auto& x = op.operands[0];
  const auto& axes = op.attributes.ints("axes");
  Type result{DType::f32, {}};
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (axes[i] < 0 || axes[i] >= x.rank() || (i > 0 && axes[i] <= axes[i - 1])) throw Error("axes rise from 0 to {}", x.rank() - 1);
  for (int i = 0; i < x.rank(); ++i) {
    bool reduced = std::find(axes.begin(), axes.end(), i) != axes.end();
    if (!reduced)
      result.dims.push_back(x.dims[i]);
    else if (op.attributes.integer("keep_dims") != 0)
      result.dims.push_back(1);
  }
  return {result};
}

std::vector<Type> infer_moments(const OpView& op) {
  expect_f32(op);
  const auto& x = op.operands[0];
  expect_batched(x, "the input of batch_moments");
  if (x.rank() < 2) throw Error("batch_moments needs a channel dimension, got {}", to_string(x));
  Type channels{DType::f32, {x.dims.back()}};
  return {channels, channels};
}

std::vector<Type> infer_argmax(const OpView& op) {
  expect_f32(op);
  auto x = op.operands[0];
  if (x.rank() < 1 || x.dims.back() == kBatch) throw Error("argmax needs a class dimension, got {}", to_string(x));
  x.dims.pop_back();
  return {x};
}

std::vector<Type> infer_one_hot(const OpView& op) {
  expect_f32(op);
  auto x = op.operands[0];
  if (op.attributes.integer("depth") < 1) throw Error("depth is at least 1");
  x.dims.push_back(op.attributes.integer("depth"));
  return {x};
}

std::int64_t flops(const OpView& op, std::span<const Type>) { return op.operands[0].elements(); }

}  // namespace

OpDef define_reduce_sum() {
  return {.summary = "the sum over `axes`, which stay as 1 where `keep_dims` is 1",
          .operands = {"x"},
          .attributes = {{"axes", AttributeKind::ints}, {"keep_dims", AttributeKind::integer}},
          .infer = infer_reduce_sum,
          .fusion = FusionKind::reduction,
          .flops = flops,
          .gives_zero = zero_where_first_is};
}
OpDef define_batch_moments() {
  return {.summary = "mean and variance (divided by the count) of each channel over the batch and every dimension but the last",
          .operands = {"x", "batch_size"},
          .infer = infer_moments,
          .fusion = FusionKind::reduction,
          .flops = [](const OpView& op, std::span<const Type>) { return 4 * op.operands[0].elements(); },
          .whole_batch = true};
}
OpDef define_argmax() {
  return {.summary = "the place of the largest along the last dimension, as a number; the first of equals",
          .operands = {"x"},
          .infer = infer_argmax,
          .fusion = FusionKind::reduction,
          .flops = flops};
}
OpDef define_one_hot() {
  return {.summary = "a new last dimension of `depth`: 1 at the place that x names and 0 elsewhere",
          .operands = {"x"},
          .attributes = {{"depth", AttributeKind::integer}},
          .infer = infer_one_hot};
}
OpDef define_reduce() {
  return {
      .summary =
          "the sum of a partial value over all tiles of the batch, by `scope` of \"threads\" (where none is stated) or of \"ranks\", the "
          "processes of a step: the end of a phase",
      .operands = {"x"},
      .attributes = {{"scope", AttributeKind::text, true}},
      .infer =
          [](const OpView& op) {
            if (op.operands[0].batched()) throw Error("a partial value has no batch dimension, got {}", to_string(op.operands[0]));
            if (op.attributes.has("scope") && op.attributes.text("scope") != "threads" && op.attributes.text("scope") != "ranks")
              throw Error("scope is \"threads\" or \"ranks\", not \"{}\"", op.attributes.text("scope"));
            return std::vector<Type>{op.operands[0]};
          },
      .fusion = FusionKind::reduction,
      .flops = flops};
}

}  // namespace gradc
