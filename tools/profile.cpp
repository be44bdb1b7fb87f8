#include <chrono>
#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

#include "bench/timed_step.h"
#include "gradc/error.h"
#include "inspect/chrome_trace.h"
#include "inspect/profile.h"
#include "inspect/roofline.h"
#include "support/json.h"
#include "support/machine.h"
#include "support/processors.h"
#include "tools/commands.h"

namespace gradc {
namespace {

struct Options {
  CommonOptions common;
  double seconds = 1;
  std::string trace, roofline;
  int trace_steps = 10;
  bool json = false, perf_map = false, debugger = false;
};

struct Measured {
  Profile profile;
  std::vector<KernelInfo> kernels;
  std::vector<StepTrace> steps;  ///< The last ones, and when they were called.
  std::vector<double> starts;
  double peak = 0, bandwidth = 0;
  double plain_seconds = 0, traced_seconds = 0;  ///< The fastest step without and with traces.
  double gflop = 0;                              ///< A step's.
  std::string target;
};

Measured measure(const Options& options) {
  using Clock = std::chrono::steady_clock;
  auto file = read_model(options.common.model, options.common.input_shapes());
  Measured measured;
  auto threads = threads_or_all(options.common.threads);
  measured.bandwidth = memory_gbytes_per_second(threads);
  auto step_of = [&](bool trace) {
    return TimedStep(file, {.batch_size = options.common.batch_size,
                            .fuse = !options.common.no_fuse,
                            .disable = options.common.disable,
                            .lanes = {},
                            .step = {.run = {.threads = threads, .pin = options.common.pin, .trace = trace},
                                     .perf_map = trace && options.perf_map,
                                     .debugger = trace && options.debugger,
                                     .warn = warn}});
  };
  auto traced = step_of(true), plain = step_of(false);
  for (auto* step : {&traced, &plain}) time(options.seconds / 8, [&] { step->run(); });
  measured.kernels = traced.step().kernels();
  measured.target = traced.report.target;
  measured.gflop = static_cast<double>(traced.report.flops_per_image) * static_cast<double>(options.common.batch_size) / 1e9;
  Profiler profiler(measured.kernels);
  // In turns, so that what disturbs the machine disturbs both.
  std::vector<double> plain_times, traced_times;
  auto begin = Clock::now();
  auto since = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  constexpr int kTurn = 8;
  while (since() < options.seconds || traced_times.size() < kTurn) {
    for (auto* step : {&plain, &traced})
      for (int i = 0; i <= kTurn; ++i) {
        auto start = since();
        step->run();
        auto seconds = since() - start;
        if (i == 0) continue;  // The first of a turn finds the other step's data in the caches.
        (step == &plain ? plain_times : traced_times).push_back(seconds);
        if (step == &plain) continue;
        auto trace = step->step().trace();
        profiler.add(trace);
        if (options.trace.empty()) continue;
        if (static_cast<int>(measured.steps.size()) == options.trace_steps) {
          measured.steps.erase(measured.steps.begin());
          measured.starts.erase(measured.starts.begin());
        }
        measured.steps.push_back(std::move(trace));
        measured.starts.push_back(start);
      }
  }
  if (!measured.starts.empty())
    for (auto first = measured.starts.front(); auto& start : measured.starts) start -= first;
  measured.plain_seconds = Times::of(plain_times).min();
  measured.traced_seconds = Times::of(traced_times).min();
  measured.profile = profiler.profile();
  measured.peak = fma_peak_gflops(static_cast<int>(measured.profile.threads()));
  return measured;
}

/// A kernel's work in a step, and its time as if all threads had shared it evenly.
struct Rates {
  double gflop, gbytes, seconds;
};
Rates rates_of(const Options& options, const Measured& measured, const ProfileRow& row) {
  const auto& info = measured.kernels[static_cast<std::size_t>(row.what)];
  return {static_cast<double>(info.flops_per_image * options.common.batch_size) / 1e9, static_cast<double>(info.bytes) / 1e9,
          row.total() / static_cast<double>(row.seconds.size())};
}

void print_text(const Options& options, const Measured& measured) {
  const auto& profile = measured.profile;
  const auto threads = profile.threads();
  std::cout << fmt::format("{}: training step, batch {}, {} thread{}, {}\n", options.common.model, options.common.batch_size, threads,
                           threads == 1 ? "" : "s", measured.target);
  std::cout << fmt::format("a step takes {:.4f} ms, {:.1f} % of the FMA peak of {:.0f} GFLOP/s; memory {:.0f} GB/s\n",
                           profile.step_seconds * 1e3, 100 * measured.gflop / profile.step_seconds / measured.peak, measured.peak,
                           measured.bandwidth);
  std::cout << fmt::format("means of the faster half of {} steps; profiling costs {:.1f} %\n\n", 2 * profile.steps,
                           100 * (measured.traced_seconds / measured.plain_seconds - 1));
  std::size_t width = 20;
  for (const auto& row : profile.kernels) width = std::max(width, row.name.size() + 1);
  // Each thread where that fits, else all together.
  const bool each = threads > 1 && threads <= 4;
  std::cout << fmt::format("{:<{}}{:>6}{:>9}", "kernel", width, "phase", "calls");
  if (each)
    for (std::size_t t = 0; t < threads; ++t) std::cout << fmt::format("{:>13}", fmt::format("thread {} us", t));
  std::cout << fmt::format("{:>11}{:>8}{:>10}{:>9}{:>9}{:>11}\n", "mean us", "share", "GFLOP/s", "of peak", "GB/s", "of memory");
  auto print_times = [&](const ProfileRow& row, const std::string& phase) {
    std::cout << fmt::format("{:<{}}{:>6}{:>9}", row.name, width, phase, fmt::format("{:.4g}", row.calls));
    if (each)
      for (auto seconds : row.seconds) std::cout << fmt::format("{:>13.2f}", seconds * 1e6);
    auto mean = row.total() / static_cast<double>(threads);
    std::cout << fmt::format("{:>11.2f}{:>6.1f} %", mean * 1e6, 100 * mean / profile.step_seconds);
  };
  for (const auto& row : profile.kernels) {
    print_times(row, std::to_string(measured.kernels[static_cast<std::size_t>(row.what)].phase));
    auto [gflop, gbytes, seconds] = rates_of(options, measured, row);
    std::cout << fmt::format("{:>10.1f}{:>7.1f} %{:>9.1f}{:>9.0f} %\n", gflop / seconds, 100 * gflop / seconds / measured.peak,
                             gbytes / seconds, 100 * gbytes / seconds / measured.bandwidth);
  }
  for (const auto& row : profile.activities) {
    print_times(row, "");
    std::cout << "\n";
  }
  std::cout << fmt::format("sum of the means: {:.2f} us, {:.1f} % of the step\n", profile.accounted_seconds() * 1e6,
                           100 * profile.accounted_seconds() / profile.step_seconds);
}

void print_json(const Options& options, const Measured& measured) {
  using Json = nlohmann::ordered_json;
  const auto& profile = measured.profile;
  auto times = [&](const ProfileRow& row) {
    Json us = Json::array();
    for (auto seconds : row.seconds) us.push_back(seconds * 1e6);
    return Json{{"name", row.name},
                {"calls", row.calls},
                {"us_of_threads", us},
                {"mean_us", row.total() / static_cast<double>(row.seconds.size()) * 1e6}};
  };
  Json kernels = Json::array(), activities = Json::array();
  for (const auto& row : profile.kernels) {
    auto [gflop, gbytes, seconds] = rates_of(options, measured, row);
    auto entry = times(row);
    entry["phase"] = measured.kernels[static_cast<std::size_t>(row.what)].phase;
    entry["layers"] = measured.kernels[static_cast<std::size_t>(row.what)].layers;
    entry["gflops"] = gflop / seconds;
    entry["share_of_peak"] = gflop / seconds / measured.peak;
    entry["gbytes_per_second"] = gbytes / seconds;
    kernels.push_back(std::move(entry));
  }
  for (const auto& row : profile.activities) activities.push_back(times(row));
  std::cout << json_text(Json{{"model", options.common.model},
                              {"batch", options.common.batch_size},
                              {"threads", profile.threads()},
                              {"target", measured.target},
                              {"fma_peak_gflops", measured.peak},
                              {"memory_gbytes_per_second", measured.bandwidth},
                              {"step_ms", profile.step_seconds * 1e3},
                              {"accounted_ms", profile.accounted_seconds() * 1e3},
                              {"overhead", measured.traced_seconds / measured.plain_seconds - 1},
                              {"kernels", kernels},
                              {"activities", activities}},
                         2)
            << "\n";
}

void run(const Options& options) {
  Measured measured;
  naming(options.common.model, [&] { measured = measure(options); });
  if (!options.trace.empty())
    write_result(options.trace, chrome_trace(measured.steps, measured.starts, measured.kernels, "gradc " + options.common.model));
  if (!options.roofline.empty()) {
    std::vector<RooflinePoint> points;
    for (const auto& row : measured.profile.kernels) {
      auto [gflop, gbytes, seconds] = rates_of(options, measured, row);
      points.push_back({row.name, gflop * 1e9, gbytes * 1e9, seconds});
    }
    write_result(options.roofline, roofline_svg(fmt::format("{}, batch {}, {} threads", options.common.model, options.common.batch_size,
                                                            measured.profile.threads()),
                                                measured.peak, measured.bandwidth, points));
  }
  if (options.json)
    print_json(options, measured);
  else
    print_text(options, measured);
}

}  // namespace

void add_profile(cli::Program& program) {
  auto options = std::make_shared<Options>();
  auto command = program.add_command("profile", "Tell where the time of a model's training step goes, kernel by kernel");
  command.footer(
      "Kernels are timed inside of whole steps, on each thread. \"of peak\" counts only what the mathematics needs; \"GB/s\" is what a "
      "kernel\n"
      "reads and writes, each array once, also where it comes from a cache.\n\n"
      "Example:\n  gradc profile model.json --trace trace.json --roofline roofline.svg");
  options->common.add_model(command);
  options->common.add_batch_size(command);
  options->common.add_disable(command);
  options->common.add_threads(command);
  command.add_flag("--no-fuse", options->common.no_fuse, "Compile each op as a kernel of its own");
  options->common.add_seconds(command, options->seconds, "How long steps are run");
  command.add_option("--trace", options->trace, "Write the last steps for Perfetto (ui.perfetto.dev) or chrome://tracing")
      .type_name("FILE.json");
  command.add_option("--trace-steps", options->trace_steps, "How many").range(1, 10000).show_default();
  command.add_option("--roofline", options->roofline, "Draw what the kernels reach below what the machine allows").type_name("FILE.svg");
  command.add_flag("--perf-map", options->perf_map,
                   "Write the kernels' addresses to /tmp/perf-PID.map, where `perf report` looks for names");
  command.add_flag("--gdb", options->debugger, "Tell gdb the names of the kernels");
  command.add_flag("--json", options->json, "Print one JSON object");
  command.callback([options] { run(*options); });
}

}  // namespace gradc
