#include <iostream>
#include <map>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "bench/timed_step.h"
#include "compile/tuned.h"
#include "gradc/error.h"
#include "support/processors.h"
#include "tools/commands.h"
#include "tools/terminal.h"

namespace gradc {
namespace {

struct Options {
  CommonOptions common;
  int candidates = 8;
  double seconds = 0.02;  ///< For each timing of a kernel.
};

/// How much less time a candidate needs to be kept: what is below that may be noise.
constexpr double kWorthwhile = 0.97;
constexpr int kRounds = 3;

/// A kernel whose schedule has candidates, and the fastest so far.
struct Tuned {
  int kernel;  ///< The first kernel with this code.
  std::string name;
  int kernels = 1;  ///< That share the code.
  int best = 0;
  double ratio = 1;  ///< The best candidate's time to that of candidate 0.
};

class Tuner {
 public:
  Tuner(const Options& options, const KernelCache& cache)
      : options_(options),
        file_(read_model(options.common.model, options.common.input_shapes())),
        cache_(cache),
        terminal_(isatty(STDERR_FILENO) == 1) {}

  void run() {
    auto base = step_of(0);
    auto infos = base->step().kernels();
    std::map<std::string, Tuned> kernels;
    for (std::size_t k = 0; k < infos.size(); ++k) {
      if (!infos[k].contraction) continue;
      auto [found, added] = kernels.try_emplace(infos[k].code, Tuned{static_cast<int>(k), infos[k].name});
      if (!added) ++found->second.kernels;
    }
    if (kernels.empty()) {
      std::cout << "no kernel of this model has schedules to choose from\n";
      return;
    }
    for (int candidate = 1; candidate < options_.candidates; ++candidate) {
      auto step = step_of(candidate);
      int done = 0;
      for (auto& [code, kernel] : kernels) {
        show(candidate, ++done, static_cast<int>(kernels.size()), kernel.name);
        auto ratio = compare(*base, *step, kernel.kernel);
        if (ratio < kWorthwhile && ratio < kernel.ratio) {
          kernel.best = candidate;
          kernel.ratio = ratio;
        }
      }
    }
    if (terminal_) std::cerr << rewrite_line;
    keep(*base, kernels);
  }

 private:
  std::unique_ptr<TimedStep> step_of(std::optional<int> candidate) const {
    return std::make_unique<TimedStep>(
        file_, TimedStep::Options{.batch_size = options_.common.batch_size,
                                  .step = {.run = {.threads = threads_or_all(options_.common.threads), .pin = options_.common.pin},
                                           .candidate = candidate,
                                           .separate_kernels = true,
                                           .warn = warn}});
  }

  /// The time of a kernel in `step` as a share of that in `base`: of the fastest runs of some rounds in turns, as the machine's speed
  /// changes.
  double compare(TimedStep& base, TimedStep& step, int kernel) const {
    double before = 1e9, after = 1e9;
    for (int round = 0; round < kRounds; ++round) {
      before = std::min(before, time(options_.seconds, [&] { base.step().run_kernel(kernel); }).min());
      after = std::min(after, time(options_.seconds, [&] { step.step().run_kernel(kernel); }).min());
    }
    return after / before;
  }

  /// Keeps the winners, unless the whole step is slower with them.
  void keep(TimedStep& base, const std::map<std::string, Tuned>& kernels) const {
    int winners = 0;
    for (const auto& [code, kernel] : kernels) {
      keep_candidate(cache_, code, kernel.best);
      if (kernel.best > 0) ++winners;
    }
    std::cout << fmt::format("{}: {} of {} kernels are faster with another schedule\n", options_.common.model, winners, kernels.size());
    if (winners == 0) return;
    auto tuned = step_of({});
    double before = 1e9, after = 1e9;
    for (int round = 0; round < 10; ++round) {
      before = std::min(before, time(0.1, [&] { base.run(); }).median());
      after = std::min(after, time(0.1, [&] { tuned->run(); }).median());
    }
    for (const auto& [code, kernel] : kernels)
      if (kernel.best > 0)
        std::cout << fmt::format("  {:<50} {:5.2f} of its time{}\n", kernel.name, kernel.ratio,
                                 kernel.kernels > 1 ? fmt::format(", and {} more like it", kernel.kernels - 1) : "");
    std::cout << fmt::format("step: {:.4f} ms before, {:.4f} ms tuned\n", before * 1e3, after * 1e3);
    if (after < before) {
      std::cout << "kept in the kernel cache; every step that has these kernels uses them\n";
      return;
    }
    for (const auto& [code, kernel] : kernels) keep_candidate(cache_, code, 0);
    std::cout << "the step is not faster with them, so nothing is kept\n";
  }

  void show(int candidate, int done, int count, const std::string& name) const {
    auto text = fmt::format("candidate {} of {}, kernel {} of {}: {}", candidate, options_.candidates - 1, done, count, name);
    if (terminal_)
      std::cerr << rewrite_line << text << std::flush;
    else if (done == 1)
      std::cerr << fmt::format("candidate {} of {}: {} kernels\n", candidate, options_.candidates - 1, count);
  }

  const Options& options_;
  ModelFile file_;
  const KernelCache& cache_;
  bool terminal_;
};

}  // namespace

void add_tune(cli::Program& program) {
  auto options = std::make_shared<Options>();
  auto command = program.add_command("tune", "Find the fastest schedules of a model's kernels on this machine");
  command.footer(
      "Times candidates of the schedule of each kernel, those with the fewest modelled cycles, and keeps the fastest in the kernel cache,\n"
      "where later steps with the same kernels find them. Keeps nothing if the whole step is not faster.\n\n"
      "Example:\n  gradc tune model.json --batch-size 64");
  options->common.add_model(command);
  options->common.add_batch_size(command);
  options->common.add_threads(command);
  command.add_option("--candidates", options->candidates, "Schedules to try of each kernel, the usual one included")
      .range(2, kMostCandidates)
      .show_default();
  command.callback([options] {
    auto cache = KernelCache::of_user(warn);
    if (!cache.usable()) throw Error("gradc tune keeps what it finds in the kernel cache, and there is none: see GRADC_CACHE");
    naming(options->common.model, [&] { Tuner(*options, cache).run(); });
  });
}

}  // namespace gradc
