/// Convolutions of every kind against a plain one of as many FLOPs and as large an output: forward, input gradient, weight gradient.
///   bench_convolutions [--benchmark_filter=strided]     Google Benchmark's own output, one line a kernel
///   bench_convolutions --map [--in-steps] [--lanes=images|features] [--only=strided] [--shape=32x32] [--batch=64]   the tables of
///                                                                                                     docs/performance.md
#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <optional>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "bench/lanes_option.h"
#include "bench/program.h"
#include "bench/timed_step.h"
#include "frontend/layer_json.h"
#include "gradc/error.h"
#include "inspect/profile.h"
#include "support/machine.h"

namespace gradc {
namespace {

/// What is timed, and how.
struct Options {
  std::int64_t batch = 64;
  std::optional<Lanes> lanes;
  std::string only, shape;  ///< Parts of the names of variants and shapes.
  bool in_steps = false;  ///< Kernels as steps run them, tile after tile, each after the one before; instead of each alone over the batch.
};

constexpr const char* kRoles[] = {"conv", "conv_input_grad", "conv_weight_grad"};
constexpr const char* kRoleNames[] = {"forward", "input_gradient", "weight_gradient"};

struct Shape {
  std::int64_t side, channels;
  std::string name() const { return fmt::format("{}x{}x{}", side, side, channels); }
};

/// From large images of few channels to the opposite, with odd numbers among them.
constexpr Shape kShapes[] = {{64, 16}, {56, 24}, {32, 32}, {19, 48}, {14, 64}, {7, 128}};

struct Variant {
  const char* name;
  Layer (*layer)(std::int64_t channels);
};

Conv2D conv(std::int64_t channels, std::int64_t kernel) {
  return {.filters = channels, .kernel_size = {kernel, kernel}, .padding = "same", .name = "variant"};
}

template <class Change>
Layer changed(Conv2D layer, Change change) {
  change(layer);
  return layer;
}

const Variant kVariants[] = {
    {"plain", [](std::int64_t c) -> Layer { return conv(c, 3); }},
    {"strided 2", [](std::int64_t c) { return changed(conv(c, 3), [](Conv2D& l) { l.strides = {2, 2}; }); }},
    {"strided 3, 5x5", [](std::int64_t c) { return changed(conv(c, 5), [](Conv2D& l) { l.strides = {3, 3}; }); }},
    {"strided 2, 1x1", [](std::int64_t c) { return changed(conv(c, 1), [](Conv2D& l) { l.strides = {2, 2}; }); }},
    {"dilated 2", [](std::int64_t c) { return changed(conv(c, 3), [](Conv2D& l) { l.dilation_rate = {2, 2}; }); }},
    {"4 groups", [](std::int64_t c) { return changed(conv(c, 3), [](Conv2D& l) { l.groups = 4; }); }},
    {"depthwise", [](std::int64_t) -> Layer { return DepthwiseConv2D{.kernel_size = {3, 3}, .padding = "same", .name = "variant"}; }},
    {"depthwise, strided 2",
     [](std::int64_t) -> Layer { return DepthwiseConv2D{.kernel_size = {3, 3}, .strides = {2, 2}, .padding = "same", .name = "variant"}; }},
    {"transposed, strided 2",
     [](std::int64_t c) -> Layer {
       return Conv2DTranspose{.filters = c, .kernel_size = {3, 3}, .strides = {2, 2}, .padding = "same", .name = "variant"};
     }},
    {"1x1", [](std::int64_t c) -> Layer { return conv(c, 1); }},
    {"7x1", [](std::int64_t c) { return changed(conv(c, 1), [](Conv2D& l) { l.kernel_size = {7, 1}; }); }},
};

/// A model whose layer "variant" gets images that depend on weights, so that it has all three kernels. The layer before has no bias, whose
/// gradient would be summed in the variant's input gradient.
ModelFile model_around(const Layer& layer, const Shape& shape) {
  return {.topology = sequence(
              {Conv2D{.filters = shape.channels, .kernel_size = {1, 1}, .use_bias = false, .input_shape = {shape.side, shape.side, 2}},
               layer, Activation{.activation = "relu"}, GlobalAveragePooling2D{}, Dense{.units = 10, .activation = "softmax"}})};
}

/// The kernels of the layer "variant" in a step, by role.
class Kernels {
 public:
  Kernels(const Layer& layer, const Shape& shape, const Options& options)
      : step_(model_around(layer, shape), {.batch_size = options.batch,
                                           .lanes = options.lanes,
                                           .step = {.run = {.trace = options.in_steps}, .separate_kernels = !options.in_steps}}),
        in_steps_(options.in_steps) {
    // A transposed convolution is one backwards: its forward kernel has the other's name.
    const bool transposed = layer.class_name() == "Conv2DTranspose";
    auto infos = step_.step().kernels();
    for (std::size_t k = 0; k < infos.size(); ++k)
      for (int role = 0; role < 3; ++role)
        if (infos[k].name == fmt::format("variant.{}", kRoles[transposed && role < 2 ? 1 - role : role])) {
          kernel_[role] = static_cast<int>(k);
          flops_[role] = static_cast<double>(infos[k].flops_per_image * options.batch);
        }
    for (int role = 0; role < 3; ++role)
      if (kernel_[role] < 0) throw Error("no kernel {} of {} {}", kRoleNames[role], layer.class_name(), shape.name());
  }

