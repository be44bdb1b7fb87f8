#include "target/cost.h"

#include <algorithm>

namespace gradc::cost {

double cycles(const RegisterTileLoops& loops, const Target& target) {
  const auto step = std::max({loops.multiply_adds / target.fma_per_cycle, loops.loads / target.loads_per_cycle,
                              static_cast<double>(target.fma_latency) * loops.chain});
  return loops.blocks * (step * loops.depth + kStartTile + kStoreAccumulator * loops.accumulators);
}

double arithmetic_cycles(double flops, const Target& target) { return flops / (2.0 * target.fma_per_cycle * target.lanes); }

double read_cycles(std::int64_t bytes, const Target& target) {
  return static_cast<double>(bytes) / (bytes > target.l2 / 2 ? target.memory_bandwidth : target.l2_bandwidth);
}

double crossing_cycles(std::int64_t bytes, const Target& target) { return static_cast<double>(bytes) * 2 / target.memory_bandwidth; }

}  // namespace gradc::cost
