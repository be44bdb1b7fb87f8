// matmul(a[B,...,M,K], b[B,...,K,N]) -> [B,...,M,N]: the product of two matrices of each image.
#include <algorithm>

#include "ir/ops/define.h"

namespace gradc {
namespace {

bool flag(const OpView& op, const char* name) { return op.attributes.integer_or(name, 0) != 0; }

struct Sizes {
  std::int64_t rows, depth, columns;
};

/// The sizes of one product; `other_depth` is the second operand's.
Sizes sizes_of(const OpView& op, std::int64_t* other_depth = nullptr) {
  auto rows = op.operands[0].dims.end()[-2], depth = op.operands[0].dims.back();
  auto below = op.operands[1].dims.end()[-2], columns = op.operands[1].dims.back();
  if (flag(op, "transpose_a")) std::swap(rows, depth);
  if (flag(op, "transpose_b")) std::swap(below, columns);
  if (other_depth != nullptr) *other_depth = below;
  return {rows, depth, columns};
}

std::vector<Type> infer(const OpView& op) {
  expect_f32(op);
  const auto &a = op.operands[0], &b = op.operands[1];
  for (const auto* type : {&a, &b}) {
    expect_batched(*type, "an operand of matmul");
    if (type->rank() < 3) throw Error("operands of matmul are matrices for each image, got {}", to_string(*type));
  }
  for (const char* name : {"transpose_a", "transpose_b"})
    if (const auto value = op.attributes.integer_or(name, 0); value != 0 && value != 1) throw Error("{} is 0 or 1, got {}", name, value);
  if (a.rank() != b.rank() || !std::equal(a.dims.begin(), a.dims.end() - 2, b.dims.begin()))
    throw Error("{} and {} differ before their last two dimensions", to_string(a), to_string(b));
  std::int64_t below = 0;
  const auto sizes = sizes_of(op, &below);
  if (sizes.depth != below)
    throw Error("the rows of {} have {} elements, the columns of {} have {}", to_string(a), sizes.depth, to_string(b), below);
  auto result = a;
  result.dims.end()[-2] = sizes.rows;
  result.dims.back() = sizes.columns;
  return {result};
}

Iteration iteration(const OpView& op, std::span<const Type> results) {
  const auto sizes = sizes_of(op);
  const auto matrices = results[0].elements() / (sizes.rows * sizes.columns);
  return {.loops = {{LoopKind::batch, 1, true, true, true},
                    {LoopKind::matrix, matrices, true, true, true},
                    {LoopKind::row, sizes.rows, true, false, true},
                    {LoopKind::depth, sizes.depth, true, true, false},
                    {LoopKind::feature, sizes.columns, false, true, true}}};
}

}  // namespace

OpDef define_matmul() {
  return {.summary =
              "the product of two matrices of each image, or of as many as there are in the dimensions before, [B,...,M,K] and "
              "[B,...,K,N], as [B,...,M,N]; an operand whose flag is 1 lies with its last two dimensions exchanged",
          .operands = {"a", "b"},
          .attributes = {{"transpose_a", AttributeKind::integer, true}, {"transpose_b", AttributeKind::integer, true}},
          .infer = infer,
          .fusion = FusionKind::contraction,
          .iteration = iteration,
          .gives_zero = [](const std::vector<bool>& operands) { return operands[0] || operands[1]; },
          .transposable = {0, 1}};
}

}  // namespace gradc
