#pragma once
/// A planned step with its machine code, run on threads.

#include <memory>
#include <optional>

#include "runtime/params.h"
#include "runtime/step.h"
#include "step/context.h"
#include "step/plan.h"

namespace gradc {

/// How a step is run.
struct RunSettings {
  int threads = 1;             ///< At most so many, and not more than there are processors for; fewer where a step is too short to gain.
  bool exact_threads = false;  ///< Always `threads` of them.
  bool pin = false;            ///< Threads stay on processors of their own.
  bool trace = false;          ///< Each run keeps what every thread did when. Costs some nanoseconds a kernel.
  std::optional<float> fill = {};  ///< What all memory of a step holds before each run, instead of what the last one left: for tests.
  Guards guards = Guards::none;    ///< Unmapped pages beside all arrays of a step's own: for tests.
};

/// The functions of a plan, wherever they came from.
struct StepCode {
  StepFunction step = nullptr;
  KernelFunction kernel = nullptr;         ///< Null if kernels cannot be run alone.
  std::shared_ptr<const void> owner = {};  ///< Keeps the code in memory.
};

/// A step that reads and updates `params` in place. With settings.trace the code must write events; with settings.guards the plan must
/// have been made for them.
std::unique_ptr<Step> make_compiled_step(StepPlan plan, StepCode code, Params& params, const RunSettings& settings);

}  // namespace gradc
