// Ops that move values without computing: reshape, transpose, broadcast, pad, slice, concat, reverse; and random_uniform and iota, which
// make them.
#include <algorithm>
#include <numeric>

#include "ir/ops/define.h"

namespace gradc {
namespace {

void expect_fixed_batch(const Type& x, const Ints& dims) {
  bool batched = !dims.empty() && dims.front() == kBatch;
  if (batched != x.batched()) throw Error("the batch dimension of {} must stay first", to_string(x));
  for (std::size_t i = 0; i < dims.size(); ++i)
    if (dims[i] < 1 && !(i == 0 && batched)) throw Error("dimensions are at least 1");
}

std::vector<Type> infer_reshape(const OpView& op) {
  Type result{op.operands[0].dtype, op.attributes.ints("dims")};
  expect_fixed_batch(op.operands[0], result.dims);
  if (result.elements() != op.operands[0].elements()) throw Error("{} cannot become {}", to_string(op.operands[0]), to_string(result));
  return {result};
}

std::vector<Type> infer_transpose(const OpView& op) {
  const auto& x = op.operands[0];
  const auto& permutation = op.attributes.ints("permutation");
  auto sorted = permutation;
  std::sort(sorted.begin(), sorted.end());
  Ints identity(x.rank());
  std::iota(identity.begin(), identity.end(), 0);
  if (sorted != identity) throw Error("permutation holds each of the {} dimensions once", x.rank());
  if (x.batched() && permutation[0] != 0) throw Error("the batch dimension of {} must stay first", to_string(x));
  Type result{x.dtype, {}};
  for (auto from : permutation) result.dims.push_back(x.dims[from]);
  return {result};
}

std::vector<Type> infer_broadcast(const OpView& op) {
  Type result{op.operands[0].dtype, op.attributes.ints("dims")};
  Type both[] = {op.operands[0], result};
  if (broadcast_types(both).dims != result.dims) throw Error("{} does not broadcast to {}", to_string(op.operands[0]), to_string(result));
  return {result};
}

std::vector<Type> infer_pad(const OpView& op) {
  expect_f32(op);
  auto result = op.operands[0];
  const auto &before = op.attributes.ints("before"), &after = op.attributes.ints("after");
  if (before.size() != result.dims.size() || after.size() != result.dims.size())
    throw Error("before and after have {} numbers", result.rank());
  for (int i = 0; i < result.rank(); ++i) {
    if (before[i] < 0 || after[i] < 0) throw Error("padding is not negative");
    if (result.dims[i] == kBatch) {
      if (before[i] != 0 || after[i] != 0) throw Error("the batch is not padded");
    } else {
      result.dims[i] += before[i] + after[i];
    }
  }
  return {result};
}

std::vector<Type> infer_slice(const OpView& op) {
  auto result = op.operands[0];
  const auto &begin = op.attributes.ints("begin"), &size = op.attributes.ints("size");
  if (begin.size() != result.dims.size() || size.size() != result.dims.size()) throw Error("begin and size have {} numbers", result.rank());
  for (int i = 0; i < result.rank(); ++i) {
    auto& dim = result.dims[i];
    if (dim == kBatch ? begin[i] != 0 || size[i] != kBatch : begin[i] < 0 || size[i] < 1 || begin[i] + size[i] > dim)
      throw Error("begin {} with size {} does not fit dimension {} of {}", begin[i], size[i], i, to_string(op.operands[0]));
    dim = size[i];
  }
  return {result};
}

std::vector<Type> infer_concat(const OpView& op) {
  expect_f32(op);
  auto result = op.operands[0];
  auto axis = op.attributes.integer("axis");
  if (axis < 0 || axis >= result.rank() || result.dims[axis] == kBatch)
    throw Error("axis {} of {} cannot be joined", axis, to_string(result));
  for (const auto& other : op.operands.subspan(1)) {
    auto expected = result.dims, got = other.dims;
    if (got.size() != expected.size()) throw Error("{} and {} have different ranks", to_string(result), to_string(other));
    expected[axis] = got[axis] = 0;
    if (expected != got) throw Error("{} and {} differ outside axis {}", to_string(op.operands[0]), to_string(other), axis);
    result.dims[axis] += other.dims[axis];
  }
  return {result};
}

std::vector<Type> infer_reverse(const OpView& op) {
  const auto& x = op.operands[0];
  const auto& axes = op.attributes.ints("axes");
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (axes[i] < (x.batched() ? 1 : 0) || axes[i] >= x.rank() || (i > 0 && axes[i] <= axes[i - 1]))
      throw Error("axes rise, and are dimensions of {} but the batch", to_string(x));
  return {x};
}

std::vector<Type> infer_random(const OpView& op) {
  Type result{DType::f32, op.attributes.ints("dims")};
  if (op.operands[0] != Type{DType::i32, {}} || op.operands[1] != Type{DType::i32, {kBatch}})
    throw Error("random_uniform takes a key i32[] and image numbers i32[B], got {} and {}", to_string(op.operands[0]),
                to_string(op.operands[1]));
  expect_batched(result, "random_uniform");
  return {result};
}

std::vector<Type> infer_iota(const OpView& op) {
  const auto& dims = op.attributes.ints("dims");
  if (std::any_of(dims.begin(), dims.end(), [](std::int64_t dim) { return dim < 1; }))
    throw Error("dims are sizes from 1, without a batch, got {}", shape_string(dims));
  if (const auto axis = op.attributes.integer("axis"); axis < 0 || axis >= static_cast<std::int64_t>(dims.size()))
    throw Error("axis {} is no dimension of {}", axis, shape_string(dims));
  return {{DType::f32, dims}};
}

bool gives_zero(const std::vector<bool>& zero) {
  return std::all_of(zero.begin(), zero.end(), [](bool each) { return each; });
}

}  // namespace

OpDef define_reshape() {
  return {.summary = "the same elements in order, as `dims`",
          .operands = {"x"},
          .attributes = {{"dims", AttributeKind::ints}},
          .infer = infer_reshape,
          .fusion = FusionKind::boundary,
          .gives_zero = gives_zero};
}
OpDef define_transpose() {
  return {.summary = "dimension i of the result is dimension `permutation`[i] of x",
          .operands = {"x"},
          .attributes = {{"permutation", AttributeKind::ints}},
          .infer = infer_transpose,
          .fusion = FusionKind::movement,
          .gives_zero = gives_zero};
}
OpDef define_broadcast() {
  return {.summary = "x repeated to `dims`, as NumPy broadcasts",
          .operands = {"x"},
          .attributes = {{"dims", AttributeKind::ints}},
          .infer = infer_broadcast,
          .fusion = FusionKind::movement,
          .gives_zero = gives_zero};
}
OpDef define_pad() {
  return {.summary = "zeros `before` and `after` each dimension",
          .operands = {"x"},
          .attributes = {{"before", AttributeKind::ints}, {"after", AttributeKind::ints}},
          .infer = infer_pad,
          .fusion = FusionKind::movement,
          .gives_zero = gives_zero};
}
OpDef define_slice() {
  return {.summary = "`size` elements from `begin` on, in each dimension",
          .operands = {"x"},
          .attributes = {{"begin", AttributeKind::ints}, {"size", AttributeKind::ints}},
          .infer = infer_slice,
          .fusion = FusionKind::movement,
          .gives_zero = gives_zero};
}
OpDef define_concat() {
  return {.summary = "its operands joined along `axis`",
          .operands = {"x..."},
          .attributes = {{"axis", AttributeKind::integer}},
          .infer = infer_concat,
          .fusion = FusionKind::movement,
          .gives_zero = gives_zero};
}
OpDef define_reverse() {
  return {.summary = "x with the order along `axes` turned round",
          .operands = {"x"},
          .attributes = {{"axes", AttributeKind::ints}},
          .infer = infer_reverse,
          .fusion = FusionKind::movement,
          .gives_zero = gives_zero};
}
OpDef define_random_uniform() {
  return {.summary = "numbers in [0,1), a function of (key, image, `stream`, element) alone: the same for any tile and thread",
          .operands = {"key", "image"},
          .attributes = {{"dims", AttributeKind::ints}, {"stream", AttributeKind::integer}},
          .infer = infer_random};
}
OpDef define_iota() {
  return {.summary = "each element is its place along `axis`",
          .attributes = {{"axis", AttributeKind::integer}, {"dims", AttributeKind::ints}},
          .infer = infer_iota,
          .fusion = FusionKind::movement,
          .instructions = 1};
}

}  // namespace gradc
