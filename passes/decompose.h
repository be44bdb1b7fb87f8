#pragma once
#include "ir/graph.h"

namespace gradc {

/// Writes batch_moments as sums over the batch, of which a tile can make its part: mean = sum(x) / n, variance = sum((x - mean)^2) / n.
void decompose(Graph& graph);

}  // namespace gradc
