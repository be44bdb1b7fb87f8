/// Measures on this machine what the constants of target/cost.h and the numbers of a Target stand for, as far as each can be measured
/// alone.
///   bench_costs [--only=k]     | constant | chosen with | measured here |
/// It is compiled for the machine that it is built on, whose vectors it uses. Cycles are those of a chain of additions of whole numbers,
/// which is one a cycle on every processor that gradc knows.
#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/timed_step.h"
#include "gradc/error.h"
#include "inspect/profile.h"
#include "support/command_line.h"
#include "support/machine.h"
#include "target/cost.h"

namespace gradc {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
constexpr std::size_t kVectorBytes = kLanes * sizeof(float);
using Vector = float __attribute__((vector_size(kVectorBytes)));
using Indices = int __attribute__((vector_size(kVectorBytes)));

/// Tells the compiler that a register may have changed and is used, so that neither what makes it nor what uses it is left out.
inline void keep(Vector& x) {
#if defined(__x86_64__)
  asm volatile("" : "+v"(x));
#else
  asm volatile("" : "+w"(x));
#endif
}

constexpr double kSeconds = 0.02;  ///< For each measurement.

/// Sixteen additions a round, so that neither the loop nor another thread of the core, with which its front end is shared, holds them up.
double cycle_seconds() {
  constexpr int kRounds = 10000, kAdditions = 16;
  std::uint64_t sum = 1, step = 3;
  const auto seconds = time(kSeconds, [&] {
    for (int i = 0; i < kRounds; ++i)
#pragma GCC unroll 16
      for (int addition = 0; addition < kAdditions; ++addition) {
        sum += step;
        asm volatile("" : "+r"(sum), "+r"(step));
      }
  });
  return seconds.min() / (kRounds * kAdditions);
}

/// Cycles of one of `count` things that `work` does, in its fastest run. The machine's speed is measured beside it.
double cycles_of(double count, const std::function<void()>& work) {
  const auto cycle = cycle_seconds();
  return time(kSeconds, work).min() / count / cycle;
}

/// Vectors that start at a cache line.
class Vectors {
 public:
  explicit Vectors(std::size_t bytes)
      : bytes_(bytes), data_(static_cast<float*>(std::aligned_alloc(4096, (bytes + 4095) & ~std::size_t{4095}))) {
    if (data_ == nullptr) throw std::bad_alloc();
    std::fill(data_, data_ + bytes / sizeof(float), 0.5f);
  }
  ~Vectors() { std::free(data_); }
  Vectors(const Vectors&) = delete;
  Vectors& operator=(const Vectors&) = delete;

  std::size_t bytes() const { return bytes_; }
  Vector& at(std::size_t byte) { return *reinterpret_cast<Vector*>(reinterpret_cast<char*>(data_) + byte); }

