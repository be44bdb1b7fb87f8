#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace gradc {

/// A kernel of a compiled step, as benchmarks and profiles tell of it.
struct KernelInfo {
  std::string name;
  std::int64_t phase = 0;
  std::vector<std::string> values;  ///< Names of the values that it computes.
  std::vector<std::string> layers;
  std::string code;          ///< A hash of what its code is made from; equal for kernels that share code.
  bool contraction = false;  ///< Whether its schedule has register blocks to choose from.
  std::int64_t flops_per_image = 0;
  std::int64_t bytes = 0;  ///< That it reads and writes in a step, each argument once, for the batch of the last run.
};

}  // namespace gradc
