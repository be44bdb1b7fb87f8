#include "passes/pipeline.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/ranges.h>

#include "gradc/error.h"
#include "passes/block.h"
#include "passes/commute_pool.h"
#include "passes/decompose.h"
#include "passes/differentiate.h"
#include "passes/factor_sums.h"
#include "passes/fuse.h"
#include "passes/hoist.h"
#include "passes/layout.h"
#include "passes/pack.h"
#include "passes/partition.h"
#include "passes/rematerialize.h"
#include "passes/shard.h"
#include "passes/simplify.h"
#include "passes/sparse_update.h"

namespace gradc {
namespace {

/// A pass that needs nothing but the graph.
template <auto function>
void run(Graph& graph, const PassContext&) {
  function(graph);
}

Workload workload_of(const PassContext& context) { return context.workload.value_or(Workload{}); }

void run_layout(Graph& graph, const PassContext& context) { choose_layout(graph, workload_of(context)); }
void run_fuse(Graph& graph, const PassContext& context) { fuse(graph, {.workload = workload_of(context)}); }
void run_no_fuse(Graph& graph, const PassContext& context) { fuse(graph, {.fuse = false, .workload = workload_of(context)}); }
void run_partition(Graph& graph, const PassContext& context) { partition(graph, {.workload = workload_of(context)}); }
void run_kernel_by_kernel(Graph& graph, const PassContext& context) {
  partition(graph, {.kernel_by_kernel = true, .workload = workload_of(context)});
}

void run_update(Graph& graph, const PassContext& context) { context.update(graph); }

/// The pipelines that a pass is part of.
enum class In : std::uint8_t { all, training, kernels, fused, unfused, none };

struct Row {
  Pass pass;
  In in;
};

/// Every pass, those of the pipeline in its order.
const std::vector<Row>& rows() {
  using enum Pass::Graphs;
  using enum Pass::Asks;
  using enum Pass::Need;
  static const std::vector<Row> table = {
      {{"canonicalize", "algebraic identities, reshapes of reshapes, broadcasts that pointwise ops do themselves", run<canonicalize>, any,
        nothing, optional},
       In::all},
      {{"commute_pool", "pool before bias and relu, which are monotone: a quarter of their work for 2x2", run<commute_pool>, ops, nothing,
        optional},
       In::fused},
      {{"hoist", "move out of loops what does not depend on their carries", run<hoist>, ops}, In::all},
      {{"differentiate", "add the gradient of output \"loss\" for every trainable param", run<differentiate>, ops}, In::training},
      {{"update", "add the optimizer's updates", run_update, ops, optimizer}, In::training},
      {{"simplify", "fold, canonicalize, cse, dce", run<simplify>, any, nothing, optional}, In::all},
      {{"sparse_update", "add to a table's rows alone where an update adds a multiple of their gradient", run<sparse_update>, ops, nothing,
        optional},
       In::training},
      {{"decompose", "batch statistics as sums over the batch", run<decompose>, ops}, In::kernels},
      {{"factor_sums", "take factors out of sums over the batch where sums then become the same", run<factor_sums>, ops, nothing, optional},
       In::kernels},
      {{"layout", "choose whether images or features are the lanes of vectors", run_layout, any, workload, optional}, In::kernels},
      {{"pack", "lay weights of dense layers in blocks of outputs where they are read often", run<pack>, any, nothing, optional},
       In::kernels},
      {{"shard", "mask padding in sums over the batch, and reduce partial sums where they are needed whole", run<shard>, ops}, In::kernels},
      {{"fuse", "group ops into kernels", run_fuse, any, workload, optional}, In::fused},
      {{"rematerialize", "compute again in a kernel what another would have to write for it", run<rematerialize>, kernels, nothing,
        optional},
       In::fused},
      {{"partition", "cut the step into phases, each a loop over tiles of the batch", run_partition, kernels, workload}, In::fused},
      {{"no_fuse", "make each op a kernel of its own", run_no_fuse, any, workload}, In::unfused},
      {{"kernel_by_kernel", "give each kernel a phase of its own", run_kernel_by_kernel, kernels, workload}, In::unfused},
      {{"block", "cut the work of kernels that run once a step into blocks, which threads share", run<block>, kernels}, In::kernels},
      {{"fold", "compute pointwise ops of constants", run<fold_constants>}, In::none},
      {{"cse", "let ops that compute the same share one result", run<eliminate_common_subexpressions>}, In::none},
      {{"dce", "remove ops whose results nothing uses", run<eliminate_dead_code>}, In::none},
      {{"trigger_crash", "abort, for tests of what happens then", [](Graph&, const PassContext&) { std::abort(); }}, In::none},
      {{"trigger_invalid", "use a value before it is defined, for tests of the verifier",
        [](Graph& graph, const PassContext&) { std::reverse(graph.ops.begin(), graph.ops.end()); }},
       In::none},
  };
  return table;
}

bool is_in(In in, const PipelineOptions& options, bool fuse) {
  switch (in) {
    case In::all: return true;
    case In::training: return options.train;
    case In::kernels: return options.kernels;
    case In::fused: return options.kernels && fuse;
    case In::unfused: return options.kernels && !fuse;
    case In::none: break;
  }
  return false;
}

}  // namespace

std::span<const Pass> named_passes() {
  static const std::vector<Pass> passes = [] {
    std::vector<Pass> all;
    for (const auto& row : rows())
      if (row.pass.asks != Pass::Asks::optimizer) all.push_back(row.pass);
    return all;
  }();
  return passes;
}

std::vector<std::string> optional_passes() {
  std::vector<std::string> names;
  for (const auto& row : rows())
    if (row.pass.need == Pass::Need::optional) names.push_back(row.pass.name);
  return names;
}

std::vector<Pass> pipeline(const PipelineOptions& options) {
  auto disabled = [&](const std::string& name) {
    return std::find(options.disable.begin(), options.disable.end(), name) != options.disable.end();
  };
  for (const auto& name : options.disable)
    if (pass_named(name, named_passes()).need == Pass::Need::required)
      throw Error("pass {} cannot be left out; those that can are {}", name, fmt::join(optional_passes(), ", "));
  const bool fuse = options.fuse && !disabled("fuse");
  std::vector<Pass> passes;
  for (const auto& row : rows()) {
    if (!is_in(row.in, options, fuse) || disabled(row.pass.name)) continue;
    passes.push_back(row.pass);
    passes.back().context = options.context;
  }
  return passes;
}

}  // namespace gradc
