#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace gradc {

/// A kernel of a compiled step, as benchmarks and profiles tell of it.
struct KernelInfo {
  std::string name;
  std::int64_t phase = 0;
  std::vector<std::string> values;  ///< Names of the values that it computes.
  std::vector<std::string> layers;
  std::string code;          ///< A hash of what its code is made from; equal for kernels that share code.
  bool contraction = false;  ///< Whether its schedule has register blocks to choose from.
  std::int64_t flops_per_image = 0;
  std::int64_t bytes = 0;  ///< That it reads and writes in a step, each argument once, for the batch of the last run.
};

/// What a thread of a step does besides kernels, as numbers that no kernel has.
enum StepActivity : std::int32_t {
  kStarting = -1,  ///< Waking up: from the call of the step to the thread's first instruction of it.
  kLoading = -2,   ///< Storing the inputs of a tile.
  kClearing = -3,  ///< Zeroing partial sums, or images that pad a tile.
  kWaiting = -4,   ///< Waiting for the other threads at a barrier.
  kEnding = -5,    ///< Waiting for the others at the step's end.
};

/// What one thread did from one moment to another, in seconds since the step was called.
struct StepSpan {
  std::int32_t thread = 0;
  std::int32_t what = 0;  ///< A kernel's place in Step::kernels(), or a StepActivity.
  double begin = 0, end = 0;
};

/// One run of a step: the spans of each thread follow each other without gaps, from 0 to `seconds`.
struct StepTrace {
  double seconds = 0;
  int threads = 1;
  std::vector<StepSpan> spans;
};

}  // namespace gradc
