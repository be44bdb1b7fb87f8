#include "passes/commute_pool.h"

namespace gradc {
namespace {

/// Whether `op` adds one number a channel to images.
bool is_bias(const Graph& graph, const Op& op) {
  return op.kind == OpKind::add && graph.type(op.operands[0]).dims == graph.type(op.result()).dims &&
         graph.type(op.operands[1]).rank() == 1;
}

/// Swaps one pooling with the op before it. Returns whether there was one to swap.
bool commute_one(Graph& graph) {
  auto definers = graph.definers();
  auto users = graph.users();
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    auto& pool = graph.ops[i];
    if (!definition(pool.kind).commutes_with_increasing) continue;
    auto at = definers[pool.operands[0]];
    auto before = graph.ops[at];
    if (before.kind != OpKind::relu && !is_bias(graph, before)) continue;
    if (users[before.result()].size() != 1) continue;
    // before(x) ; pool  becomes  pool(x) ; before(pooled), which then gives the value that pool gave.
    auto result = pool.results[0];
    auto pooled = graph.add_value(graph.type(result), graph.values[before.operands[0]].name + "/pooled");
    pool.operands[0] = before.operands[0];
    pool.results[0] = pooled;
    before.operands[0] = pooled;
    before.results[0] = result;
    graph.ops.insert(graph.ops.begin() + static_cast<std::ptrdiff_t>(i) + 1, before);
    graph.ops.erase(graph.ops.begin() + at);
    return true;
  }
  return false;
}

}  // namespace

void commute_pool(Graph& graph) {
  while (commute_one(graph)) {
  }
}

}  // namespace gradc
