#pragma once
/// From a graph to a step that can be run.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "gradc/compile_report.h"
#include "ir/graph.h"
#include "runtime/compiled_step.h"
#include "target/target.h"

namespace gradc {

struct StepOptions {
  Backend backend = Backend::jit;
  RunSettings run = {};
  bool use_cache = true;
  /// Which candidate of its register blocks every kernel's schedule takes, 0 being the one with the fewest modelled cycles. If not given,
  /// what `tune` found fastest on this machine, or else 0.
  std::optional<int> candidate = {};
  bool separate_kernels = false;  ///< Also lets each kernel be run alone.
  bool perf_map = false;          ///< Tells `perf` the names of the kernels, in /tmp/perf-PID.map.
  bool debugger = false;          ///< Tells gdb the names of the kernels.
  /// Called with a line about what could not be done as asked.
  std::function<void(const std::string&)> warn = {};
};

/// The target that the environment's GRADC_TARGET names, as read_target reads it; else this machine. Throws gradc::Error for what is none;
/// not within a braced list of members, where GCC 12 then destroys those that it has not made.
Target chosen_target();

/// Compiles a graph: for Backend::jit one that partition has run on; for Backend::reference any. The step reads and updates `params` in
/// place. Throws gradc::Error for inputs that a StepInput cannot fill.
std::unique_ptr<Step> compile_step(const Graph& graph, Params& params, const StepOptions& options, CompileReport* report = nullptr);

}  // namespace gradc
