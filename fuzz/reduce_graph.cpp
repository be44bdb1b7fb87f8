#include "fuzz/reduce_graph.h"

#include "gradc/error.h"
#include "ir/text.h"
#include "passes/simplify.h"

namespace gradc::fuzz {
namespace {

void remove_boundary_ops(Graph& graph, const std::set<std::size_t>& ops) {
  for (auto it = ops.rbegin(); it != ops.rend(); ++it) graph.ops.erase(graph.ops.begin() + static_cast<std::ptrdiff_t>(*it));
}

void remove_unused(Graph& graph, const std::set<std::size_t>& ops) {
  auto users = graph.users();
  std::set<std::size_t> unused;
  for (auto i : ops)
    if (users[graph.ops[i].result()].empty()) unused.insert(i);
  remove_boundary_ops(graph, unused);
}

/// Lets outputs give what the op that makes them takes.
void give_operand(Graph& graph, const std::set<std::size_t>& outputs, bool last) {
  auto definers = graph.definers();
  for (auto i : outputs) {
    auto& given = graph.ops[i].operands[0];
    const auto& operands = graph.ops[definers[given]].operands;
    if (!operands.empty()) given = last ? operands.back() : operands.front();
  }
}

void give_first_operand(Graph& graph, const std::set<std::size_t>& outputs) { give_operand(graph, outputs, false); }
void give_last_operand(Graph& graph, const std::set<std::size_t>& outputs) { give_operand(graph, outputs, true); }

/// Lets the uses of an op's result use an operand of the same type.
void bypass(Graph& graph, const std::set<std::size_t>& ops) {
  for (auto i : ops)
    for (auto result : graph.ops[i].results)
      for (auto operand : graph.ops[i].operands)
        if (graph.type(operand) == graph.type(result)) {
          graph.replace_uses(result, operand);
          break;
        }
}

/// Makes inputs of an op's results, so that nothing before it is needed.
void cut(Graph& graph, const std::set<std::size_t>& ops) {
  std::vector<Op> inputs;
  for (auto i : ops)
    for (auto result : graph.ops[i].results) {
      Op input{.kind = OpKind::input, .results = {result}};
      input.attributes.set("name", graph.values[result].name);
      inputs.push_back(input);
    }
  remove_boundary_ops(graph, ops);
  graph.ops.insert(graph.ops.begin(), inputs.begin(), inputs.end());
}

}  // namespace

template <class Is>
void GraphReducer::remove_parts(Is is_part, void (*change)(Graph&, const Parts&)) {
  auto count = [&] {
    std::vector<std::size_t> parts;
    for (std::size_t i = 0; i < graph_.ops.size(); ++i)
      if (is_part(graph_.ops[i])) parts.push_back(i);
    return parts;
  };
  for (auto size = count().size(); size > 0; size /= 2) {
    // From the end, so that what is left before keeps its place.
    for (auto end = count().size(); end > 0;) {
      auto parts = count();
      end = std::min(end, parts.size());
      auto begin = end > size ? end - size : 0;
      if (begin == end) break;
      auto smaller = graph_;
      change(smaller, {parts.begin() + static_cast<std::ptrdiff_t>(begin), parts.begin() + static_cast<std::ptrdiff_t>(end)});
      accept(std::move(smaller));
      end = begin;
    }
  }
}

void GraphReducer::accept(Graph smaller) {
  try {
    eliminate_dead_code(smaller);
    auto text = print(smaller);
    if (text == print(graph_)) return;
    smaller = parse(text);
  } catch (const std::exception&) {
    return;  // not a graph any more
  }
  if (fails(smaller)) graph_ = std::move(smaller);
}

bool GraphReducer::fails(const Graph& graph) {
  ++tests_;
  return fails_(graph);
}

Graph GraphReducer::run() {
  if (!fails(graph_)) throw Error("the whole graph does not show the failure, so nothing can be taken out of it");
  for (std::size_t before = 0; before != graph_.ops.size();) {
    before = graph_.ops.size();
    remove_parts([](const Op& op) { return op.kind == OpKind::output || op.kind == OpKind::update; }, remove_boundary_ops);
    remove_parts([](const Op& op) { return op.kind == OpKind::output; }, give_first_operand);
    remove_parts([](const Op& op) { return op.kind == OpKind::output; }, give_last_operand);
    remove_parts([](const Op& op) { return !op.operands.empty() && !op.results.empty(); }, bypass);
    remove_parts([](const Op& op) { return !op.results.empty() && op.kind != OpKind::input && op.kind != OpKind::param; }, cut);
    remove_parts([](const Op& op) { return op.kind == OpKind::input || op.kind == OpKind::param; }, remove_unused);
  }
  remove_parts([](const Op& op) { return !op.loc.empty(); },
               [](Graph& graph, const std::set<std::size_t>& parts) {
                 for (auto i : parts) graph.ops[i].loc.clear();
               });
  return graph_;
}

}  // namespace gradc::fuzz
