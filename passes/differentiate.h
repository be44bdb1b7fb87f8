#pragma once
#include <string>
#include <vector>

#include "ir/graph.h"

namespace gradc {

/// Reverse-mode differentiation of the output "loss" (summed, where it is not a scalar) with respect to every trainable param.
/// Adds the backward ops after the forward ones, and an output "gradient/NAME" for each param that the loss depends on. A value
/// with several uses sums their gradients; nothing is computed for what no trainable param feeds.
/// Throws gradc::Error where there is no output "loss".
void differentiate(Graph& graph);

/// Which values depend on any of those that are marked, or are marked.
std::vector<bool> reached_from(const Graph& graph, std::vector<bool> marked);

/// Adds the gradients of ops, from the last to the first: `gradient` has for each value that they read or make its gradient or -1, and
/// grows by those of their operands that are `reached`. The ops need not be the graph's, but their values are.
void add_gradients(Builder& b, const std::vector<Op>& forward, const std::vector<bool>& reached, std::vector<ValueId>& gradient);

/// The name of the output that differentiate gives a param's gradient.
std::string gradient_name(const std::string& param);

}  // namespace gradc
