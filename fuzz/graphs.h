#pragma once
/// Random graphs of every op.

#include "fuzz/choices.h"
#include "ir/graph.h"

namespace gradc::fuzz {

/// A graph of plain ops on the inputs of a step. Each value that no op uses is an output. Half of the graphs are forward ops with a loss,
/// differentiated; the others hold the gradient ops themselves, with every geometry.
Graph random_graph(Choices& choices);

}  // namespace gradc::fuzz
