#include "passes/rematerialize.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "passes/simplify.h"
#include "target/cost.h"

namespace gradc {
namespace {

/// Ops that cost an instruction or two for each element.
bool is_cheap(OpKind kind) { return is_inlined(kind) && definition(kind).instructions <= 2; }

/// How to compute a value again.
struct Slice {
  std::vector<int> ops;        ///< Indices, in order; the last one defines the value.
  std::set<ValueId> operands;  ///< Batched values that those read and none of them makes.
};

/// Which values pass from kernel to kernel by way of memory, as readers of some are made to compute them again.
class RematCost {
 public:
  explicit RematCost(const Graph& graph)
      : graph_(graph),
        definers_(graph.definers()),
        users_(graph.users()),
        readers_(graph.values.size()),
        reads_(graph.kernels.size()),
        slices_(graph.kernels.size()),
        after_(graph.kernels.size()),
        leads_to_loops_(graph.ops.size(), false) {
    for (ValueId value = 0; value < static_cast<ValueId>(readers_.size()); ++value)
      for (int user : users_[value])
        if (int kernel = graph.ops[user].kernel; kernel != graph.ops[definers_[value]].kernel) add_reader(value, kernel);
    for (const auto& op : graph.ops)
      for (auto operand : op.operands) add_order(graph.ops[definers_[storage_of(graph, definers_, operand)]].kernel, op.kernel);
    for (auto [reader, writer] : reads_before_updates(graph)) {
      add_order(graph.ops[reader].kernel, graph.ops[writer].kernel);
      writers_.emplace(reader, graph.ops[writer].kernel);
    }
    for (int i = static_cast<int>(graph.ops.size()); i-- > 0;)
      for (auto result : graph.ops[i].results)
        for (int user : users_[result]) {
          const auto& next = graph.ops[user];
          const bool ends_here = next.kernel != graph.ops[i].kernel || next.kind == OpKind::reduce_sum;
          if (!ends_here && (!is_pointwise(next.kind) || leads_to_loops_[user])) leads_to_loops_[i] = true;
        }
  }

  /// Lets kernels that read a value compute it again where this saves bytes.
  void consider(ValueId value) {
    const auto slice = slice_for(value);
    if (slice.ops.empty() || slice.ops.size() > cost::kRecomputedOps) return;
    std::vector<int> able;
    for (int kernel : readers_[value])
      if (can_recompute(kernel, value) && reads_in_time(kernel, slice)) able.push_back(kernel);
    auto saved = [&](int kernel) {
      auto sum = bytes(value);
      for (auto operand : slice.operands) sum -= reads_[kernel].contains(operand) ? 0 : bytes(operand);
      return sum;
    };
    std::int64_t new_writes = 0, all = cost::kWrite * bytes(value);
    for (auto operand : slice.operands) new_writes += is_stored(operand) ? 0 : cost::kWrite * bytes(operand);
    for (int kernel : able) all += saved(kernel);
    if (able.size() == readers_[value].size() && all > new_writes) {
      for (int kernel : able) let_rematerialize(kernel, value, slice);
    } else if (new_writes == 0) {
      for (int kernel : able)
        if (saved(kernel) > 0) let_rematerialize(kernel, value, slice);
    }
  }

  /// The values that a kernel is to compute again.
  const std::map<ValueId, Slice>& slices(int kernel) const { return slices_[kernel]; }

 private:
  std::int64_t bytes(ValueId value) const { return graph_.type(value).elements() * size_of(graph_.type(value).dtype); }
  bool is_stored(ValueId value) const { return graph_.ops[definers_[value]].kernel < 0 || !readers_[value].empty(); }

  Slice slice_for(ValueId value) const {
    Slice slice;
    if (graph_.type(value).batched()) add_to(slice, value, graph_.ops[definers_[value]].kernel);
    return slice;
  }

  void add_to(Slice& slice, ValueId value, int kernel) const {
    if (slice.ops.size() > cost::kRecomputedOps) return;
    const int definer = definers_[value];
    const auto& op = graph_.ops[definer];
    if (op.kernel != kernel || kernel < 0 || !is_cheap(op.kind)) {
      if (graph_.type(value).batched()) slice.operands.insert(value);
      return;
    }
    if (std::find(slice.ops.begin(), slice.ops.end(), definer) != slice.ops.end()) return;
    for (auto operand : op.operands) add_to(slice, operand, kernel);
    slice.ops.push_back(definer);
  }

  /// Whether all that reads the value in a kernel are pointwise ops of its shape from which no product or pooling reads: it is then
  /// computed no more than once.
  bool can_recompute(int kernel, ValueId value) const {
    return kernel >= 0 && std::all_of(users_[value].begin(), users_[value].end(), [&](int user) {
             const auto& op = graph_.ops[user];
             return op.kernel != kernel ||
                    (is_pointwise(op.kind) && graph_.type(op.result()).dims == graph_.type(value).dims && !leads_to_loops_[user]);
           });
  }

