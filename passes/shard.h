#pragma once
#include "ir/graph.h"

namespace gradc {

/// Prepares a graph for being computed tile by tile of the batch. A value is *sharded* where its type has a batch, *partial* where it
/// is a sum over the batch of which each tile has its part, and *replicated* otherwise. Two things are made explicit:
///  - the last tile of a batch may hold padding, which must not count in a sum over the batch: unless a summed value is known to be zero
///    for padding (as gradients are, for the loss weighs each image with the batch mask), it is multiplied with the batch mask; a gradient
///    that a weight gradient sums where it is made, so that what is computed from it is zero too;
///  - where a partial value is needed whole, a `reduce` makes it so. A dense layer's weight gradient may instead be computed whole from the
///    start, where `whole_weight_gradient` says that this is cheaper.
/// The propagation follows GSPMD (Xu et al. 2021), on the batch axis alone.
void shard(Graph& graph);

}  // namespace gradc
