#include "passes/block.h"

#include "ir/kernel_form.h"
#include "target/cost.h"
#include "target/target.h"

namespace gradc {
namespace {

/// Some dozens of rows that divide all of them evenly; all where that cannot be.
std::int64_t rows_of_block(std::int64_t rows) {
  for (std::int64_t block = cost::kRowsOfBlock; block >= 8; block -= 8)
    if (rows % block == 0) return block;
  for (std::int64_t block = cost::kRowsOfBlock; block >= 4; --block)
    if (rows % block == 0) return block;
  return rows;
}

/// Whole cache lines of a table's rows, more of them where there are blocks enough; all columns where that cannot be.
std::int64_t columns_of_block(std::int64_t columns) {
  constexpr auto kLine = static_cast<std::int64_t>(kLineBytes / sizeof(float));
  for (std::int64_t block = cost::kLinesOfBlock * kLine; block > kLine; block /= 2)
    if (columns % block == 0 && columns / block >= cost::kBlocksOfColumns) return block;
  return columns % kLine == 0 ? kLine : columns;
}

}  // namespace

void block(Graph& graph) {
  const auto ops = ops_of_kernels(graph);
  for (std::size_t k = 0; k < ops.size(); ++k) {
    auto& kernel = graph.kernels[k];
    if (kernel.tiled()) continue;
    if (const auto rows = gradient_rows(graph, ops[k]); rows > 0) {
      kernel.form = KernelForm::rows;
      kernel.size = rows_can_be_cut(graph, ops[k]) ? rows_of_block(rows) : rows;
    } else if (const auto columns = table_columns(graph, ops[k]); columns > 0) {
      kernel.form = KernelForm::columns;
      kernel.size = columns_of_block(columns);
    } else if (can_be_flat(graph, ops[k])) {
      kernel.form = KernelForm::flat;
      kernel.size = kFlatBlock;
    }
  }
}

}  // namespace gradc
