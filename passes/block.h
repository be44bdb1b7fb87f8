#pragma once
#include "ir/graph.h"

namespace gradc {

/// Cuts the work of kernels that run once a step into blocks, which threads share: elements where all is pointwise, rows where a gradient
/// over the whole batch is made. What cannot be cut is one thread's work.
void block(Graph& graph);

}  // namespace gradc
