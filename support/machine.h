#pragma once
/// What this machine is, and what it can do at most, measured now: the roofs that a benchmark compares with.

#include <cstdint>

namespace gradc {

/// Bytes of a core's data cache (L1) and of its own cache behind it (L2); 0 where the system does not say.
std::int64_t l1_cache_bytes();
std::int64_t l2_cache_bytes();

/// GFLOP/s of f32 multiply-adds (each counts two) with `threads` threads at once, in registers alone. The best of several runs of some
/// milliseconds.
double fma_peak_gflops(int threads);

/// GB/s that `threads` threads read and write together in a copy (bytes read plus bytes written) of arrays of 8 MB each, which
/// are larger than a core's own caches. The best of several runs.
double memory_gbytes_per_second(int threads);

}  // namespace gradc
