#pragma once
/// The compiler's passes in their order, and what runs them.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "passes/layout.h"
#include "support/error.h"

namespace gradc {

struct Pass {
  /// Graphs that a pass works on: any, those of plain ops, those whose ops are grouped into kernels.
  enum class Graphs { any, ops, kernels };

  std::string name;
  std::string summary;
  std::function<void(Graph&)> run;
  Graphs works_on = Graphs::any;
  std::string options = "";  ///< What it is told besides the graph, as "batch=1,l2=2097152", or nothing.
};

/// "layout{batch=1}": what parse_passes reads again.
std::string text_of(const Pass& pass);

struct PipelineOptions {
  bool train = true;  ///< Differentiate and update; otherwise only the forward part is compiled.
  bool fuse = true;
  Machine machine = {};
  /// Adds the optimizer's ops to a differentiated graph.
  std::function<void(Graph&)> update;
};

/// Every pass that needs nothing but the graph, by its name: those of the pipeline, and those that only run alone.
std::span<const Pass> named_passes();

/// The passes of a text like "canonicalize,layout{batch=1,lanes=8}". Passes that choose by the machine take options: `batch` (images of
/// most batches), `lanes` (f32 elements of a vector), `l2` (bytes of a core's own cache), and `force` (images or features, as lanes).
/// Throws gradc::Error that names the passes or options there are.
/// `more` are passes that have a name besides those of named_passes.
std::vector<Pass> parse_passes(std::string_view text, std::span<const Pass> more = {});

/// The passes from a lowered graph to a step's kernels. The list is the compiler: see pipeline.cpp.
std::vector<Pass> pipeline(const PipelineOptions& options);

/// Those of them after which the graph is still plain ops without kernels: what the reference backend runs.
std::vector<Pass> reference_pipeline(const PipelineOptions& options);

struct PassObserver {
  /// Called after each pass with the seconds it took.
  std::function<void(const Pass&, const Graph&, double seconds)> after;
  bool verify = true;  ///< Verify the graph after each pass.
};

/// Throws gradc::Error if a pass does not work on what the passes before it leave, and PassFailure if one fails.
void run_passes(Graph& graph, std::span<const Pass> passes, const PassObserver& observer = {});

/// The pass that run_passes is in, with the graph before it.
struct PassInFlight {
  const Graph* before = nullptr;
  const Pass* pass = nullptr;
};
/// That of this thread; without a pass if it runs none. For whoever writes down what a crash needs to happen again.
const PassInFlight& pass_in_flight();

/// A pass failed, or left a graph that does not verify.
class PassFailure : public InternalError {
 public:
  PassFailure(const std::string& what, Graph before, const Pass& pass);
  const Graph& before() const { return before_; }
  const Pass& pass() const { return pass_; }

 private:
  Graph before_;
  Pass pass_;
};

}  // namespace gradc
