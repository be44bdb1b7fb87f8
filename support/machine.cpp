#include "support/machine.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <numeric>
#include <thread>
#include <vector>

#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace gradc {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRounds = 100000, kAccumulators = 12;

// Twelve accumulators of vectors as wide as the CPU has: four cycles of latency times two units need eight. They are variables of their
// own, and the compiler is told that each may have changed, so that they stay in registers and no round is left out.
#define GRADC_PEAK_BODY(Vector, set, fma, lanes)                                                                                 \
  Vector f = set(0.999f), a = f, b = f, c = f, d = f, e = f, g = f, h = f, i = f, j = f, k = f, l = f, m = f;                    \
  auto start = Clock::now();                                                                                                     \
  for (int round = 0; round < kRounds; ++round) {                                                                                \
    a = fma(a, f, f), b = fma(b, f, f), c = fma(c, f, f), d = fma(d, f, f), e = fma(e, f, f), g = fma(g, f, f);                  \
    h = fma(h, f, f), i = fma(i, f, f), j = fma(j, f, f), k = fma(k, f, f), l = fma(l, f, f), m = fma(m, f, f);                  \
    asm volatile(""                                                                                                              \
                 : GRADC_IN_REGISTER(a), GRADC_IN_REGISTER(b), GRADC_IN_REGISTER(c), GRADC_IN_REGISTER(d), GRADC_IN_REGISTER(e), \
                   GRADC_IN_REGISTER(g));                                                                                        \
    asm volatile(""                                                                                                              \
                 : GRADC_IN_REGISTER(h), GRADC_IN_REGISTER(i), GRADC_IN_REGISTER(j), GRADC_IN_REGISTER(k), GRADC_IN_REGISTER(l), \
                   GRADC_IN_REGISTER(m));                                                                                        \
  }                                                                                                                              \
  std::chrono::duration<double> took = Clock::now() - start;                                                                     \
  return 2.0 * kRounds * kAccumulators * (lanes) / took.count() / 1e9;

#if defined(__x86_64__)
#define GRADC_IN_REGISTER(x) "+v"(x)
__attribute__((target("avx512f"))) double rate_avx512() { GRADC_PEAK_BODY(__m512, _mm512_set1_ps, _mm512_fmadd_ps, 16) }
__attribute__((target("avx2,fma"))) double rate_avx2(){GRADC_PEAK_BODY(__m256, _mm256_set1_ps, _mm256_fmadd_ps, 8)} __m128
    multiply_add(__m128 x, __m128 y, __m128 z) {
  return _mm_add_ps(_mm_mul_ps(x, y), z);
}
double rate_sse() { GRADC_PEAK_BODY(__m128, _mm_set1_ps, multiply_add, 4) }

double rate_here() {
  if (__builtin_cpu_supports("avx512f")) return rate_avx512();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return rate_avx2();
  return rate_sse();
}
#elif defined(__aarch64__)
#define GRADC_IN_REGISTER(x) "+w"(x)
float32x4_t multiply_add(float32x4_t x, float32x4_t y, float32x4_t z) { return vfmaq_f32(z, x, y); }
double rate_here() { GRADC_PEAK_BODY(float32x4_t, vdupq_n_f32, multiply_add, 4) }
#endif

/// The sum of work(thread), a rate, over threads that start together.
template <class Work>
double sum_of_threads(int threads, Work work) {
  std::vector<double> rates(threads);
  std::atomic<int> ready{0};
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t)
    workers.emplace_back([&, t] {
      ++ready;
      while (ready < threads) std::this_thread::yield();
      rates[t] = work(t);
    });
  for (auto& each : workers) each.join();
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

/// What the system says of itself by this name of sysconf, or 0.
[[maybe_unused]] std::int64_t reported(int name) { return std::max<std::int64_t>(sysconf(name), 0); }

}  // namespace

std::int64_t l1_cache_bytes() {
#ifdef _SC_LEVEL1_DCACHE_SIZE
  return reported(_SC_LEVEL1_DCACHE_SIZE);
#endif
  return 0;
}

std::int64_t l2_cache_bytes() {
#ifdef _SC_LEVEL2_CACHE_SIZE
  return reported(_SC_LEVEL2_CACHE_SIZE);
#endif
  return 0;
}

double fma_peak_gflops(int threads) {
  double best = 0;
  for (int repeat = 0; repeat < 10; ++repeat) best = std::max(best, sum_of_threads(threads, [](int) { return rate_here(); }));
  return best;
}

double memory_gbytes_per_second(int threads) {
  constexpr std::size_t kBytes = std::size_t{8} << 20;
  std::vector<std::vector<char>> from(threads, std::vector<char>(kBytes, 1)), to = from;
  double best = 0;
  for (int repeat = 0; repeat < 5; ++repeat)
    best = std::max(best, sum_of_threads(threads, [&](int t) {
                      auto start = Clock::now();
                      std::memcpy(to[t].data(), from[t].data(), kBytes);
                      std::chrono::duration<double> took = Clock::now() - start;
                      return 2 * static_cast<double>(kBytes) / took.count() / 1e9;
                    }));
  return best;
}

}  // namespace gradc
