#include "passes/partition.h"

#include <algorithm>
#include <numeric>

#include "gradc/error.h"
#include "ir/scan.h"
#include "passes/layout.h"
#include "target/cost.h"

namespace gradc {
namespace {

struct Edge {
  int from, to;
  bool same_phase;  ///< Whether a tile's value may be read in the phase that makes it.
};

std::vector<Edge> dependences(const Graph& graph) {
  auto definers = graph.definers();
  std::vector<Edge> edges;
  for (const auto& op : graph.ops) {
    if (op.kernel < 0) continue;
    for (auto operand : op.operands) {
      auto source = storage_of(graph, definers, operand);
      int from = graph.ops[definers[source]].kernel;
      if (from < 0 || from == op.kernel) continue;
      const auto &a = graph.kernels[from], &b = graph.kernels[op.kernel];
      edges.push_back({from, op.kernel, a.tiled() && b.tiled() && a.size == b.size && graph.type(source).batched()});
    }
  }
  for (auto [reader, writer] : reads_before_updates(graph)) {
    int from = graph.ops[reader].kernel, to = graph.ops[writer].kernel;
    if (from >= 0 && to >= 0 && from != to) edges.push_back({from, to, false});
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
      if (!kernel.tiled() || kernel.phase != phase) continue;
      if (images == 0) images = kernel.size;
      if (kernel.size == images) continue;
      kernel.phase = phase + 1;
      found = true;
    }
    if (found) return true;
  }
  return false;
}

/// How many bytes of one image's values live in several phases.
class CrossPhaseBytes {
 public:
  explicit CrossPhaseBytes(const Graph& graph) : graph_(graph), kernels_(graph.values.size()) {
    auto definers = graph.definers();
    for (const auto& op : graph.ops) {
      if (op.kernel < 0) continue;
      for (auto result : op.results) kernels_[result].push_back(op.kernel);
      for (auto operand : op.operands) kernels_[storage_of(graph, definers, operand)].push_back(op.kernel);
    }
  }

  std::int64_t bytes() const {
    std::int64_t sum = 0;
    for (std::size_t value = 0; value < kernels_.size(); ++value) {
      const auto& type = graph_.type(static_cast<ValueId>(value));
      auto another_phase = [&](int k) { return graph_.kernels[k].phase != graph_.kernels[kernels_[value].front()].phase; };
      if (type.batched() && std::any_of(kernels_[value].begin(), kernels_[value].end(), another_phase))
        sum += type.elements() * size_of(type.dtype);
    }
    return sum;
  }

 private:
  const Graph& graph_;
  std::vector<std::vector<int>> kernels_;  ///< Which make or read a value.
};

/// Puts every kernel off to the last phase that what depends on it, and the tile sizes of the phases, allow. A tile then goes on from
/// forward kernels to backward ones that first had to wait for weights to be transposed. Undone unless fewer bytes pass between phases.
void delay_if_better(Graph& graph, const std::vector<Edge>& edges) {
  const auto phases = phase_count(graph);
  std::vector<std::int64_t> images(phases, 0);
  std::vector<int> order(graph.kernels.size()), first;
  for (const auto& kernel : graph.kernels) {
    first.push_back(kernel.phase);
    if (kernel.tiled()) images[kernel.phase] = kernel.size;
  }
  std::vector<std::vector<Edge>> from(graph.kernels.size());
  for (const auto& edge : edges) from[edge.from].push_back(edge);
  // What depends on a kernel is in a later phase, or in the same one behind it.
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return std::pair(first[a], a) > std::pair(first[b], b); });
  const CrossPhaseBytes crossing(graph);
  const auto before = crossing.bytes();
  for (int k : order) {
    auto& kernel = graph.kernels[k];
    int last = phases - 1;
    for (const auto& edge : from[k]) last = std::min(last, graph.kernels[edge.to].phase - (edge.same_phase ? 0 : 1));
    while (kernel.tiled() && last > kernel.phase && images[last] != kernel.size) --last;
    kernel.phase = std::max<std::int32_t>(kernel.phase, last);
  }
  if (crossing.bytes() < before) return;
  for (std::size_t k = 0; k < first.size(); ++k) graph.kernels[k].phase = first[k];
}

/// Gives kernels these tiles, and the phases that follow from them.
void assign_phases(Graph& graph, const std::vector<std::int64_t>& images, bool kernel_by_kernel) {
  for (std::size_t k = 0; k < graph.kernels.size(); ++k) {
    graph.kernels[k].phase = 0;
    if (graph.kernels[k].tiled()) graph.kernels[k].size = images[k];
  }
  auto edges = dependences(graph);
  do {
    find_longest_paths(graph, edges, kernel_by_kernel);
  } while (!kernel_by_kernel && separate_tile_sizes(graph));
  if (!kernel_by_kernel) delay_if_better(graph, edges);
}

/// Modelled cycles of what tiles and phases decide about: bringing weights to each tile, and images from one phase to another by way of
/// memory that all cores share.
double cost_of_tiles(const Graph& graph) {
  return cycles_to_read_weights(graph) + cost::crossing_cycles(CrossPhaseBytes(graph).bytes(), graph.target_or_default());
}

/// Tiles of several images for large weights keep other tiles from going forward and backward in one phase: undone where that costs more.
void choose_tiles(Graph& graph, const Workload& workload) {
  const auto images = tile_sizes(graph, workload), without = tile_sizes(graph, workload, false);
  assign_phases(graph, images, false);
  if (images == without || workload.force_images > 0) return;
  const auto kernels = graph.kernels;
  const auto cost = cost_of_tiles(graph);
  assign_phases(graph, without, false);
  if (cost_of_tiles(graph) > cost) graph.kernels = kernels;
}

}  // namespace

void partition(Graph& graph, const PartitionOptions& options) {
  if (options.kernel_by_kernel)
    assign_phases(graph, tile_sizes(graph, options.workload), true);
  else
    choose_tiles(graph, options.workload);
  for (auto& op : graph.ops)
    if (op.body)
      edit_body(op, [&](Graph& body) {
        for (auto& kernel : body.kernels) kernel.size = graph.kernels[op.kernel].size;
      });
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
