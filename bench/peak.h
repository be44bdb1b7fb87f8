#pragma once

namespace gradc::bench {

/// What this machine's cores do in multiply-adds, measured now: GFLOP/s of f32 with `threads` threads at once, each in registers alone. The
/// best of several runs of some milliseconds.
double fma_peak_gflops(int threads);

}  // namespace gradc::bench