  void run(int role) { step_.step().run_kernel(kernel_[role]); }
  double flops(int role) const { return flops_[role]; }
  /// GFLOP/s of each kernel.
  std::array<double, 3> rates() {
    std::array<double, 3> seconds{};
    if (in_steps_) {
      Profiler profiler(step_.step().kernels());
      time(0.1, [&] {
        step_.run();
        profiler.add(step_.step().trace());
      });
      for (const auto& row : profiler.profile().kernels)
        for (int role = 0; role < 3; ++role)
          if (row.what == kernel_[role]) seconds[role] = row.total();
    } else {
      for (int role = 0; role < 3; ++role) seconds[role] = time(0.03, [&] { run(role); }).min();
    }
    std::array<double, 3> rates{};
    for (int role = 0; role < 3; ++role) rates[role] = flops_[role] / seconds[role] / 1e9;
    return rates;
  }
  /// For a kernel that has been run.
  double flops_per_byte(int role) { return flops(role) / static_cast<double>(step_.step().kernels()[kernel_[role]].bytes); }

 private:
  TimedStep step_;
  bool in_steps_;
  int kernel_[3] = {-1, -1, -1};
  double flops_[3] = {};
};

/// A plain 3×3 convolution with the FLOPs and the output size of a variant.
Kernels plain_like(Kernels& variant, const Layer& layer, const Shape& shape, const Options& options) {
  auto side = shape.side;
  const auto& config = json_of(layer);
  auto stride = config.contains("strides") ? config["strides"][0].get<std::int64_t>() : 1;
  side = layer.class_name() == "Conv2DTranspose" ? side : (side + stride - 1) / stride;
  auto per_pixel = variant.flops(0) / static_cast<double>(options.batch * side * side * 2 * 9);
  auto channels = std::max<std::int64_t>(1, std::llround(std::sqrt(per_pixel)));
  return {conv(channels, 3), {side, channels}, options};
}

void print_map(const Options& options) {
  auto peak = fma_peak_gflops(1), bandwidth = memory_gbytes_per_second(1);
  std::cout << fmt::format(
      "One thread, batch {}, FMA peak {:.0f} GFLOP/s, memory {:.0f} GB/s; {}. A cell: share of the rate\n"
      "of a plain 3x3 convolution with as many FLOPs and as large an output, in per cent, forward / input gradient / weight\n"
      "gradient; in brackets the variant's own share of peak.{}\n\n"
      "| variant |",
      options.batch, peak, bandwidth, options.in_steps ? "kernels as steps run them" : "each kernel alone over the batch",
      options.in_steps ? "" : " With an m, the variant moves more bytes a second than a copy in memory does.");
  for (const auto& shape : kShapes) std::cout << " " << shape.name() << " |";
  std::cout << "\n| --- |";
  for (std::size_t i = 0; i < std::size(kShapes); ++i) std::cout << " --- |";
  /// The lowest ratio, of all cells and of those that memory does not bound.
  struct Worst {
    double ratio = 1e9;
    std::string cell;
  } worst, worst_of_rest;
  for (const auto& variant : kVariants) {
    if (!options.only.empty() && std::string(variant.name).find(options.only) == std::string::npos) continue;
    std::cout << "\n| " << variant.name << " |" << std::flush;
    for (const auto& shape : kShapes) {
      if (!options.shape.empty() && shape.name().find(options.shape) == std::string::npos) continue;
      auto layer = variant.layer(shape.channels);
      Kernels kernels(layer, shape, options);
      auto plain = plain_like(kernels, layer, shape, options);
      std::array<double, 3> own_best{}, plain_best{};
      for (int repeat = 0; repeat < 3; ++repeat)
        for (auto [best, rates] : {std::pair(&own_best, kernels.rates()), std::pair(&plain_best, plain.rates())})
          for (int role = 0; role < 3; ++role) (*best)[role] = std::max((*best)[role], rates[role]);
      std::string ratios, shares;
      for (int role = 0; role < 3; ++role) {
        const double own = own_best[role], other = plain_best[role];
        const bool by_memory = !options.in_steps && own / kernels.flops_per_byte(role) > bandwidth;
        ratios += fmt::format("{}{:.0f}{}", role == 0 ? "" : " / ", 100 * own / other, by_memory ? "m" : "");
        shares += fmt::format("{}{:.0f}", role == 0 ? "" : " / ", 100 * own / peak);
        for (auto* lowest : {&worst, &worst_of_rest})
          if (own / other < lowest->ratio && (lowest == &worst || !by_memory))
            *lowest = {own / other, fmt::format("{} of {}, {}", kRoleNames[role], variant.name, shape.name())};
      }
      std::cout << " " << ratios << " (" << shares << ") |" << std::flush;
    }
  }
  std::cout << fmt::format("\n\nworst: {}: {:.0f} %", worst.cell, 100 * worst.ratio);
  if (!options.in_steps)
    std::cout << fmt::format("; of those that memory does not bound: {}: {:.0f} %", worst_of_rest.cell, 100 * worst_of_rest.ratio);
  std::cout << "\n";
}

void run_benchmark(benchmark::State& state, const Variant& variant, const Shape& shape, int role) {
  Kernels kernels(variant.layer(shape.channels), shape, Options{});
  for (auto _ : state) kernels.run(role);
  state.counters["FLOP/s"] = benchmark::Counter(kernels.flops(role), benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace
}  // namespace gradc

int main(int argc, char** argv) {
  using namespace gradc;
  bool map = false;
  Options options;
  cli::Program program("bench_convolutions", "Times convolutions of every kind against a plain one of as many FLOPs.");
  const auto of_map = program.add_flag("--map", map, "Print a table of docs/performance.md");
  program.add_flag("--in-steps", options.in_steps, "Time kernels as steps run them, instead of each alone over the batch").needs(of_map);
  add_lanes_option(program, options.lanes).needs(of_map);
  program.add_option("--only", options.only, "Variants with this in their name").needs(of_map);
  program.add_option("--shape", options.shape, "Shapes with this in their name").needs(of_map);
  program.add_option("--batch", options.batch, "Images in a batch").range(1, 1 << 24).show_default().needs(of_map);
  return run_program(
      program, argc, argv,
      [&] {
        if (map) print_map(options);
        return map;
      },
      [] {
        for (const auto& variant : kVariants)
          for (const auto& each : kShapes)
            for (int role = 0; role < 3; ++role)
              benchmark::RegisterBenchmark(fmt::format("{}/{}/{}", variant.name, each.name(), kRoleNames[role]).c_str(), run_benchmark,
                                           variant, each, role)
                  ->UseRealTime()
                  ->Unit(benchmark::kMicrosecond);
      });
}
