#pragma once
/// Where every value of a partitioned graph lives during a step, and what is called when. Backends and driver read this plan.

#include <string>
#include <vector>

#include "backends/kernel.h"
#include "backends/kernel_info.h"

namespace gradc {

/// A value's memory.
enum class Space {
  tile,     ///< One thread's, for the tile it works on: values that no other phase reads.
  batch,    ///< One tile's, for the whole step: values that cross phases.
  partial,  ///< One chunk's: sums over the batch, before they are reduced.
  whole,    ///< Once: replicated values and scalars.
  param,    ///< The model's: params, and the values that update them in place.
};

struct Placement {
  Space space = Space::whole;
  std::int64_t offset = 0;  ///< Bytes from the start of the space; for a param its index in StepPlan::params.
  std::int64_t bytes = 0;
};

struct PlannedKernel {
  KernelSource source;
  KernelInfo info;
  std::vector<Placement> arguments;  ///< Inputs, then outputs.
  std::vector<bool> scalar;          ///< For flat kernels: whether an argument is the same for every block.
  std::int64_t blocks = 1;           ///< Calls of a flat kernel.
};

struct Phase {
  std::vector<int> tiled, once;                        ///< Indices of kernels, in order.
  std::int64_t partial_offset = 0, partial_bytes = 0;  ///< The partial sums that this phase makes, which start at zero.
};

/// A batched or scalar input that the runtime stores before, or with, the first kernel of a tile.
struct PlannedInput {
  std::string name;
  Type type;
  Placement placement;
};

struct PlannedOutput {
  std::string name;
  Type type;
  Placement placement;
};

struct StepPlan {
  int lanes = 1;  ///< Images of a tile.
  std::vector<PlannedKernel> kernels;
  std::vector<Phase> phases;
  std::vector<PlannedInput> inputs;
  std::vector<PlannedOutput> outputs;
  std::vector<std::string> params;
  std::int64_t tile_bytes = 0, batch_bytes = 0, partial_bytes = 0, whole_bytes = 0;
  std::int64_t flops_per_image = 0;  ///< Of the mathematics: multiply-adds count two.

  /// Into how many chunks the tiles of a batch are cut. A chunk has its own partial sums and is worked on by one thread, in order, so this
  /// number, which does not depend on the threads, and not their scheduling decides how sums are rounded.
  std::int64_t chunks(std::int64_t tiles) const;
  /// What a kernel reads and writes in a step, each of its arguments once.
  std::int64_t bytes(int kernel, std::int64_t tiles) const;
};

/// Plans memory by liveness: values of a tile share the bytes of those that are not used any more.
StepPlan make_plan(const Graph& graph, int lanes);

}  // namespace gradc
