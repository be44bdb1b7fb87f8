#include "passes/block.h"

#include "ir/kernel_form.h"
#include "target/cost.h"

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

}  // namespace

void block(Graph& graph) {
  const auto ops = ops_of_kernels(graph);
  for (std::size_t k = 0; k < ops.size(); ++k) {
    auto& kernel = graph.kernels[k];
    if (kernel.tiled()) continue;
    if (const auto rows = gradient_rows(graph, ops[k]); rows > 0) {
      kernel.form = KernelForm::rows;
      kernel.size = rows_can_be_cut(graph, ops[k]) ? rows_of_block(rows) : rows;
    } else if (can_be_flat(graph, ops[k])) {
      kernel.form = KernelForm::flat;
      kernel.size = kFlatBlock;
    }
  }
}

}  // namespace gradc
