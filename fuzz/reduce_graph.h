#pragma once
/// Delta debugging of graphs.

#include <cstdint>
#include <functional>
#include <set>

#include "ir/graph.h"

namespace gradc::fuzz {

/// Removes what a graph does not need to have to show a failure, by delta debugging: each kind of part is taken out in runs of half of
/// them, a quarter, down to single ones, and stays out if the graph still fails. Zeller and Hildebrandt, "Simplifying and Isolating
/// Failure-Inducing Input", IEEE Transactions on Software Engineering 28(2), 2002.
class GraphReducer {
 public:
  /// `fails` tells whether a graph still shows the failure.
  GraphReducer(Graph graph, std::function<bool(const Graph&)> fails) : graph_(std::move(graph)), fails_(std::move(fails)) {}

  /// The smallest graph that was found. Throws gradc::Error if the whole graph does not fail.
  Graph run();
  int tests() const { return tests_; }

 private:
  using Parts = std::set<std::size_t>;  ///< Indices of ops.

  template <class Is>
  void remove_parts(Is is_part, void (*change)(Graph&, const Parts&));
  void accept(Graph smaller);
  bool fails(const Graph& graph);

  Graph graph_;
  std::function<bool(const Graph&)> fails_;
  int tests_ = 0;
};

}  // namespace gradc::fuzz
