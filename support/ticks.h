#pragma once
/// The processor's counter of time: constant in rate, equal on all cores, read in some nanoseconds. What the generated code reads too.

#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace gradc {

inline std::uint64_t read_ticks() {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  std::uint64_t ticks;
  asm volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#else
#error "gradc has no counter of time for this processor"
#endif
}

}  // namespace gradc
