/// Shows that cost grows as the work does: the time to compile a step without the cache, and of a step, over the batch, the image's side,
/// its channels and the number of layers. Prints the tables of docs/performance.md.
///   bench_scaling [--threads=2]
#include <algorithm>
#include <iostream>
#include <vector>

#include <fmt/format.h>

#include "bench/timed_step.h"
#include "support/command_line.h"
#include "support/machine.h"
#include "support/processors.h"

namespace gradc {
namespace {

/// Convolutions one after the other, each 3x3 with as many channels, and a dense layer.
struct Network {
  std::int64_t batch = 64, side = 32, channels = 16, depth = 4;

  ModelFile model() const {
    std::vector<Layer> layers;
    for (std::int64_t i = 0; i < depth; ++i) {
      Conv2D conv{.filters = channels, .kernel_size = {3, 3}, .padding = "same", .activation = "relu"};
      if (i == 0) conv.input_shape = {side, side, 3};
      layers.push_back(conv);
    }
    layers.push_back(GlobalAveragePooling2D{});
    layers.push_back(Dense{.units = 10, .activation = "softmax"});
    return {.topology = sequence(layers)};
  }
};

struct Series {
  const char* name;
  Network base;
  std::int64_t Network::* varied;
  std::vector<std::int64_t> values;
};

void print(const Series& series, int threads) {
  std::cout << fmt::format("| {} | GFLOP a step | compile s | step ms | GFLOP/s |\n| --- | --- | --- | --- | --- |\n", series.name);
  for (auto value : series.values) {
    auto network = series.base;
    network.*series.varied = value;
    TimedStep step(network.model(), {.batch_size = network.batch, .step = {.run = {.threads = threads}, .use_cache = false}});
    time(0.2, [&] { step.run(); });
    auto seconds = time(0.5, [&] { step.run(); }).median();
    auto gflop = static_cast<double>(step.report.flops_per_image * network.batch) / 1e9;
    std::cout << fmt::format("| {} | {:.3g} | {:.2f} | {:.3g} | {:.0f} |\n", value, gflop, step.report.seconds, seconds * 1e3,
                             gflop / seconds)
              << std::flush;
  }
  std::cout << "\n";
}

}  // namespace
}  // namespace gradc

int main(int argc, char** argv) {
  using namespace gradc;
  int threads = 2;
  cli::Program program("bench_scaling", "Shows that the cost of compiling and of a step grows as the work does.");
  program.add_option("--threads", threads, "Threads of each step").range(1, kMostThreads).show_default();
  const Series series[] = {
      {"batch", {.side = 16, .depth = 2}, &Network::batch, {1, 4, 16, 64, 256, 1024, 4096}},
      {"image side", {.batch = 16}, &Network::side, {16, 32, 64, 128}},
      {"channels", {.batch = 16, .side = 16}, &Network::channels, {8, 16, 32, 64, 128, 256}},
      {"layers", {.batch = 16}, &Network::depth, {2, 5, 10, 20, 50}},
  };
  program.callback([&] {
    std::cout << fmt::format("{} threads, FMA peak {:.0f} GFLOP/s\n\n", threads, fma_peak_gflops(threads));
    for (const auto& each : series) print(each, threads);
  });
  return program.run(argc, argv);
}
