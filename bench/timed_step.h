#pragma once
/// A training step that does the same each time it is run, for measurements; and the times of many runs.

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "compile/build.h"
#include "compile/compile_step.h"

namespace gradc {

/// Times of a run in seconds, sorted; of many, some of each length.
struct Times {
  std::vector<double> sorted;

  double at(double share) const { return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))]; }
  double median() const { return at(0.5); }
  double min() const { return sorted.front(); }
  /// How far apart the 10th and the 90th percentile are, as a share of the median.
  double spread() const { return (at(0.9) - at(0.1)) / median(); }

  /// Sorts, and keeps at most a thousand.
  static Times of(std::vector<double> seconds);
};

/// Calls work until `seconds` have passed, and at least 5 times.
template <class Work>
Times time(double seconds, Work work) {
  using Clock = std::chrono::steady_clock;
  auto since = [](Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); };
  work();
  std::vector<double> times;
  for (auto start = Clock::now(); times.size() < 5 || (since(start) < seconds && times.size() < 100000);) {
    auto begin = Clock::now();
    work();
    times.push_back(since(begin));
  }
  return Times::of(std::move(times));
}

/// What a model takes, made up: the same numbers each time.
struct MadeUpBatch {
  std::vector<std::vector<float>> inputs, labels;  ///< For each input and each output.
};
/// `graph` and `outputs` are those of the lowered model. Inputs that number rows name all of a table's as often. Labels that are class
/// numbers are each one, rows like the output name one class.
MadeUpBatch made_up_batch(const Topology& topology, const Graph& graph, const std::vector<LoweredOutput>& outputs, std::int64_t batch);

/// A training step on made-up images with a learning rate of 0, so that every run does the same.
class TimedStep {
 public:
  struct Options {
    std::int64_t batch_size = 64;
    bool fuse = true;
    std::vector<std::string> disable = {};  ///< Optional passes to leave out.
    std::optional<Lanes> lanes = {};        ///< Instead of those that the layout pass would choose.
    StepOptions step = {};
  };

  TimedStep(const ModelFile& file, const Options& options);

  void run() { step_->run(input_); }
  Step& step() { return *step_; }

  CompileReport report;

 private:
  void make_batch(const ModelFile& file, const Built& built, std::int64_t batch);

  Params params_;
  std::unique_ptr<Step> step_;
  MadeUpBatch batch_;
  std::vector<std::uint32_t> rows_;
  StepInput input_;
};

}  // namespace gradc
