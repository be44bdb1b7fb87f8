#pragma once
/// What code is made for: instruction sets, and the numbers of a core by which layouts, tiles and schedules are chosen.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gradc {

/// Bytes of a cache line: arrays, and the images within them, start at multiples of it.
inline constexpr std::int64_t kLineBytes = 64;

/// A core's numbers default to those of the preset "avx512".
struct Target {
  std::string code = "x86-64-linux-avx-avx2-avx512-avx512_skylake-f16c-fma-sse41";  ///< As Halide writes targets: arch-bits-os-features.
  int lanes = 16;                                                                   ///< f32 elements of a vector register.
  int registers = 32;                                                               ///< Vector registers.
  int fma_per_cycle = 2;                                                            ///< Multiply-adds of vectors that start in a cycle.
  int fma_latency = 4;                                                              ///< Cycles until an accumulator can be added to again.
  int loads_per_cycle = 2;                                                          ///< Vectors, or broadcast scalars.
  std::int64_t l1 = std::int64_t{32} << 10;                                         ///< Bytes of a core's data cache.
  std::int64_t l2 = std::int64_t{1} << 20;                                          ///< Bytes of a core's own cache.
  int l2_bandwidth = 32;                                                            ///< Bytes a cycle that a core reads from L2,
  int memory_bandwidth = 8;                                                         ///< and from what is beyond it.

  /// Accumulators that keep the multiply-add units busy.
  int enough_accumulators() const { return fma_per_cycle * fma_latency; }

  bool operator==(const Target&) const = default;
};

struct TargetPreset {
  std::string_view name;
  Target target;
  std::string_view source;  ///< Where the numbers come from.
};

std::span<const TargetPreset> target_presets();

/// Reads "BASE[,NUMBER=VALUE...]": a preset's name, or a Halide target string, whose numbers are then those of the preset with the same
/// kind of registers; and numbers that differ, as to_string writes them (lanes, registers, fma, latency, loads, l1, l2, l2_bandwidth,
/// memory_bandwidth; bytes also as 512k or 1M). Without a base it is `base`. Throws gradc::Error that says what there is.
Target parse_target(std::string_view text, const Target& base = {});

/// The shortest text from which parse_target makes this target.
std::string to_string(const Target& target);

/// The numbers of the preset with the kind of registers that a Halide target string has.
Target target_of_code(std::string code);

}  // namespace gradc
