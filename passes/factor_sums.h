#pragma once
#include "ir/graph.h"

namespace gradc {

/// Takes factors that are the same for the whole batch out of sums over it, sum(x * c) = sum(x) * c, where another sum then becomes the
/// same: of the four sums over images in the gradient of a batch normalization two are left.
void factor_sums(Graph& graph);

}  // namespace gradc
