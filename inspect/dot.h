#pragma once
#include <string>

#include "ir/graph.h"

namespace gradc {

/// A graph in Graphviz's language: ops are nodes, coloured by whether they work forward, backward or for the update; values are edges with
/// their types; kernels, or before `fuse` layers, are boxes around their ops.
std::string dot(const Graph& graph);

}  // namespace gradc
