/// What fusions gain: each written as a small graph, compiled with fusion and with every op a kernel of its own.
///   bench_fusions [--benchmark_filter=conv]   Google Benchmark's own output, two lines a size
///   bench_fusions --table [--batch=64] [--threads=1]   the table of docs/performance.md
#include <algorithm>
#include <iostream>
#include <memory>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "bench/program.h"
#include "bench/timed_step.h"
#include "gradc/error.h"
#include "ir/roles.h"
#include "ir/text.h"
#include "passes/pipeline.h"
#include "support/machine.h"
#include "support/processors.h"

namespace gradc {
namespace {

std::int64_t batch = 64;
int threads = 1;

/// Graphs read what varies as `images` and `labels`, as a step's inputs are.
struct Fusion {
  const char* name;
  std::vector<std::int64_t> sizes;
  std::string (*graph)(std::int64_t size);  ///< As text.
};

/// A convolution of images with this side, bias and relu, and what follows its result %active.
std::string convolution(std::int64_t side, const std::string& rest) {
  return fmt::format(R"(graph @fusion {{
  %x = input "images" : f32[B,{0},{0},16]
  %w = param "kernel" {{trainable = 0}} : f32[3,3,16,16]
  %b = param "bias" {{trainable = 0}} : f32[16]
  %conv = conv %x, %w {{dilation = [1,1], padding = [[1,1],[1,1]], strides = [1,1]}} : f32[B,{0},{0},16]
  %biased = add %conv, %b : f32[B,{0},{0},16]
  %active = relu %biased : f32[B,{0},{0},16]
{1}}})",
                     side, rest);
}

std::string conv_bias_relu(std::int64_t side) { return convolution(side, "  output \"y\" %active\n"); }

std::string conv_bias_relu_pool(std::int64_t side) {
  return convolution(
      side,
      fmt::format(
          R"(  %y, %index = max_pool %active {{padding = [[0,0],[0,0]], strides = [2,2], window = [2,2]}} : f32[B,{0},{0},16], u8[B,{0},{0},16]
  output "y" %y
  output "index" %index
)",
          side / 2));
}

/// The loss and its gradient, both from logits.
std::string cross_entropy(std::int64_t classes) {
  return fmt::format(R"(graph @fusion {{
  %logits = input "images" : f32[B,{0}]
  %labels = input "labels" {{role = "label"}} : f32[B,{0}]
  %valid = input "valid" {{role = "batch_mask"}} : f32[B]
  %loss = softmax_cross_entropy %logits, %labels : f32[B]
  %masked = mul %loss, %valid : f32[B]
  %sum = reduce_sum %masked {{axes = [0], keep_dims = 0}} : f32[]
  %d = softmax_cross_entropy_grad %logits, %labels, %valid : f32[B,{0}]
  output "loss" %sum
  output "gradient" %d
}})",
                     classes);
}

/// swish(x * a + b) * y: a chain that reads two large arrays and writes one.
std::string pointwise(std::int64_t elements) {
  return fmt::format(R"(graph @fusion {{
  %x = input "images" : f32[B,{0}]
  %y = input "labels" {{role = "label"}} : f32[B,{0}]
  %a = param "scale" {{trainable = 0}} : f32[{0}]
  %b = param "offset" {{trainable = 0}} : f32[{0}]
  %scaled = mul %x, %a : f32[B,{0}]
  %moved = add %scaled, %b : f32[B,{0}]
  %gate = sigmoid %moved : f32[B,{0}]
  %swish = mul %moved, %gate : f32[B,{0}]
  %out = mul %swish, %y : f32[B,{0}]
  output "y" %out
}})",
                     elements);
}

/// The gradient of a dense layer's kernel and its update with momentum: a sum over the batch, then pointwise ops of it.
std::string reduction_update(std::int64_t units) {
  return fmt::format(R"(graph @fusion {{
  %x = input "images" : f32[B,{0}]
  %dy = input "labels" {{role = "label"}} : f32[B,64]
  %valid = input "valid" {{role = "batch_mask"}} : f32[B]
  %rate = param "rate" {{trainable = 0}} : f32[]
  %momentum = param "momentum" {{trainable = 0}} : f32[]
  %w = param "kernel" {{trainable = 1}} : f32[{0},64]
  %v = param "velocity" {{trainable = 0}} : f32[{0},64]
  %dw = dense_weight_grad %x, %dy : f32[{0},64]
  %kept = mul %momentum, %v : f32[{0},64]
  %velocity = add %kept, %dw : f32[{0},64]
  %change = mul %rate, %velocity : f32[{0},64]
  %next = sub %w, %change : f32[{0},64]
  update %v, %velocity
  update %w, %next
}})",
                     units);
}

