// gather(table[V,d...], indices[B,...]) -> [B,...,d...], its gradient, and what adds a gradient to a table in place.
#include <algorithm>

#include "ir/ops/define.h"

namespace gradc {
namespace {

/// Whole numbers up to here are numbers of f32.
constexpr std::int64_t kMostF32Rows = std::int64_t{1} << 24;

void expect_rows(const Type& indices, std::int64_t rows) {
  if (indices.dtype == DType::f32 && rows > kMostF32Rows)
    throw Error("indices of f32 tell no more than {} rows apart, and the table has {}", kMostF32Rows, rows);
}

void expect_table(const Type& table) {
  if (table.dtype != DType::f32) throw Error("a table is f32, got {}", to_string(table));
  if (table.rank() < 1 || table.batched()) throw Error("a table has rows and no batch, got {}", to_string(table));
}

std::vector<Type> infer_gather(const OpView& op) {
  const auto &table = op.operands[0], &indices = op.operands[1];
  expect_table(table);
  expect_batched(indices, "what numbers the rows of gather");
  expect_rows(indices, table.dims[0]);
  Type result{DType::f32, indices.dims};
  result.dims.insert(result.dims.end(), table.dims.begin() + 1, table.dims.end());
  return {result};
}

/// The table to whose `rows` rows values are added, one for each index.
Type table_of_sums(const Type& indices, const Type& values, std::int64_t rows) {
  if (rows < 1) throw Error("rows is at least 1, got {}", rows);
  expect_batched(indices, "what numbers the rows of a table");
  expect_rows(indices, rows);
  if (values.dtype != DType::f32 || values.rank() < indices.rank() ||
      !std::equal(indices.dims.begin(), indices.dims.end(), values.dims.begin()))
    throw Error("a gradient of f32 begins with the dimensions of its indices, got {} and {}", to_string(indices), to_string(values));
  Type result{DType::f32, {rows}};
  result.dims.insert(result.dims.end(), values.dims.begin() + indices.rank(), values.dims.end());
  return result;
}

std::vector<Type> infer_gather_grad(const OpView& op) {
  return {table_of_sums(op.operands[0], op.operands[1], op.attributes.integer("rows"))};
}

std::vector<Type> infer_scatter_add(const OpView& op) {
  const auto& table = op.operands[0];
  expect_table(table);
  auto result = table_of_sums(op.operands[1], op.operands[2], table.dims[0]);
  if (result != table) throw Error("rows like those of {} are added to a table, which is {}", to_string(result), to_string(table));
  return {result};
}

}  // namespace

OpDef define_gather() {
  return {.summary =
              "the rows of a table [V,d...] that indices [B,...] number, as [B,...,d...]; an index is cut to a whole number, and stands "
              "for the nearest row where there is none of it",
          .operands = {"table", "indices"},
          .infer = infer_gather,
          .rows = RowUse::reads};
}
OpDef define_gather_grad() {
  return {.summary = "the gradient of gather with respect to its table of `rows` rows: sums over the whole batch at once",
          .operands = {"indices", "dy"},
          .attributes = {{"rows", AttributeKind::integer}},
          .infer = infer_gather_grad,
          .flops = [](const OpView& op, std::span<const Type>) { return op.operands[1].elements(); },
          .gives_zero = [](const std::vector<bool>& operands) { return operands[1]; },
          .rows = RowUse::adds,
          .whole_batch = true};
}
OpDef define_scatter_add() {
  return {.summary =
              "a param's table, to whose rows that indices number values are added, over the whole batch at once: what updates the param, "
              "in its place",
          .operands = {"table", "indices", "values"},
          .infer = infer_scatter_add,
          .flops = [](const OpView& op, std::span<const Type>) { return op.operands[2].elements(); },
          .gives_zero = [](const std::vector<bool>& operands) { return operands[2]; },
          .rows = RowUse::adds,
          .whole_batch = true};
}

}  // namespace gradc
