#pragma once
/// What takes the time of a step, from traces of many runs of it.

#include <string>
#include <vector>

#include "step/kernel_info.h"

namespace gradc {

struct ProfileRow {
  std::string name;
  std::int32_t what = 0;        ///< As StepSpan::what.
  double calls = 0;             ///< Spans a step, of all threads.
  std::vector<double> seconds;  ///< A step, of each thread.

  double total() const;
};

struct Profile {
  int steps = 0;            ///< That were counted.
  double step_seconds = 0;  ///< Their mean.
  std::vector<ProfileRow> kernels, activities;

  std::size_t threads() const { return activities.front().seconds.size(); }
  /// Seconds of all rows, divided by the threads: they account for a step's time.
  double accounted_seconds() const;
};

/// The name of a StepActivity.
const char* name_of_activity(std::int32_t what);

class Profiler {
 public:
  explicit Profiler(std::vector<KernelInfo> kernels) : kernels_(std::move(kernels)) {}
  void add(const StepTrace& trace);
  /// Means over the faster half of the steps: the others were disturbed by what else the machine does. Throws if there was no step.
  Profile profile() const;

 private:
  struct Sum {
    double seconds = 0;
    std::int64_t calls = 0;
  };
  struct Step {
    double seconds = 0;
    int threads = 1;
    std::vector<Sum> sums;  ///< For each thread: kernels, then activities.
  };

  std::vector<KernelInfo> kernels_;
  std::vector<Step> steps_;
};

}  // namespace gradc
