#include "passes/partition.h"

#include <algorithm>
#include <numeric>

#include "support/error.h"

namespace gradc {
namespace {

struct Edge {
  int from, to;
  bool same_phase;  ///< Whether a tile's value may be read in the phase that makes it.
};

std::vector<Edge> dependences(const Graph& graph) {
  auto definers = graph.definers();
  std::vector<Edge> edges;
  std::vector<std::vector<int>> readers(graph.values.size());
  for (const auto& op : graph.ops) {
    if (op.kernel < 0) continue;
    for (auto operand : op.operands) {
      auto source = storage_of(graph, definers, operand);
      readers[source].push_back(op.kernel);
      int from = graph.ops[definers[source]].kernel;
      if (from < 0 || from == op.kernel) continue;
      const auto &a = graph.kernels[from], &b = graph.kernels[op.kernel];
      edges.push_back({from, op.kernel, a.tiled && b.tiled && a.images == b.images && graph.type(source).batched()});
    }
  }
  // An update writes the param in place, so whoever makes the new value waits for the readers of the old one.
  for (const auto& op : graph.ops) {
    if (op.kind != OpKind::update) continue;
    int writer = graph.ops[definers[storage_of(graph, definers, op.operands[1])]].kernel;
    for (int reader : readers[op.operands[0]])
      if (writer >= 0 && reader != writer) edges.push_back({reader, writer, false});
  }
  return edges;
}

/// Raises phases to the longest path to each kernel; kernels are nearly in order, so few rounds are needed.
void find_longest_paths(Graph& graph, const std::vector<Edge>& edges, bool kernel_by_kernel) {
  bool changed = true;
  for (std::size_t round = 0; changed; ++round) {
    check(round <= graph.kernels.size(), "kernels wait for each other");
    changed = false;
    for (const auto& edge : edges) {
      int least = graph.kernels[edge.from].phase + (edge.same_phase && !kernel_by_kernel ? 0 : 1);
      if (graph.kernels[edge.to].phase < least) {
        graph.kernels[edge.to].phase = least;
        changed = true;
      }
    }
  }
}

/// Lets the first phase with tiles of two sizes keep those of its first kernel, and puts the others off by a phase. Returns whether there
/// was one.
bool separate_tile_sizes(Graph& graph) {
  for (int phase = 0; phase < phase_count(graph); ++phase) {
    std::int64_t images = 0;
    bool found = false;
    for (auto& kernel : graph.kernels) {
      if (!kernel.tiled || kernel.phase != phase) continue;
      if (images == 0) images = kernel.images;
      if (kernel.images == images) continue;
      kernel.phase = phase + 1;
      found = true;
    }
    if (found) return true;
  }
  return false;
}

}  // namespace

int phase_count(const Graph& graph) {
  int count = 0;
  for (const auto& kernel : graph.kernels) count = std::max(count, kernel.phase + 1);
  return count;
}

void partition(Graph& graph, const PartitionOptions& options) {
  auto images = tile_images(graph, options.machine);
  for (std::size_t k = 0; k < graph.kernels.size(); ++k)
    if (graph.kernels[k].tiled) graph.kernels[k].images = images[k];
  auto edges = dependences(graph);
  for (auto& kernel : graph.kernels) kernel.phase = 0;
  do {
    find_longest_paths(graph, edges, options.kernel_by_kernel);
  } while (!options.kernel_by_kernel && separate_tile_sizes(graph));
  std::vector<int> order(graph.kernels.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return graph.kernels[a].phase < graph.kernels[b].phase; });
  std::vector<int> place(order.size());
  std::vector<Kernel> kernels;
  for (std::size_t i = 0; i < order.size(); ++i) {
    place[order[i]] = static_cast<int>(i);
    kernels.push_back(graph.kernels[order[i]]);
    if (options.kernel_by_kernel) kernels.back().phase = static_cast<std::int32_t>(i);
  }
  graph.kernels = std::move(kernels);
  for (auto& op : graph.ops)
    if (op.kernel >= 0) op.kernel = place[op.kernel];

  // Terminals and reshapes follow what they read; inputs and params come first, outputs and updates last.
  std::vector<std::vector<Op>> of_kernel(graph.kernels.size());
  std::vector<Op> first, last, reshapes;
  for (auto& op : graph.ops) {
    if (op.kernel >= 0)
      of_kernel[op.kernel].push_back(std::move(op));
    else if (op.kind == OpKind::input || op.kind == OpKind::param)
      first.push_back(std::move(op));
    else if (op.kind == OpKind::reshape)
      reshapes.push_back(std::move(op));
    else
      last.push_back(std::move(op));
  }
  std::vector<Op> ordered = std::move(first);
  std::vector<bool> defined(graph.values.size(), false);
  auto define = [&](const Op& op) {
    for (auto result : op.results) defined[result] = true;
  };
  for (const auto& op : ordered) define(op);
  auto place_reshapes = [&] {
    for (bool any = true; any;) {
      any = false;
      for (auto it = reshapes.begin(); it != reshapes.end();) {
        if (!defined[it->operands[0]]) {
          ++it;
          continue;
        }
        define(*it);
        ordered.push_back(std::move(*it));
        it = reshapes.erase(it);
        any = true;
      }
    }
  };
  place_reshapes();
  for (auto& ops : of_kernel) {
    for (auto& op : ops) {
      define(op);
      ordered.push_back(std::move(op));
    }
    place_reshapes();
  }
  for (auto& op : last) ordered.push_back(std::move(op));
  graph.ops = std::move(ordered);
}

}  // namespace gradc
