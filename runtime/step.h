#pragma once
/// A step: what can be run on one batch after the other.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ir/type.h"
#include "step/kernel_info.h"

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
  std::vector<Rows> weights = {};  ///< Likewise of role sample_weight.
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
  /// Needs a step compiled with separate kernels.
  virtual void run_kernel(int kernel) { static_cast<void>(kernel); }
  /// What each thread did when in the last run. Needs RunSettings::trace.
  virtual StepTrace trace() const { return {}; }
};

}  // namespace gradc
