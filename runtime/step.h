#pragma once
/// A compiled step: a graph that can be run on one batch after the other.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backends/reference/interpreter.h"
#include "ir/graph.h"
#include "runtime/params.h"
#include "step/kernel_info.h"
#include "support/memory.h"
#include "target/target.h"

namespace gradc {

/// Rows of numbers that a step reads as they are: bytes or floats, in memory. Nothing is copied before the step.
struct Rows {
  const void* data = nullptr;
  DType dtype = DType::f32;   ///< u8, f32 or i32
  std::int64_t elements = 1;  ///< of a row
  float scale = 1;            ///< Each number is multiplied with it on its way into the step.
  std::int64_t classes = 0;   ///< If positive, a row is one class number, which becomes `classes` numbers, one of them 1.

  std::int64_t width() const { return classes > 0 ? classes : elements; }
  float at(std::int64_t row, std::int64_t element) const;
};

struct StepInput {
  std::span<const std::uint32_t> rows;  ///< Which rows of data and labels make the batch.
  std::vector<Rows> data, labels;       ///< For each of the graph's inputs of these roles, by its number.
  std::uint32_t random_key = 0;
};

class Step {
 public:
  virtual ~Step() = default;
  /// Runs the step and, if it trains, updates the params.
  virtual void run(const StepInput& input) = 0;
  /// A scalar output of the last run: "loss", "acc".
  virtual double scalar(const std::string& name) const = 0;
  /// A batched output of the last run, row-major, or a replicated one.
  virtual std::vector<float> array(const std::string& name) const = 0;
  /// Threads that the last run was on.
  virtual int threads() const { return 1; }
  /// The kernels, in the order in which they run; none if the backend has none.
  virtual std::vector<KernelInfo> kernels() const { return {}; }
  /// Runs one kernel alone over the last batch, on all threads: for timing, as what it computes from is what the last step left in memory.
  /// Needs StepOptions::separate_kernels.
  virtual void run_kernel(int kernel) { static_cast<void>(kernel); }
  /// What each thread did when in the last run. Needs StepOptions::trace.
  virtual StepTrace trace() const { return {}; }
};

struct StepOptions {
  enum class Backend { jit, reference } backend = Backend::jit;
  int threads = 1;             ///< At most so many, and not more than there are processors for; fewer where a step is too short to gain.
  bool exact_threads = false;  ///< Always `threads` of them.
  bool pin = false;            ///< Threads stay on processors of their own.
  bool use_cache = true;
  /// Which candidate of its register blocks every kernel's schedule takes, 0 being the one with the fewest modelled cycles. If not given,
  /// what `tune` found fastest on this machine, or else 0.
  std::optional<int> candidate = {};
  bool separate_kernels = false;   ///< Also lets each kernel be run alone.
  bool trace = false;              ///< Each run keeps what every thread did when. Costs some nanoseconds a kernel.
  bool perf_map = false;           ///< Tells `perf` the names of the kernels, in /tmp/perf-PID.map.
  bool debugger = false;           ///< Tells gdb the names of the kernels.
  std::optional<float> fill = {};  ///< What all memory of a step holds before each run, instead of what the last one left: for tests.
  Guards guards = Guards::none;    ///< Unmapped pages beside all arrays of a step's own: for tests.
  /// Called with a line about what could not be done as asked.
  std::function<void(const std::string&)> warn;
};

/// The target that the environment's GRADC_TARGET names, as read_target reads it; else this machine. Throws gradc::Error for what is none;
/// not within a braced list of members, where GCC 12 then destroys those that it has not made.
Target chosen_target();

/// What the compilation of a step did.
struct CompileReport {
  int kernels = 0, distinct = 0, from_cache = 0;
  double seconds = 0;
  std::string target;
  std::int64_t flops_per_image = 0;
};

/// Compiles a graph: for Backend::jit one that partition has run on; for Backend::reference any. The step reads and updates `params` in
/// place.
std::unique_ptr<Step> compile_step(const Graph& graph, Params& params, const StepOptions& options, CompileReport* report = nullptr);

/// The inputs of a graph for one batch, as the interpreter takes them.
NamedTensors interpreter_inputs(const Graph& graph, const StepInput& input);
/// Params as the interpreter takes them: those that the graph has.
NamedTensors interpreter_params(const Graph& graph, const Params& params);

}  // namespace gradc
