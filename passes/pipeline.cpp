#include "passes/pipeline.h"

#include <chrono>

#include "ir/verify.h"
#include "passes/commute_pool.h"
#include "passes/decompose.h"
#include "passes/differentiate.h"
#include "passes/fuse.h"
#include "passes/partition.h"
#include "passes/shard.h"
#include "passes/simplify.h"
#include "support/error.h"

namespace gradc {
namespace {

void simplify(Graph& graph) {
  fold_constants(graph);
  canonicalize(graph);
  eliminate_common_subexpressions(graph);
}

}  // namespace

std::vector<Pass> reference_pipeline(const PipelineOptions& options) {
  std::vector<Pass> passes = {{"canonicalize", "algebraic identities, reshapes of reshapes", simplify}};
  if (options.train) {
    passes.push_back({"differentiate", "add the gradient of the loss for every trainable param", differentiate});
    passes.push_back({"update", "add the optimizer's updates", options.update});
    passes.push_back({"simplify", "fold constants, canonicalize, share common subexpressions, drop dead ops", simplify});
  }
  return passes;
}

std::vector<Pass> pipeline(const PipelineOptions& options) {
  auto passes = reference_pipeline(options);
  if (options.fuse)
    passes.insert(passes.begin() + 1,
                  {"commute_pool", "pool before bias and relu, which are monotone: a quarter of the work for 2x2", commute_pool});
  passes.push_back({"decompose", "batch statistics as sums over the batch", decompose});
  passes.push_back({"shard", "mask padding in sums over the batch, and reduce partial sums where they are needed whole", shard});
  passes.push_back({"fuse", "group ops into kernels", [fuse_ops = options.fuse](Graph& graph) { fuse(graph, {.fuse = fuse_ops}); }});
  passes.push_back({"partition", "cut the step into phases, each a loop over tiles of the batch",
                    [fused = options.fuse](Graph& graph) { partition(graph, {.kernel_by_kernel = !fused}); }});
  return passes;
}

void run_passes(Graph& graph, std::span<const Pass> passes, const PassObserver& observer) {
  for (const auto& pass : passes) {
    auto start = std::chrono::steady_clock::now();
    pass.run(graph);
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (observer.verify) try {
        verify(graph);
      } catch (const InternalError& error) {
        throw InternalError("after pass " + pass.name + ": " + error.what());
      }
    if (observer.after) observer.after(pass, graph, took.count());
  }
}

}  // namespace gradc
