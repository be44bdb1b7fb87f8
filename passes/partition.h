#pragma once
#include "ir/graph.h"
#include "passes/workload.h"

namespace gradc {

struct PartitionOptions {
  /// Gives every kernel a phase of its own: each runs over the whole batch before the next starts.
  bool kernel_by_kernel = false;
  Workload workload = {};
};

/// Gives each kernel its tile and its phase. Within a phase a thread takes a tile of the batch through all tiled kernels before the next
/// tile; a barrier ends the phase; the kernels of a phase have tiles of one size. A kernel stands in the phase of the sharded values that
/// it reads, and in a later one than whatever makes a value whole that it reads: a partial sum that it reduces, a replicated value. The
/// update of a param comes after every reader of the param. Tiles of several images, which save reading large weights for each, are used
/// unless what they save is less than the bytes that then pass between phases cost. Kernels run as early as that allows, or as late if
/// fewer bytes of an image then pass from one phase to another, and are ordered by phase.
void partition(Graph& graph, const PartitionOptions& options = {});

}  // namespace gradc
