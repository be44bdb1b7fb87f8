#pragma once
/// Where every value of a partitioned graph lives during a step, and what is called when. Backends and driver read this plan.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "backends/kernel.h"
#include "backends/kernel_info.h"
#include "ir/roles.h"
#include "support/memory.h"
#include "target/target.h"

namespace gradc {

/// A value's memory.
enum class Space {
  tile,     ///< One thread's, for the tile it works on: values that no other phase reads.
  batch,    ///< All images', for the whole step: values that cross phases.
  partial,  ///< One chunk's: sums over the batch, before they are reduced.
  whole,    ///< Once: replicated values and scalars.
  param,    ///< The model's: params, and the values that update them in place.
};

struct Placement {
  Space space = Space::whole;
  std::int64_t offset =
      0;  ///< Bytes from the start of the space, in Space::batch for each image; for a param its index in StepPlan::params.
  std::int64_t bytes = 0;  ///< In Space::batch those of an image, whose neighbours follow it.
};

struct PlannedKernel {
  KernelSource source;
  KernelInfo info;
  std::vector<Placement> arguments;        ///< Inputs, then outputs.
  std::int64_t blocks = 1;                 ///< Calls of a kernel that works in blocks, and for each argument
  std::vector<std::int64_t> block_stride;  ///< the bytes from one block to the next.
  /// What a call costs, about, in cycles; and what each image of the batch adds. Threads share such kernels by this.
  std::int64_t block_cost = 1, block_cost_of_image = 0;
};

struct Phase {
  std::vector<int> tiled, once;  ///< Indices of kernels, in order.
  /// Of a tile. A phase without tiled kernels has one too, as it may store the inputs.
  std::int64_t images = 0;
  /// What this phase stores for other phases, if those have larger tiles. The images that pad those have what one more tile of this phase,
  /// all of padding, computes: zeros would be divided by.
  std::vector<Placement> to_pad;
  std::vector<Placement> sums;  ///< The partial sums that this phase makes, which start at zero.
};

/// A batched or scalar input that the runtime stores before, or with, the first kernel of a tile.
struct PlannedInput {
  InputRole role = InputRole::data;
  Type type;
  Placement placement;
};

/// How long a value needs its memory: of a tile from one kernel to another, of the batch from one phase to another. Values of other spaces
/// keep theirs for the whole step.
struct ValueLife {
  std::string value;
  Placement placement;
  std::int64_t bytes = 0;   ///< Of a tile, or of an image in Space::batch.
  int first = 0, last = 0;  ///< Kernels, or phases; an input is there from -1 on.
};

struct PlannedOutput {
  std::string name;
  Type type;
  Placement placement;
};

struct StepPlan {
  Lanes lanes = Lanes::batch;
  Target target;
  std::int64_t padded_images = 1;  ///< A batch is padded to a multiple of this: the largest tile.
  std::int64_t smallest_tile = 1;
  std::vector<PlannedKernel> kernels;
  std::vector<Phase> phases;
  std::vector<PlannedInput> inputs;
  int load_phase = 0;  ///< In whose tiles the batched inputs are stored.
  std::vector<PlannedOutput> outputs;
  std::vector<std::string> params;
  std::vector<ValueLife> lives;
  std::int64_t tile_bytes = 0, batch_bytes = 0, partial_bytes = 0, whole_bytes = 0;
  std::int64_t flops_per_image = 0;  ///< Of the mathematics: multiply-adds count two.

  /// Those that a phase works on.
  std::int64_t tiles(const Phase& phase, std::int64_t images) const {
    const auto whole = (images + phase.images - 1) / phase.images;
    return phase.to_pad.empty() ? whole : std::min(whole + 1, padded(images) / phase.images);
  }
  std::int64_t padded(std::int64_t images) const { return (images + padded_images - 1) / padded_images * padded_images; }
  /// Into how many chunks a batch is cut. A chunk has its own partial sums and is worked on by one thread, in order, so this
  /// number, which does not depend on the threads, and not their scheduling decides how sums are rounded.
  std::int64_t chunks(std::int64_t images) const;
  /// What a kernel reads and writes in a step, each of its arguments once.
  std::int64_t bytes(int kernel, std::int64_t images) const;
};

/// Plans memory by liveness: values of a tile share the bytes of those that are not used any more. With guards, every value has pages of
/// its own and one more, which is nobody's, on that side; in Space::batch its distance is that of the next 64 bytes of an image, times the
/// images.
StepPlan make_plan(const Graph& graph, Guards guards = Guards::none);

/// Bytes from the start of a space that some value has, as [begin, end), sorted: for one thread or chunk, in Space::batch for so many
/// images.
std::vector<std::pair<std::int64_t, std::int64_t>> used_bytes(const StepPlan& plan, Space space, std::int64_t padded_images);

/// What each phase of a step does, as comment lines of the graph's text: its tiles, its work in FLOPs and bytes, and how the gradients of
/// weights are made whole.
std::string describe_phases(const StepPlan& plan, std::int64_t batch);

}  // namespace gradc