  /// Whether a kernel can be done before params that the slice reads are updated.
  bool reads_in_time(int kernel, const Slice& slice) const {
    return std::all_of(slice.ops.begin(), slice.ops.end(), [&](int op) {
      auto [first, last] = writers_.equal_range(op);
      return std::none_of(first, last, [&](const auto& writer) { return writer.second != kernel && leads_to(writer.second, kernel); });
    });
  }

  bool leads_to(int from, int to) const {
    std::set<int> seen = {from};
    std::vector<int> pending = {from};
    while (!pending.empty()) {
      int kernel = pending.back();
      pending.pop_back();
      if (kernel == to) return true;
      for (int next : after_[kernel])
        if (seen.insert(next).second) pending.push_back(next);
    }
    return false;
  }

  void add_order(int first, int second) {
    if (first >= 0 && second >= 0 && first != second) after_[first].insert(second);
  }

  void add_reader(ValueId value, int kernel) {
    readers_[value].insert(kernel);
    if (kernel >= 0) reads_[kernel].insert(value);
  }

  void let_rematerialize(int kernel, ValueId value, const Slice& slice) {
    readers_[value].erase(kernel);
    reads_[kernel].erase(value);
    for (auto operand : slice.operands) add_reader(operand, kernel);
    for (int op : slice.ops) {
      auto [first, last] = writers_.equal_range(op);
      for (auto writer = first; writer != last; ++writer) add_order(kernel, writer->second);
    }
    slices_[kernel].emplace(value, slice);
  }

  const Graph& graph_;
  std::vector<std::int32_t> definers_;
  std::vector<std::vector<std::int32_t>> users_;
  std::vector<std::set<int>> readers_;    ///< For each value the kernels that read and do not make it; -1: what is outside of kernels.
  std::vector<std::set<ValueId>> reads_;  ///< For each kernel.
  std::vector<std::map<ValueId, Slice>> slices_;
  std::vector<std::set<int>> after_;  ///< For each kernel those that come after it.
  std::vector<bool> leads_to_loops_;  ///< Whether a contraction or pooling in an op's kernel reads its result many times.
  std::multimap<int, int> writers_;   ///< For each op the kernels that update params which it reads.
};

/// Appends what a kernel computes again, and notes for each value which one now stands for it there.
void append_slices(Graph& graph, const std::vector<Op>& ops, const std::map<ValueId, Slice>& slices, int kernel,
                   std::map<ValueId, ValueId>& again) {
  for (const auto& [value, slice] : slices)
    for (int i : slice.ops) {
      if (again.contains(ops[i].result())) continue;
      Op op = ops[i];
      op.kernel = kernel;
      for (auto& operand : op.operands)
        if (auto found = again.find(operand); found != again.end()) operand = found->second;
      auto result = op.result();
      op.results = {graph.add_value(Type(graph.type(result)), graph.values[result].name)};
      again[result] = op.result();
      graph.ops.push_back(std::move(op));
    }
}

/// Removes kernels that have no ops left.
void drop_empty_kernels(Graph& graph) {
  std::vector<int> place(graph.kernels.size(), -1);
  for (const auto& op : graph.ops)
    if (op.kernel >= 0) place[op.kernel] = 0;
  std::vector<Kernel> kept;
  for (std::size_t k = 0; k < place.size(); ++k)
    if (place[k] == 0) {
      place[k] = static_cast<int>(kept.size());
      kept.push_back(graph.kernels[k]);
    }
  graph.kernels = std::move(kept);
  for (auto& op : graph.ops)
    if (op.kernel >= 0) op.kernel = place[op.kernel];
}

}  // namespace

void rematerialize(Graph& graph) {
  RematCost cost(graph);
  for (const auto& op : graph.ops)
    if (is_pointwise(op.kind)) cost.consider(op.result());

  const auto ops = std::exchange(graph.ops, {});
  std::vector<std::map<ValueId, ValueId>> again(graph.kernels.size());
  int last = -1;
  for (auto op : ops) {
    if (op.kernel >= 0) {
      // The ops of a kernel stand together.
      if (op.kernel != last) append_slices(graph, ops, cost.slices(op.kernel), op.kernel, again[op.kernel]);
      for (auto& operand : op.operands)
        if (auto found = again[op.kernel].find(operand); found != again[op.kernel].end()) operand = found->second;
    }
    last = op.kernel;
    graph.ops.push_back(std::move(op));
  }
  eliminate_dead_code(graph);
  drop_empty_kernels(graph);
}

}  // namespace gradc
