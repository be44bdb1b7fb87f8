#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>

#include <nlohmann/json.hpp>

#include "bench/lanes_option.h"
#include "bench/timed_step.h"
#include "gradc/error.h"
#include "support/json.h"
#include "support/machine.h"
#include "support/processors.h"
#include "tools/commands.h"

namespace gradc {
namespace {

struct Options {
  CommonOptions common;
  double seconds = 1;
  std::optional<Lanes> lanes;
  bool json = false, no_kernels = false, perf_map = false;
};

struct KernelResult {
  KernelInfo info;
  Times times;
  double unfused = 0;  ///< Seconds of the unfused kernels that it replaces.
};

std::vector<KernelResult> time_kernels(TimedStep& step, double seconds) {
  std::vector<KernelResult> results;
  auto infos = step.step().kernels();
  for (std::size_t k = 0; k < infos.size(); ++k) {
    // Each runs right after a whole step: what it reads is what the step left.
    step.run();
    results.push_back({infos[k], time(seconds, [&] { step.step().run_kernel(static_cast<int>(k)); })});
  }
  return results;
}

/// Gives every unfused kernel's time to the fused kernel that computes its values, or works for its layer.
void assign_unfused(std::vector<KernelResult>& fused, const std::vector<KernelResult>& unfused) {
  std::map<std::string, std::size_t> by_value, by_layer;
  for (std::size_t k = fused.size(); k-- > 0;) {
    for (const auto& value : fused[k].info.values) by_value[value] = k;
    for (const auto& layer : fused[k].info.layers) by_layer[layer] = k;
  }
  for (const auto& each : unfused) {
    std::size_t best = 0;
    bool found = false;
    for (const auto& value : each.info.values)
      if (auto at = by_value.find(value); at != by_value.end() && !found) {
        best = at->second;
        found = true;
      }
    for (const auto& layer : each.info.layers)
      if (auto at = by_layer.find(layer); at != by_layer.end() && !found) {
        best = at->second;
        found = true;
      }
    fused[best].unfused += each.times.median();
  }
}

struct Report {
  std::string target;
  int threads = 0;
  int threads_used = 0;  ///< By the fused step.
  double peak = 0, bandwidth = 0, gflop = 0;
  Times fused, unfused;
  std::vector<KernelResult> kernels;
};

Report measure(const Options& options) {
  auto file = read_model(options.common.model, options.common.input_shapes());
  Report report;
  report.threads = threads_or_all(options.common.threads);
  report.bandwidth = memory_gbytes_per_second(report.threads);
  std::vector<KernelResult> unfused_kernels;
  auto measure_step = [&](bool fuse, Times& times, std::vector<KernelResult>& kernels) {
    TimedStep step(file, {.batch_size = options.common.batch_size,
                          .fuse = fuse,
                          .disable = options.common.disable,
                          .lanes = options.lanes,
                          .step = {.run = {.threads = report.threads, .pin = options.common.pin},
                                   .separate_kernels = !options.no_kernels,
                                   .perf_map = options.perf_map,
                                   .warn = warn}});
    report.peak = std::max(report.peak, fma_peak_gflops(report.threads));
    time(options.seconds / 4, [&] { step.run(); });
    times = time(options.seconds, [&] { step.run(); });
    report.target = step.report.target;
    if (fuse) report.threads_used = step.step().threads();
    report.gflop = static_cast<double>(step.report.flops_per_image) * static_cast<double>(options.common.batch_size) / 1e9;
    if (!options.no_kernels) kernels = time_kernels(step, options.seconds / 20);
  };
  // One after the other, so that only one is in memory.
  measure_step(true, report.fused, report.kernels);
  measure_step(false, report.unfused, unfused_kernels);
  report.peak = std::max(report.peak, fma_peak_gflops(report.threads));
  if (!report.kernels.empty()) assign_unfused(report.kernels, unfused_kernels);
  return report;
}

void print_json(const Options& options, const Report& report) {
  auto of_times = [](const Times& times) {
    return nlohmann::ordered_json{{"median_ms", times.median() * 1e3}, {"min_ms", times.min() * 1e3}, {"spread", times.spread()}};
  };
  nlohmann::ordered_json kernels = nlohmann::ordered_json::array();
  for (const auto& kernel : report.kernels) {
    auto gflop = static_cast<double>(kernel.info.flops_per_image) * static_cast<double>(options.common.batch_size) / 1e9;
    kernels.push_back({{"name", kernel.info.name},
                       {"layers", kernel.info.layers},
                       {"phase", kernel.info.phase},
                       {"median_us", kernel.times.median() * 1e6},
                       {"min_us", kernel.times.min() * 1e6},
                       {"spread", kernel.times.spread()},
                       {"gflop", gflop},
                       {"bytes", kernel.info.bytes},
                       {"share_of_peak", gflop / kernel.times.median() / report.peak},
                       {"share_of_bandwidth", static_cast<double>(kernel.info.bytes) / 1e9 / kernel.times.median() / report.bandwidth},
                       {"unfused_us", kernel.unfused * 1e6}});
  }
  nlohmann::ordered_json out = {{"model", options.common.model},
                                {"batch", options.common.batch_size},
                                {"threads", report.threads},
                                {"threads_used", report.threads_used},
                                {"target", report.target},
                                {"fma_peak_gflops", report.peak},
                                {"memory_gbytes_per_second", report.bandwidth},
                                {"step_gflop", report.gflop},
                                {"fused", of_times(report.fused)},
                                {"unfused", of_times(report.unfused)},
                                {"share_of_peak", report.gflop / report.fused.median() / report.peak},
                                {"kernels", kernels}};
  std::cout << json_text(out, 2) << "\n";
}

void print_text(const Options& options, const Report& report) {
  auto share = [&](double gflop, double seconds) { return 100 * gflop / seconds / report.peak; };
  std::cout << fmt::format("{}: training step, batch {}, {} thread{}, {}\n", options.common.model, options.common.batch_size,
                           report.threads, report.threads == 1 ? "" : "s", report.target);
  if (report.threads_used < report.threads)
    std::cout << fmt::format("the fused step runs on {} of them, which is fastest\n", report.threads_used);
  std::cout << fmt::format("measured in this run: FMA peak {:.0f} GFLOP/s, memory {:.0f} GB/s; a step needs {:.4g} GFLOP\n\n", report.peak,
                           report.bandwidth, report.gflop);
  std::cout << fmt::format("{:<10}{:>12}{:>12}{:>9}{:>11}{:>9}\n", "step", "median ms", "min ms", "spread", "GFLOP/s", "of peak");
  for (const auto& [name, times] : {std::pair{"fused", &report.fused}, {"unfused", &report.unfused}})
    std::cout << fmt::format("{:<10}{:>12.4f}{:>12.4f}{:>7.0f} %{:>11.1f}{:>7.1f} %\n", name, times->median() * 1e3, times->min() * 1e3,
                             100 * times->spread(), report.gflop / times->median(), share(report.gflop, times->median()));
  std::cout << fmt::format("fusion makes the step {:.2f} times as fast\n", report.unfused.median() / report.fused.median());
  if (report.kernels.empty()) return;
  std::size_t width = 6;
  for (const auto& kernel : report.kernels) width = std::max(width, kernel.info.name.size());
  std::cout << fmt::format("\n{:<{}}{:>6}{:>11}{:>8}{:>10}{:>9}{:>9}{:>10}{:>10}{:>12}{:>7}\n", "kernel", width + 1, "phase", "median us",
                           "spread", "MFLOP", "of peak", "MB", "GB/s", "of memory", "unfused us", "gain");
  double sum = 0, unfused = 0;
  for (const auto& kernel : report.kernels) {
    auto seconds = kernel.times.median(), gflop = static_cast<double>(kernel.info.flops_per_image * options.common.batch_size) / 1e9,
         gbytes = static_cast<double>(kernel.info.bytes) / 1e9;
    sum += seconds;
    unfused += kernel.unfused;
    std::cout << fmt::format("{:<{}}{:>6}{:>11.1f}{:>6.0f} %{:>10.2f}{:>7.1f} %{:>9.2f}{:>10.1f}{:>8.0f} %{:>12.1f}{:>7.2f}\n",
                             kernel.info.name, width + 1, kernel.info.phase, seconds * 1e6, 100 * kernel.times.spread(), gflop * 1e3,
                             share(gflop, seconds), gbytes * 1e3, gbytes / seconds, 100 * gbytes / seconds / report.bandwidth,
                             kernel.unfused * 1e6, kernel.unfused / seconds);
  }
  std::cout << fmt::format("{:<{}}{:>6}{:>11.1f}{:>8}{:>10.2f}{:>7.1f} %{:>9}{:>10}{:>10}{:>12.1f}{:>7.2f}\n", "sum", width + 1, "",
                           sum * 1e6, "", report.gflop * 1e3, share(report.gflop, sum), "", "", "", unfused * 1e6, unfused / sum);
}

}  // namespace

void add_bench(cli::Program& program) {
  auto options = std::make_shared<Options>();
  auto command = program.add_command("bench", "Time a model's training step, fused and unfused, and its kernels");
  command.footer(
      "Kernels are timed alone, one after the other; inside a step they find more of their data in the caches. \"of peak\" counts\n"
      "only what the mathematics needs. \"MB\" is what a kernel reads and writes, each array once.\n\n"
      "Example:\n  gradc bench model.json --batch-size 64 --threads 2");
  options->common.add_model(command);
  options->common.add_batch_size(command);
  options->common.add_disable(command);
  options->common.add_threads(command);
  options->common.add_seconds(command, options->seconds, "How long each step is timed");
  add_lanes_option(command, options->lanes);
  command.add_flag("--no-kernels", options->no_kernels, "Only the whole steps");
  command.add_flag("--perf-map", options->perf_map,
                   "Write the kernels' addresses to /tmp/perf-PID.map, where `perf report` looks for names");
  command.add_flag("--json", options->json, "Print one JSON object");
  command.callback([options] {
    naming(options->common.model, [&] {
      auto report = measure(*options);
      if (options->json)
        print_json(*options, report);
      else
        print_text(*options, report);
    });
  });
}

}  // namespace gradc
