// Times whole training steps beside the FMA peak of the same run:
//     build/bin/step_bench [MODEL.json | FOLDER OF MODELS ...] [--batch N] [--threads N] [--no-fuse]
// Without a model it takes the tutorial's and examples/models. Share of peak counts only the multiply-adds that the mathematics needs.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <iostream>

#include "bench/peak.h"
#include "frontend/build.h"
#include "runtime/model.h"
#include "runtime/thread_pool.h"
#include "support/error.h"

using namespace gradc;
using Clock = std::chrono::steady_clock;

namespace {

struct Options {
  std::vector<std::string> models;
  std::int64_t batch = 64;
  int threads = available_processors();
  bool fuse = true;
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void run(const std::string& path, const Options& options) {
  auto file = read_model(path);
  auto built = build(file.topology, {.training = file.training.value_or(TrainingConfig{}), .fuse = options.fuse});
  Params params;
  for (std::size_t i = 0; i < built.weights.size(); ++i)
    params.set(built.weights[i].name, built.weights[i].shape,
               built.weights[i].initializer.values(built.weights[i].shape, 1, static_cast<std::uint32_t>(i)));
  for (const auto& state : built.states) params.fill(state.name, state.shape, 0);  // a learning rate of 0: the same step each time
  CompileReport report;
  auto step = compile_step(built.graph, params, {.threads = options.threads}, &report);

  Type image{DType::f32, file.topology.input_shape};
  std::vector<float> images(options.batch * image.elements()), labels(options.batch);
  for (std::size_t i = 0; i < images.size(); ++i) images[i] = std::sin(static_cast<float>(i) * 0.37f);
  for (std::int64_t i = 0; i < options.batch; ++i) labels[i] = static_cast<float>(i % built.output.dims.back());
  std::vector<std::uint32_t> rows(options.batch);
  for (std::int64_t i = 0; i < options.batch; ++i) rows[i] = static_cast<std::uint32_t>(i);
  StepInput input{
      rows, {.data = images.data(), .elements = image.elements()}, {.data = labels.data(), .classes = built.output.dims.back()}, 1};

  auto peak_before = bench::fma_peak_gflops(options.threads);
  auto start = Clock::now();
  for (int i = 0; i < 5 || seconds_since(start) < 0.3; ++i) step->run(input);
  std::vector<double> times;
  start = Clock::now();
  while (times.size() < 20 || (seconds_since(start) < 2 && times.size() < 5000)) {
    auto begin = Clock::now();
    step->run(input);
    times.push_back(seconds_since(begin));
  }
  std::sort(times.begin(), times.end());
  auto peak = std::max(peak_before, bench::fma_peak_gflops(options.threads));
  auto median = times[times.size() / 2];
  auto gflop = static_cast<double>(report.flops_per_image) * static_cast<double>(options.batch) / 1e9;
  std::cout << fmt::format(
      "{:<44} batch {:<5} threads {}  median {:8.3f} ms  min {:8.3f}  p90 {:8.3f}  {:7.1f} GFLOP/s = {:4.1f} % of {:.0f}  (compiled {} "
      "kernels in {:.0f} ms)\n",
      path, options.batch, options.threads, median * 1e3, times[0] * 1e3, times[times.size() * 9 / 10] * 1e3, gflop / median,
      100 * gflop / median / peak, peak, report.distinct - report.from_cache, report.seconds * 1e3);
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument == "--batch" && i + 1 < argc)
      options.batch = std::stoll(argv[++i]);
    else if (argument == "--threads" && i + 1 < argc)
      options.threads = std::stoi(argv[++i]);
    else if (argument == "--no-fuse")
      options.fuse = false;
    else
      options.models.push_back(argument);
  }
  if (options.models.empty()) {
    options.models.push_back("examples/mnist/model.json");
    for (const char* name : {"mlp", "cifar_cnn", "resnet20"})
      options.models.push_back(std::string("examples/models/") + name + "/model.json");
  }
  for (const auto& model : options.models) run(model, options);
} catch (const Error& error) {
  std::cerr << "step_bench: " << error.what() << "\n";
  return 1;
}
