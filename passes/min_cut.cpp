#include "passes/min_cut.h"

#include <algorithm>
#include <limits>
#include <queue>

namespace gradc {
namespace {

constexpr std::int64_t kUnbounded = std::numeric_limits<std::int64_t>::max() / 4;

/// A flow network. Edges stand in pairs, each beside the one back.
class Network {
 public:
  explicit Network(std::size_t nodes) : edges_of_(nodes) {}

  void connect(int from, int to, std::int64_t capacity) {
    edges_of_[from].push_back(static_cast<int>(edges_.size()));
    edges_.push_back({to, capacity});
    edges_of_[to].push_back(static_cast<int>(edges_.size()));
    edges_.push_back({from, 0});
  }

  void fill(int source, int sink) {
    for (auto path = shortest_path(source, sink); !path.empty(); path = shortest_path(source, sink)) {
      auto flow = kUnbounded;
      for (auto edge : path) flow = std::min(flow, edges_[edge].capacity);
      for (auto edge : path) {
        edges_[edge].capacity -= flow;
        edges_[edge ^ 1].capacity += flow;
      }
    }
  }

  /// The nodes from which more could flow to the sink.
  std::vector<bool> open_to(int sink) const {
    std::vector<bool> open(edges_of_.size(), false);
    std::vector<int> found = {sink};
    open[sink] = true;
    while (!found.empty()) {
      const int node = found.back();
      found.pop_back();
      for (auto back : edges_of_[node]) {
        const int from = edges_[back].to;
        if (open[from] || edges_[back ^ 1].capacity == 0) continue;
        open[from] = true;
        found.push_back(from);
      }
    }
    return open;
  }

 private:
  struct Edge {
    int to;
    std::int64_t capacity;  ///< What is left of it.
  };

  /// The edges of a path with capacity left.
  std::vector<int> shortest_path(int source, int sink) const {
    std::vector<int> by(edges_of_.size(), -1);
    std::queue<int> found({source});
    while (!found.empty() && by[sink] < 0) {
      for (auto edge : edges_of_[found.front()]) {
        const int to = edges_[edge].to;
        if (to == source || by[to] >= 0 || edges_[edge].capacity == 0) continue;
        by[to] = edge;
        found.push(to);
      }
      found.pop();
    }
    std::vector<int> path;
    if (by[sink] < 0) return path;
    for (int node = sink; node != source; node = edges_[by[node] ^ 1].to) path.push_back(by[node]);
    return path;
  }

  std::vector<Edge> edges_;
  std::vector<std::vector<int>> edges_of_;
};

}  // namespace

std::vector<bool> least_vertex_cut(const std::vector<Vertex>& vertices) {
  // Each vertex is an edge from where its predecessors lead to where its successors start.
  const int count = static_cast<int>(vertices.size()), source = 2 * count, sink = source + 1;
  Network network(vertices.size() * 2 + 2);
  for (int i = 0; i < count; ++i) {
    const auto& vertex = vertices[i];
    network.connect(2 * i, 2 * i + 1, vertex.weight);
    if (vertex.source) network.connect(source, 2 * i, kUnbounded);
    if (vertex.sink) network.connect(2 * i + 1, sink, kUnbounded);
    for (auto next : vertex.successors) network.connect(2 * i + 1, 2 * next, kUnbounded);
  }
  network.fill(source, sink);
  const auto open = network.open_to(sink);
  std::vector<bool> cut(vertices.size());
  for (int i = 0; i < count; ++i) cut[i] = open[2 * i + 1] && !open[2 * i];
  return cut;
}

}  // namespace gradc
