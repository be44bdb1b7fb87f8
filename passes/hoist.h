#pragma once
#include "ir/graph.h"

namespace gradc {

/// Moves out of loops what does not depend on their carries: contractions, which become one over all steps, with what they read and the
/// biases that are added to them, and all that is not batched.
void hoist(Graph& graph);

}  // namespace gradc