const Fusion kFusions[] = {
    {"conv + bias + relu", {8, 16, 32, 64}, conv_bias_relu},
    {"conv + bias + relu + maxpool", {8, 16, 32, 64}, conv_bias_relu_pool},
    {"softmax + cross-entropy, forward and backward", {10, 100, 1000, 4000}, cross_entropy},
    {"pointwise chain", {64, 1024, 16384, 131072}, pointwise},
    {"weight gradient + reduction + momentum update", {16, 64, 256, 1024}, reduction_update},
};

/// A graph's kernels, run one after the other.
class Kernels {
 public:
  Kernels(const std::string& text, bool fuse) {
    auto graph = parse(text);
    StepOptions options{.run = {.threads = threads, .exact_threads = true}, .separate_kernels = true};
    graph.target = chosen_target();
    run_passes(graph, pipeline({.train = false, .fuse = fuse, .context = {.workload = Workload{.batch = batch}}}));
    std::int64_t elements[2] = {1, 1};
    for (const auto& op : graph.ops) {
      const auto& type = graph.type(op.results.empty() ? op.operands[0] : op.result());
      if (op.kind == OpKind::param) params_.set(op.attributes.text("name"), type.dims, numbers(type.elements(), 0.1f));
      if (op.kind == OpKind::input && input_role(op) == InputRole::data) elements[0] = type.elements();
      if (op.kind == OpKind::input && input_role(op) == InputRole::label) elements[1] = type.elements();
    }
    images_ = numbers(batch * elements[0], 1);
    labels_ = numbers(batch * elements[1], 1);
    for (std::int64_t i = 0; i < batch; ++i) rows_.push_back(static_cast<std::uint32_t>(i));
    step_ = compile_step(graph, params_, options);
    step_->run({rows_, {{.data = images_.data(), .elements = elements[0]}}, {{.data = labels_.data(), .elements = elements[1]}}, 1});
    count_ = static_cast<int>(step_->kernels().size());
  }

  void run() {
    for (int k = 0; k < count_; ++k) step_->run_kernel(k);
  }
  int count() const { return count_; }

 private:
  static std::vector<float> numbers(std::int64_t count, float scale) {
    std::vector<float> values(count);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = scale * static_cast<float>(static_cast<int>(i * 7919 % 2001) - 1000) / 1000;
    return values;
  }

  Params params_;
  std::unique_ptr<Step> step_;
  std::vector<float> images_, labels_;
  std::vector<std::uint32_t> rows_;
  int count_ = 0;
};

void print_table() {
  std::cout << fmt::format(
      "{} thread{}, batch {}, FMA peak {:.0f} GFLOP/s, memory {:.0f} GB/s; the fastest of many runs.\n\n"
      "| fusion | size | kernels | unfused us | fused us | gain |\n| --- | --- | --- | --- | --- | --- |\n",
      threads, threads == 1 ? "" : "s", batch, fma_peak_gflops(threads), memory_gbytes_per_second(threads));
  for (const auto& fusion : kFusions)
    for (auto size : fusion.sizes) {
      Kernels fused(fusion.graph(size), true), unfused(fusion.graph(size), false);
      double with = 1e9, without = 1e9;
      for (int repeat = 0; repeat < 3; ++repeat) {
        with = std::min(with, time(0.1, [&] { fused.run(); }).min());
        without = std::min(without, time(0.1, [&] { unfused.run(); }).min());
      }
      std::cout << fmt::format("| {} | {} | {} to {} | {:.1f} | {:.1f} | {:.2f} |\n", fusion.name, size, unfused.count(), fused.count(),
                               without * 1e6, with * 1e6, without / with)
                << std::flush;
    }
}

void run_benchmark(benchmark::State& state, const Fusion& fusion, std::int64_t size, bool fuse) {
  Kernels kernels(fusion.graph(size), fuse);
  for (auto _ : state) kernels.run();
}

}  // namespace
}  // namespace gradc

int main(int argc, char** argv) {
  using namespace gradc;
  bool table = false;
  cli::Program program("bench_fusions", "Times fusions against the same ops as kernels of their own.");
  program.add_flag("--table", table, "Print the table of docs/performance.md");
  program.add_option("--batch", batch, "Images in a batch").range(1, 1 << 24).show_default();
  program.add_option("--threads", threads, "Threads of each kernel").range(1, kMostThreads).show_default();
  return run_program(
      program, argc, argv,
      [&] {
        if (table) print_table();
        return table;
      },
      [] {
        for (const auto& fusion : kFusions)
          for (auto size : fusion.sizes)
            for (bool fuse : {false, true})
              benchmark::RegisterBenchmark(fmt::format("{}/{}/{}", fusion.name, size, fuse ? "fused" : "unfused").c_str(), run_benchmark,
                                           fusion, size, fuse)
                  ->UseRealTime()
                  ->Unit(benchmark::kMicrosecond);
      });
}
