#include "passes/pack.h"

#include <algorithm>
#include <map>

#include "ir/dense_kernel.h"
#include "ir/scan.h"
#include "passes/layout.h"
#include "passes/rewriter.h"
#include "target/cost.h"
#include "target/register_tile.h"

namespace gradc {
namespace {

/// The outputs of a block of a kernel, or 0 for a kernel to be left as it is.
std::int64_t block_of(const Graph& graph, const Type& type) {
  const DenseKernel kernel(type);
  const auto block = line_of_outputs(kernel.outputs, graph.target_or_default());
  // Blocks of part of a line bring it several times.
  const bool pays = has_wide_rows(kernel.outputs) || block * size_of(type.dtype) < kLineBytes;
  return !kernel.in_blocks && pays ? block : 0;
}

class Packer {
 public:
  explicit Packer(Graph& graph) : graph_(graph), rewriter_(graph) {}

  void run() {
    for (const auto& old : rewriter_.old_ops()) {
      auto op = old;
      rewriter_.b.stand_at(op);
      if (op.body)
        pack_constants(op);
      else if (reads_dense_kernel(graph_, op) && graph_.iteration(op).extent(LoopKind::row) >= cost::kReadsOfPackedWeights)
        op.operands[1] = packed(op.operands[1], block_of(graph_, graph_.type(op.operands[1])));
      rewriter_.keep(op);
    }
  }

 private:
  /// The constants of a loop that its body reads as kernels alone.
  void pack_constants(Op& loop) {
    const ScanParts parts(loop);
    if (parts.steps < cost::kReadsOfPackedWeights) return;
    for (std::size_t i = parts.carries + parts.scanned; i < parts.inputs.size(); ++i) {
      const auto input = parts.inputs[i];
      std::int64_t block = 0;
      bool only_kernel = true;
      for (const auto& op : parts.body.ops)
        for (std::size_t operand = 0; operand < op.operands.size(); ++operand) {
          if (op.operands[operand] != input) continue;
          if (operand == 1 && reads_dense_kernel(parts.body, op))
            block = block_of(graph_, parts.body.type(input));
          else
            only_kernel = false;
        }
      if (block == 0 || !only_kernel) continue;
      loop.operands[i] = packed(loop.operands[i], block);
      const auto type = graph_.type(loop.operands[i]);
      edit_body(loop, [&](Graph& body) { body.values[input].type = type; });
    }
  }

  /// A kernel in blocks, which stands at the first op that reads it.
  ValueId packed(ValueId kernel, std::int64_t block) {
    if (block == 0) return kernel;
    auto [found, is_new] = packed_.try_emplace(kernel, -1);
    if (!is_new) return found->second;
    auto& b = rewriter_.b;
    const DenseKernel sides(graph_.type(kernel));
    const auto rows = b.emit(OpKind::reshape, {kernel}, {{"dims", Ints{sides.inputs, sides.outputs / block, block}}});
    return found->second = b.emit(OpKind::transpose, {rows}, {{"permutation", Ints{1, 0, 2}}}, graph_.values[kernel].name + "/packed");
  }

  Graph& graph_;
  Rewriter rewriter_;
  std::map<ValueId, ValueId> packed_;
};

}  // namespace

void pack(Graph& graph) {
  if (graph.lanes == Lanes::batch) Packer(graph).run();
}

}  // namespace gradc