 private:
  std::size_t bytes_;
  float* data_;
};

// The machine ------------------------------------------------------------------------------------------------------------------------

/// Calls work with so many vectors of zeros, each a variable of its own: the compiler keeps an array of them in memory.
template <int Count>
[[gnu::always_inline]] inline void with_vectors(auto work) {
  [&]<int... I>(std::integer_sequence<int, I...>) { work((static_cast<void>(I), Vector{})...); }(std::make_integer_sequence<int, Count>());
}

/// Cycles of a multiply-add where `Accumulators` of them take turns.
template <int Accumulators>
double multiply_add_cycles() {
  constexpr int kRounds = 10000;
  return cycles_of(static_cast<double>(kRounds) * Accumulators, [] {
    Vector factor = Vector{} + 0.999f;
    keep(factor);
    with_vectors<Accumulators>([&](auto... sums) {
      for (int i = 0; i < kRounds; ++i) ((sums = sums * factor + factor, keep(sums)), ...);
    });
  });
}

/// Bytes a cycle that are loaded from arrays of so many bytes, in order.
double bytes_per_cycle(std::size_t bytes) {
  Vectors array(bytes);
  const auto rounds = std::max<std::size_t>(1, (std::size_t{1} << 20) / bytes);
  return 1 / cycles_of(static_cast<double>(bytes * rounds), [&] {
           for (std::size_t round = 0; round < rounds; ++round)
             for (std::size_t at = 0; at < bytes; at += 4 * kVectorBytes)
               for (std::size_t i = 0; i < 4; ++i) {
                 Vector loaded = array.at(at + i * kVectorBytes);
                 keep(loaded);
               }
         });
}

/// How much longer than to load a large array it takes to store it.
double write_cost(std::size_t bytes) {
  Vectors array(bytes);
  const auto stored = cycles_of(static_cast<double>(bytes), [&] {
    Vector value{};
    keep(value);
    for (std::size_t at = 0; at < bytes; at += kVectorBytes) {
      array.at(at) = value;
      asm volatile("" ::: "memory");
    }
  });
  return stored * bytes_per_cycle(bytes);
}

// Register tiles ---------------------------------------------------------------------------------------------------------------------

/// Cycles of a tile of accumulators, which takes so many steps.
template <int Accumulators>
double tile_cycles(int depth) {
  constexpr int kTiles = 1000;
  Vectors weights(static_cast<std::size_t>(depth) * kVectorBytes), results(Accumulators * kVectorBytes);
  return cycles_of(kTiles, [&] {
    Vector factor = Vector{} + 0.5f;
    for (int tile = 0; tile < kTiles; ++tile) {
      asm volatile("" : "+r"(depth));
      with_vectors<Accumulators>([&](auto... sums) {
        for (int d = 0; d < depth; ++d) {
          const Vector weight = weights.at(static_cast<std::size_t>(d) * kVectorBytes);
          ((sums += weight * factor, keep(sums)), ...);
        }
        std::size_t at = 0;
        ((results.at(at) = sums, at += kVectorBytes), ...);
      });
      asm volatile("" ::: "memory");
    }
  });
}

/// Cycles of a tile beyond its multiply-adds, of so many steps that a processor does not foresee the loop's end.
template <int Accumulators>
double tile_start() {
  constexpr int kDepth = 64;
  double tile = 1e9, multiply_add = 1e9;
  for (int repeat = 0; repeat < 5; ++repeat) {
    tile = std::min(tile, tile_cycles<Accumulators>(kDepth));
    multiply_add = std::min(multiply_add, multiply_add_cycles<Accumulators>());
  }
  return tile - kDepth * Accumulators * multiply_add;
}

/// Shuffles that swap parts of two vectors: lanes of `a` whose number has not the bit `distance`, and those of `b` from there.
template <int Distance, bool High>
Vector exchanged(Vector a, Vector b) {
  Indices from{};
  for (int lane = 0; lane < kLanes; ++lane) {
    const bool has = (lane & Distance) != 0;
    from[lane] = High ? (has ? kLanes + lane : lane + Distance) : (has ? kLanes + lane - Distance : lane);
  }
  return __builtin_shuffle(a, b, from);
}

/// Transposes kLanes vectors, in steps that each exchange between pairs of them.
template <int Distance>
void transpose(Vector (&rows)[kLanes]) {
  [&]<int... Row>(std::integer_sequence<int, Row...>) {
    auto pair = [&](int row) {
      if ((row & Distance) != 0) return;
      const Vector a = rows[row], b = rows[row + Distance];
      rows[row] = exchanged<Distance, false>(a, b);
      rows[row + Distance] = exchanged<Distance, true>(a, b);
    };
    (pair(Row), ...);
  }(std::make_integer_sequence<int, kLanes>());
  if constexpr (Distance * 2 < kLanes) transpose<Distance * 2>(rows);
}

/// Cycles for each number of a square of them that is transposed and added to what is in memory.
double transpose_cycles() {
  constexpr int kTimes = 1000;
  Vectors square(kLanes * kVectorBytes), sums(kLanes * kVectorBytes);
  return cycles_of(static_cast<double>(kTimes) * kLanes * kLanes, [&] {
    for (int i = 0; i < kTimes; ++i) {
      Vector rows[kLanes];
      for (std::size_t row = 0; row < kLanes; ++row) rows[row] = square.at(row * kVectorBytes);
      transpose<1>(rows);
      for (std::size_t row = 0; row < kLanes; ++row) sums.at(row * kVectorBytes) += rows[row];
      asm volatile("" ::: "memory");
    }
  });
}

/// Multiply-adds that pass in the time in which the lanes of a vector are added up.
double add_up_cost() {
  constexpr int kTimes = 1000;
  const auto cycles = cycles_of(kTimes * 4, [] {
    Vector sums[4] = {};
    for (int i = 0; i < kTimes; ++i)
      for (auto& sum : sums) {
        Vector rest = sum;
        [&]<int... Step>(std::integer_sequence<int, Step...>) {
          ((rest += exchanged<(1 << Step), true>(rest, rest)), ...);
        }(std::make_integer_sequence<int, std::countr_zero(static_cast<unsigned>(kLanes))>());
        keep(rest);
        keep(sum);
      }
  });
  return cycles / multiply_add_cycles<12>();
}

// Memory -----------------------------------------------------------------------------------------------------------------------------

/// Cycles to load a block of weights, of which each row is a vector of four and lies so far behind the one before; with rows loaded so far
/// ahead.
double block_cycles(Vectors& array, std::size_t rows, std::size_t distance, std::size_t ahead) {
  return cycles_of(static_cast<double>(rows), [&] {
    for (std::size_t row = 0; row < rows; ++row) {
      if (ahead > 0 && row + ahead < rows)
        for (std::size_t i = 0; i < 4; ++i) __builtin_prefetch(&array.at((row + ahead) * distance + i * kVectorBytes));
      for (std::size_t i = 0; i < 4; ++i) {
        Vector loaded = array.at(row * distance + i * kVectorBytes);
        keep(loaded);
      }
    }
  });
}

constexpr std::size_t kRows = 1024, kPage = 4096;

/// Times that a block whose rows lie a page apart is read until it would have paid to copy it.
double reads_of_packed() {
  Vectors array(kRows * kPage);
  const auto apart = block_cycles(array, kRows, kPage, 0), dense = block_cycles(array, kRows, 4 * kVectorBytes, 0);
  // A copy is a read from where it lies, and as many stores as loads of what is dense.
  return (apart + dense) / std::max(apart - dense, 1e-9);
}

/// How many rows ahead loads of such a block are fastest.
double rows_ahead() {
  Vectors array(kRows * kPage);
  std::vector<std::pair<double, double>> tried;
  for (std::size_t ahead = 1; ahead <= 256; ahead *= 2) tried.emplace_back(block_cycles(array, kRows, kPage, ahead), ahead);
  return std::min_element(tried.begin(), tried.end())->second;
}

/// The least lines of an image, a power of two, from which a pixel of each image of a batch is read in less than 0.8 of the time where
/// images have a line more.
double large_image_lines() {
  constexpr std::size_t kImages = 64, kMost = 128;
  Vectors array(kImages * (kMost + 1) * kLineBytes);
  auto cycles = [&](std::size_t lines) {
    return cycles_of(kImages * 16, [&] {
      for (int round = 0; round < 16; ++round)
        for (std::size_t image = 0; image < kImages; ++image) {
          Vector loaded = array.at(image * lines * kLineBytes);
          keep(loaded);
        }
    });
  };
  for (std::size_t lines = 2; lines <= kMost; lines *= 2)
    if (cycles(lines + 1) < 0.8 * cycles(lines)) return static_cast<double>(lines);
  return kMost;
}

// Kernels ----------------------------------------------------------------------------------------------------------------------------

/// A kernel of a step with one thread.
struct KernelTime {
  double seconds, calls, flops;
};

KernelTime time_kernel(const std::vector<Layer>& layers, Lanes lanes, const std::string& name) {
  constexpr std::int64_t kBatch = 64;
  TimedStep step({.topology = sequence(layers)}, {.batch_size = kBatch, .lanes = lanes, .step = {.run = {.trace = true}}});
  const auto infos = step.step().kernels();
  Profiler profiler(infos);
  time(0.1, [&] {
    step.run();
    profiler.add(step.step().trace());
  });
  std::string names;
  for (const auto& row : profiler.profile().kernels) {
    const auto& info = infos[static_cast<std::size_t>(row.what)];
    if (info.name == name) return {row.total(), row.calls, static_cast<double>(info.flops_per_image * kBatch)};
    names += " " + info.name;
  }
  throw Error("no kernel is named {}, but{}", name, names);
}

/// The share of the multiply-add units' rate that a layer's kernel reaches.
double share(const Layer& layer, Lanes lanes, const std::string& name) {
  const auto [seconds, calls, flops] = time_kernel({layer, Flatten{}, Dense{.units = 2}}, lanes, name);
  return flops / seconds / 1e9 / fma_peak_gflops(1);
}

double conv_share(std::int64_t side, std::int64_t channels, std::int64_t filters, Lanes lanes) {
  return share(Conv2D{.filters = filters, .kernel_size = {3, 3}, .padding = "same", .input_shape = {side, side, channels}, .name = "here"},
               lanes, "here.conv");
}

double depthwise_share(std::int64_t side, std::int64_t channels, Lanes lanes) {
  return share(DepthwiseConv2D{.kernel_size = {3, 3}, .padding = "same", .input_shape = {side, side, channels}, .name = "here"}, lanes,
               "here.conv");
}

double dense_share(const std::string& name) {
  return share(Dense{.units = 1024, .input_shape = {1024}, .name = "here"}, Lanes::batch, name);
}

/// Cycles of a call of a kernel that has next to nothing to compute.
double call_cycles(const std::string& name) {
  const auto time = time_kernel({Dense{.units = 1, .input_shape = {1}, .name = "here"}}, Lanes::features, name);
  return time.seconds / time.calls / cycle_seconds();
}

struct Row {
  std::string constant;
  double chosen;
  std::function<double()> measure;
};

std::vector<Row> rows(const Target& target) {
  const auto beyond = static_cast<std::size_t>(target.l2) * 16;
  using namespace cost;
  return {
      {"Target::fma_per_cycle", 1.0 * target.fma_per_cycle, [] { return 1 / multiply_add_cycles<12>(); }},
      {"Target::fma_latency", 1.0 * target.fma_latency, multiply_add_cycles<1>},
      {"Target::loads_per_cycle", 1.0 * target.loads_per_cycle, [] { return bytes_per_cycle(16 << 10) / kVectorBytes; }},
      {"Target::l2_bandwidth", 1.0 * target.l2_bandwidth, [&target] { return bytes_per_cycle(static_cast<std::size_t>(target.l2) / 2); }},
      {"Target::memory_bandwidth", 1.0 * target.memory_bandwidth, [beyond] { return bytes_per_cycle(beyond); }},
      {"kStartTile", kStartTile, [] { return 2 * tile_start<12>() - tile_start<24>(); }},
      {"kStoreAccumulator", kStoreAccumulator, [] { return (tile_start<24>() - tile_start<12>()) / 12; }},
      {"kTransposeWeight", kTransposeWeight, transpose_cycles},
      {"kAddUpLanes", kAddUpLanes, add_up_cost},
      {"kGood, features", kGood, [] { return conv_share(14, 64, 64, Lanes::features); }},
      {"kGood, images", kGood, [] { return conv_share(12, 16, 16, Lanes::batch); }},
      {"kStreaming", kStreaming, [] { return conv_share(64, 16, 16, Lanes::batch); }},
      {"kOneVector", kOneVector, [] { return conv_share(14, 16, 16, Lanes::features); }},
      {"kInnerProduct", kInnerProduct, [] { return conv_share(14, 64, 2, Lanes::features); }},
      {"kDepthwise", kDepthwise, [] { return depthwise_share(14, 64, Lanes::features); }},
      {"kDepthwiseImages", kDepthwiseImages, [] { return depthwise_share(12, 16, Lanes::batch); }},
      {"kDepthwiseStreaming", kDepthwiseStreaming, [] { return depthwise_share(64, 16, Lanes::batch); }},
      {"kDenseStreaming", kDenseStreaming, [] { return dense_share("here.dense"); }},
      {"kDenseGradient", kDenseGradient, [] { return dense_share("here.dense_weight_grad"); }},
      {"kWrite", kWrite, [beyond] { return write_cost(beyond); }},
      {"kRecomputedOps", kRecomputedOps, [beyond] { return kVectorBytes / bytes_per_cycle(beyond); }},
      {"kReadsOfPackedWeights", kReadsOfPackedWeights, reads_of_packed},
      {"kRowsAhead", kRowsAhead, rows_ahead},
      {"kLargeImageLines", kLargeImageLines, large_image_lines},
      {"kCallOfTile", kCallOfTile, [] { return call_cycles("here.dense"); }},
      {"kCallOfBlock", kCallOfBlock, [] { return call_cycles("here.reduce"); }},
  };
}

}  // namespace
}  // namespace gradc

int main(int argc, char** argv) {
  using namespace gradc;
  std::string only;
  cli::Program program("bench_costs", "Measures what the constants of the cost model stand for.");
  program.add_option("--only", only, "Rows whose name has this in it");
  program.callback([&] {
    const auto target = chosen_target();
    std::cout << fmt::format("{}, one thread, vectors of {} lanes\n\n| constant | in cost.h | measured here |\n| --- | --- | --- |\n",
                             to_string(target), kLanes);
    for (const auto& row : rows(target))
      if (row.constant.find(only) != std::string::npos)
        std::cout << fmt::format("| {} | {:g} | {:.3g} |\n", row.constant, row.chosen, row.measure()) << std::flush;
  });
  return program.run(argc, argv);
}
