#pragma once
#include <cstdint>
#include <vector>

namespace gradc {

/// A vertex of an acyclic graph that flows from sources to sinks.
struct Vertex {
  std::int64_t weight = 0;
  bool source = false, sink = false;
  std::vector<int> successors;
};

/// Which vertices to take out, so that no path leads from a source to a sink, with the least weight in all; of several such sets the one
/// nearest to the sinks. By the largest flow (Ford and Fulkerson 1956), along shortest paths (Edmonds and Karp 1972).
std::vector<bool> least_vertex_cut(const std::vector<Vertex>& vertices);

}  // namespace gradc
