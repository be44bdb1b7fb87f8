#pragma once
#include <cstdint>
#include <string>

namespace gradc {

/// What runs a step: machine code, or plain loops, which are what machine code is tested against.
enum class Backend { jit, reference };

/// What the compilation of a step did.
struct CompileReport {
  int kernels = 0, distinct = 0, from_cache = 0;  ///< Kernels, those with code of their own, and whose code the cache had.
  double seconds = 0;
  std::string target;                ///< As Halide writes it.
  std::int64_t flops_per_image = 0;  ///< By the mathematics: multiply-adds count two.
};

}  // namespace gradc
