#pragma once
#include "ir/graph.h"

namespace gradc {

/// Lets kernels compute again, from values that are in memory anyway, what other kernels would have to write for them: the normalized
/// activations of a batch normalization, which its gradient needs, are two operations on a convolution's result. Done for chains of cheap
/// pointwise ops where fewer bytes are then written and read. The idea of rematerialization (Briggs, Cooper and Torczon 1992), here for
/// bandwidth.
void rematerialize(Graph& graph);

}  // namespace gradc
