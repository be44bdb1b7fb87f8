#pragma once
/// Comparisons in processes of their own, so that every case has a verdict.

#include <filesystem>
#include <functional>

#include "fuzz/comparison.h"
#include "fuzz/isolated.h"

namespace gradc::fuzz {

class Judge {
 public:
  /// Each case may take so many seconds of CPU time. Kernels are cached within `folder`, which is the caller's to remove.
  Judge(std::filesystem::path folder, double seconds) : folder_(std::move(folder)), processes_(seconds) {}

  /// Starts a comparison of the case that `make` makes; `done` is called with its verdict within a later wait().
  void start(std::function<Case()> make, std::function<void(const Verdict&)> done);
  void wait() { processes_.wait(1); }
  std::size_t running() const { return processes_.running(); }

  /// Compares one case and waits for it. Kernels that several of these have in common are compiled once.
  Verdict compare(const Case& a_case);

 private:
  std::filesystem::path folder_;
  Processes processes_;
  int started_ = 0;
};

}  // namespace gradc::fuzz
