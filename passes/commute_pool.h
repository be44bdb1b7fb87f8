#pragma once
#include "ir/graph.h"

namespace gradc {

/// Moves a max-pooling before the relu and the bias that stand in front of it: relu and the addition of one number a channel are
/// monotone, so max_pool(relu(x + b)) = relu(max_pool(x) + b), with a quarter of the additions for a 2×2 window, and backward the
/// relu's gradient and the bias's sum are over the pooled size too. Ties between values that relu made equal change nothing: no
/// gradient passes them.
void commute_pool(Graph& graph);

}  // namespace gradc
