#include "passes/pipeline.h"

#include <chrono>

#include "ir/verify.h"
#include "passes/commute_pool.h"
#include "passes/decompose.h"
#include "passes/differentiate.h"
#include "passes/fuse.h"
#include "passes/layout.h"
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

std::span<const Pass> named_passes() {
  static const std::vector<Pass> table = {
      {"canonicalize", "algebraic identities, reshapes of reshapes, broadcasts that pointwise ops do themselves", canonicalize},
      {"fold", "compute pointwise ops of constants", fold_constants},
      {"cse", "let ops that compute the same share one result", eliminate_common_subexpressions},
      {"dce", "remove ops whose results nothing uses", eliminate_dead_code},
      {"simplify", "fold, canonicalize, cse, dce", simplify},
      {"commute_pool", "pool before bias and relu, which are monotone: a quarter of their work for 2x2", commute_pool},
      {"differentiate", "add the gradient of output \"loss\" for every trainable param", differentiate},
      {"decompose", "batch statistics as sums over the batch", decompose},
      {"layout", "choose whether images or features are the lanes of vectors", [](Graph& graph) { choose_layout(graph, {}); }},
      {"shard", "mask padding in sums over the batch, and reduce partial sums where they are needed whole", shard},
      {"fuse", "group ops into kernels", [](Graph& graph) { fuse(graph); }},
      {"no_fuse", "make each op a kernel of its own", [](Graph& graph) { fuse(graph, {.fuse = false}); }},
      {"partition", "cut the step into phases, each a loop over tiles of the batch", [](Graph& graph) { partition(graph); }},
      {"kernel_by_kernel", "give each kernel a phase of its own", [](Graph& graph) { partition(graph, {.kernel_by_kernel = true}); }},
  };
  return table;
}

namespace {

const Pass& named(const char* name) {
  for (const auto& pass : named_passes())
    if (pass.name == name) return pass;
  throw InternalError(std::string("there is no pass ") + name);
}

/// The pass of this name with what it is told of the machine.
Pass for_machine(Pass pass, const Machine& machine) {
  if (pass.name == "layout") pass.run = [machine](Graph& graph) { choose_layout(graph, machine); };
  if (pass.name == "partition") pass.run = [machine](Graph& graph) { partition(graph, {.machine = machine}); };
  if (pass.name == "kernel_by_kernel")
    pass.run = [machine](Graph& graph) { partition(graph, {.kernel_by_kernel = true, .machine = machine}); };
  return pass;
}

}  // namespace

std::vector<Pass> reference_pipeline(const PipelineOptions& options) {
  std::vector<Pass> passes = {named("canonicalize")};
  if (options.train) {
    passes.push_back(named("differentiate"));
    passes.push_back({"update", "add the optimizer's updates", options.update});
  }
  passes.push_back(named("simplify"));
  return passes;
}

std::vector<Pass> pipeline(const PipelineOptions& options) {
  auto passes = reference_pipeline(options);
  if (options.fuse) passes.insert(passes.begin() + 1, named("commute_pool"));
  passes.push_back(named("decompose"));
  for (const char* name : {"layout", "shard", options.fuse ? "fuse" : "no_fuse", options.fuse ? "partition" : "kernel_by_kernel"})
    passes.push_back(for_machine(named(name), options.machine));
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
