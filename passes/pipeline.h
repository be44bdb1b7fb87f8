#pragma once
/// The compiler's passes in their order, and what runs them.

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "passes/layout.h"

namespace gradc {

struct Pass {
  std::string name;
  std::string summary;
  std::function<void(Graph&)> run;
};

struct PipelineOptions {
  bool train = true;  ///< Differentiate and update; otherwise only the forward part is compiled.
  bool fuse = true;
  Machine machine = {};
  /// Adds the optimizer's ops to a differentiated graph.
  std::function<void(Graph&)> update;
};

/// Every pass that needs nothing but the graph, by its name: those of the pipeline, and those that only run alone.
std::span<const Pass> named_passes();

/// The passes from a lowered graph to a step's kernels. The list is the compiler: see pipeline.cpp.
std::vector<Pass> pipeline(const PipelineOptions& options);

/// Those of them after which the graph is still plain ops without kernels: what the reference backend runs.
std::vector<Pass> reference_pipeline(const PipelineOptions& options);

struct PassObserver {
  /// Called after each pass with the seconds it took.
  std::function<void(const Pass&, const Graph&, double seconds)> after;
  bool verify = true;  ///< Verify the graph after each pass.
};

void run_passes(Graph& graph, std::span<const Pass> passes, const PassObserver& observer = {});

}  // namespace gradc
