#pragma once
/// What runs passes: by name or in a list, with verification, times and what a failure needs to be seen again.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gradc/error.h"
#include "ir/graph.h"
#include "passes/workload.h"

namespace gradc {

/// What a pass is told besides the graph.
struct PassContext {
  std::optional<Workload> workload = {};  ///< If not given, a usual one.
  /// Adds the optimizer's ops to a differentiated graph.
  std::function<void(Graph&)> update = {};
};

struct Pass {
  /// Graphs that a pass works on: any, those of plain ops, those whose ops are grouped into kernels.
  enum class Graphs { any, ops, kernels };
  /// What it asks of its context besides the graph. Passes that ask for the workload print it with their names; one that asks for an
  /// optimizer, which no text says, has no name to run it by.
  enum class Asks { nothing, workload, optimizer };
  /// Whether a step needs it, or is as right without.
  enum class Need { required, optional };

  std::string name;
  std::string summary;
  std::function<void(Graph&, const PassContext&)> run;
  Graphs works_on = Graphs::any;
  Asks asks = Asks::nothing;
  Need need = Need::required;
  PassContext context = {};
};

/// "layout{batch=1}": what parse_passes reads again.
std::string text_of(const Pass& pass);

/// The pass of this name among some. Throws gradc::Error that names those there are.
const Pass& pass_named(std::string_view name, std::span<const Pass> passes, std::span<const Pass> more = {});

/// The passes of a text like "canonicalize,layout{batch=1}". Passes that choose by the workload take options: `batch` (images of most
/// batches), `force` (images or features, as lanes) and `images` (of a tile, where features are lanes). Throws gradc::Error that names the
/// passes or options there are. `more` are passes that have a name besides those of named_passes.
std::vector<Pass> parse_passes(std::string_view text, std::span<const Pass> more = {});

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
