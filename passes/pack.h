#pragma once
#include "ir/graph.h"

namespace gradc {

/// Lays the weights of dense layers in blocks of neighbouring outputs, once a step, where lanes are images and a call reads them often: in
/// the steps of a loop, or for the rows of an image. Code reads a block of outputs for one input after the other, which in a wide kernel
/// lie far apart.
void pack(Graph& graph);

}  // namespace gradc
