#include "passes/fuse.h"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "gradc/error.h"
#include "ir/scan.h"
#include "passes/layout.h"
#include "passes/rewriter.h"
#include "passes/simplify.h"
#include "target/cost.h"

namespace gradc {
namespace {

using OpTest = bool (*)(const Graph&, const Op&);

/// A contraction whose result is an image or a vector, that an epilogue can follow in registers.
bool is_product(const Graph& graph, const Op& op) { return is_contraction(op.kind) && graph.type(op.result()).batched(); }

/// A product of which each result element is a sum over a window of an operand.
bool is_forward_convolution(const Graph& graph, const Op& op) {
  if (!is_product(graph, op)) return false;
  const auto loops = graph.iteration(op);
  return loops.is_convolution() && !loops.slides_over_result;
}

bool is_weight_gradient(const Graph& graph, const Op& op) { return is_contraction(op.kind) && sums_over_batch(graph, op); }

bool is_sum(const Graph&, const Op& op) { return op.kind == OpKind::reduce || is_whole_gradient(op.kind); }

/// Ops that may stand before a gradient in its kernel, computed as it reads them.
bool is_prologue(const Graph&, const Op& op) { return is_inlined(op.kind); }

/// A comparison with a constant: reading its operand again costs less than a value of its own between kernels.
bool is_threshold(const Graph& graph, const Op& op) {
  return op.kind == OpKind::greater && (graph.type(op.operands[0]).rank() == 0) != (graph.type(op.operands[1]).rank() == 0);
}

/// Lets those of the outputs that are marked, by their ops, give a copy.
void copy_outputs(Graph& graph, const std::vector<bool>& marked) {
  Rewriter rewriter(graph);
  for (std::size_t i = 0; i < marked.size(); ++i) {
    auto op = rewriter.old_ops()[i];
    if (marked[i]) op.operands[0] = rewriter.b.emit(OpKind::stop_gradient, {op.operands[0]}, {}, "copy");
    graph.ops.push_back(std::move(op));
  }
}

/// The step writes new values of params where the old ones are. An output of an old one is a copy, which is made before.
void copy_updated_outputs(Graph& graph) {
  auto definers = graph.definers();
  std::set<ValueId> updated;
  for (const auto& op : graph.ops)
    if (op.kind == OpKind::update && storage_of(graph, definers, op.operands[1]) != op.operands[0]) updated.insert(op.operands[0]);
  std::vector<bool> lost(graph.ops.size());
  for (std::size_t i = 0; i < graph.ops.size(); ++i)
    lost[i] = graph.ops[i].kind == OpKind::output && updated.contains(storage_of(graph, definers, graph.ops[i].operands[0]));
  copy_outputs(graph, lost);
}

/// A kernel of a body writes each output, an array of its own.
void copy_outputs_of_body(Graph& body) {
  const auto definers = body.definers();
  std::set<ValueId> written;
  std::vector<bool> copied(body.ops.size(), false);
  for (std::size_t i = 0; i < copied.size(); ++i) {
    if (body.ops[i].kind != OpKind::output) continue;
    const auto storage = storage_of(body, definers, body.ops[i].operands[0]);
    const auto kind = body.ops[definers[storage]].kind;
    copied[i] = kind == OpKind::input || kind == OpKind::constant || !written.insert(storage).second;
  }
  copy_outputs(body, copied);
}

/// Lets ops read the params that other ops update from copies, which are made first: the updates then wait for nothing else.
void copy_updated_params(Graph& graph) {
  auto definers = graph.definers();
  std::map<ValueId, std::int32_t> makers;
  for (const auto& op : graph.ops)
    if (op.kind == OpKind::update) makers[op.operands[0]] = definers[storage_of(graph, definers, op.operands[1])];
  auto read_by_another = [&](std::int32_t reader, ValueId operand) {
    auto found = makers.find(storage_of(graph, definers, operand));
    return !is_boundary(graph.ops[reader].kind) && found != makers.end() && found->second != reader;
  };
  std::set<ValueId> copied;
  std::vector<std::vector<ValueId>> sources(graph.ops.size());  ///< For each operand the param to copy, or -1.
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(graph.ops.size()); ++i)
    for (auto operand : graph.ops[i].operands) {
      sources[i].push_back(read_by_another(i, operand) ? storage_of(graph, definers, operand) : -1);
      if (sources[i].back() >= 0) copied.insert(sources[i].back());
    }
  Rewriter rewriter(graph);
  std::map<ValueId, ValueId> copies;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    auto op = rewriter.old_ops()[i];
    for (std::size_t k = 0; k < sources[i].size(); ++k) {
      if (sources[i][k] < 0) continue;
      auto copy = copies.at(sources[i][k]);
      const auto dims = graph.type(op.operands[k]).dims;
      op.operands[k] = dims == graph.type(copy).dims ? copy : rewriter.b.emit(OpKind::reshape, {copy}, {{"dims", dims}});
    }
    graph.ops.push_back(op);
    if (op.kind == OpKind::param && copied.contains(op.result()))
      copies[op.result()] = rewriter.b.emit(OpKind::stop_gradient, {op.result()});
  }
  eliminate_dead_code(graph);
}

/// Repeats constants, scalar arithmetic and comparisons with constants in front of every op that uses them, so that they never keep two
/// kernels apart.
void repeat_scalars(Graph& graph, bool tests) {
  Rewriter rewriter(graph);
  std::vector<const Op*> cheap(graph.values.size(), nullptr);
  auto is_cheap = [&](const Op& op) {
    if (op.kind == OpKind::constant) return true;
    if (!is_pointwise(op.kind) || graph.type(op.result()).rank() != 0) return false;
    return true;
  };
  // Scalars of params and inputs alone; what a `reduce` gives stays a kernel's result.
  std::vector<bool> repeatable(graph.values.size(), false);
  for (const auto& op : rewriter.old_ops()) {
    if (op.results.empty()) continue;
    bool ok = is_cheap(op);
    for (auto operand : op.operands) ok = ok && (repeatable[operand] || cheap[operand] != nullptr);
    ok = ok || (tests && is_threshold(graph, op));
    if ((op.kind == OpKind::input || op.kind == OpKind::param) && graph.type(op.result()).rank() == 0) repeatable[op.result()] = true;
    if (ok) cheap[op.result()] = &op;
  }
  std::function<ValueId(ValueId)> copy = [&](ValueId value) -> ValueId {
    if (cheap[value] == nullptr) return value;
    Op op = *cheap[value];
    for (auto& operand : op.operands) operand = copy(operand);
    auto type = graph.type(value);
    auto name = graph.values[value].name;
    op.results = {graph.add_value(type, name)};
    graph.ops.push_back(op);
    return op.result();
  };
  // Cheap ops themselves are kept for outputs and updates, and are dead without such a use. Two of them that read one constant would be in
  // one kernel for it.
  for (const auto& old : rewriter.old_ops()) {
    auto op = old;
    if (!is_boundary(op.kind))
      for (auto& operand : op.operands)
        if (operand < static_cast<ValueId>(cheap.size())) operand = copy(operand);
    graph.ops.push_back(op);
  }
  eliminate_dead_code(graph);
}

/// Whether a contraction reads what a transpose reads where it lies instead of a copy. Lanes of images take one element at a time from
/// anywhere. Lanes of features want neighbouring ones, which a dense kernel has along the sum that is made, and a matrix in its rows.
bool can_read_transposed(const Graph& graph, const Op& op, const Op& transpose) {
  const auto& operands = definition(op.kind).transposable;
  if (operands.empty()) return false;
  for (std::size_t i = 0; i < op.operands.size(); ++i)
    if (op.operands[i] == transpose.result() && std::find(operands.begin(), operands.end(), static_cast<int>(i)) == operands.end())
      return false;
  if (graph.lanes == Lanes::batch) return true;
  const auto loops = graph.iteration(op);
  const auto& permutation = transpose.attributes.ints("permutation");
  if (loops.is_of_images()) return permutation.back() == std::ssize(permutation) - 1;
  if (loops.contiguous != LoopKind::depth || loops.extent(LoopKind::depth) % cost::kVectorMultiple != 0) return false;
  // Each row's results are vectors whose lanes have to be added up, which for many rows costs more than the copy does.
  const auto rows = static_cast<double>(loops.extent(LoopKind::row)), depth = static_cast<double>(loops.extent(LoopKind::depth));
  return rows == 1 || rows * cost::kAddUpLanes <= depth * cost::kTransposeWeight;
}

/// Gives each reader of a transposed value that could read it where it lies a transpose of its own, which joins its kernel.
void repeat_transposes(Graph& graph) {
  const auto users = graph.users();
  Rewriter rewriter(graph);
  std::map<ValueId, Op> repeated;
  for (auto op : rewriter.old_ops()) {
    if (op.kind == OpKind::transpose && graph.type(op.result()).batched() && users[op.result()].size() > 1 &&
        std::all_of(users[op.result()].begin(), users[op.result()].end(),
                    [&](int user) { return can_read_transposed(graph, rewriter.old_ops()[user], op); }))
      repeated.emplace(op.result(), op);
    std::map<ValueId, ValueId> own;
    for (auto& operand : op.operands) {
      auto found = repeated.find(operand);
      if (found == repeated.end()) continue;
      auto [copy, is_new] = own.try_emplace(operand, -1);
      if (is_new) {
        rewriter.b.stand_at(op);
        copy->second = rewriter.b.emit(OpKind::transpose, found->second.operands, found->second.attributes, graph.values[operand].name);
      }
      operand = copy->second;
    }
    graph.ops.push_back(std::move(op));
  }
  eliminate_dead_code(graph);
}

/// Groups of ops under union, with the checks that keep them an acyclic graph.
class FusionGroups {
 public:
  explicit FusionGroups(const Graph& graph)
      : graph_(graph),
        group_(graph.ops.size()),
        members_(graph.ops.size()),
        before_(graph.ops.size()),
        after_(graph.ops.size()),
        definers_(graph.definers()),
        users_(graph.users()) {
    std::iota(group_.begin(), group_.end(), 0);
    for (std::size_t i = 0; i < members_.size(); ++i) members_[i] = {static_cast<int>(i)};
    for (const auto& op : graph.ops)
      for (auto result : op.results)
        for (int user : users_[result]) add_order(definers_[result], user);
    for (auto [reader, writer] : reads_before_updates(graph)) add_order(reader, writer);
  }

  int of(int op) const { return group_[op]; }
  const std::vector<int>& members(int group) const { return members_[group]; }
  int definer(ValueId value) const { return definers_[value]; }
  const std::vector<std::int32_t>& users(ValueId value) const { return users_[value]; }
  const Op& op(int index) const { return graph_.ops[index]; }

  bool any(int group, OpTest test) const {
    return std::any_of(members_[group].begin(), members_[group].end(), [&](int m) { return test(graph_, op(m)); });
  }
  bool all(int group, OpTest test) const {
    return std::all_of(members_[group].begin(), members_[group].end(), [&](int m) { return test(graph_, op(m)); });
  }
  bool tiled(int group) const {
    for (int m : members_[group]) {
      if (definition(op(m).kind).whole_batch) continue;
      for (auto v : op(m).operands)
        if (graph_.type(v).batched()) return true;
      for (auto v : op(m).results)
        if (graph_.type(v).batched()) return true;
    }
    return false;
  }
  /// Whether every use of every value that the group makes is in the group or in `other`.
  bool only_used_by(int group, int other) const {
    for (int m : members_[group])
      for (auto result : op(m).results)
        for (int user : users_[result])
          if (of(user) != group && of(user) != other) return false;
    return true;
  }
  /// Whether a value leaves the group.
  bool exported(ValueId value) const {
    for (int user : users_[value])
      if (of(user) != of(definers_[value])) return true;
    return false;
  }

  /// Joins two groups unless a third would then both feed and be fed by the result.
  bool join(int producer, int consumer) {
    if (producer == consumer) return true;
    if (path_through_another(producer, consumer)) return false;
    for (int m : members_[consumer]) {
      group_[m] = producer;
      members_[producer].push_back(m);
    }
    members_[consumer].clear();
    std::sort(members_[producer].begin(), members_[producer].end());
    return true;
  }

  /// The groups in an order in which each comes after those that it reads; nothing if there is none.
  std::optional<std::vector<int>> order() const {
    std::vector<int> result;
    std::vector<int> state(group_.size(), 0);
    std::vector<std::pair<int, std::size_t>> stack;
    for (std::size_t i = 0; i < group_.size(); ++i) {
      stack.push_back({group_[i], 0});
      while (!stack.empty()) {
        auto [group, next] = stack.back();
        if (state[group] == 2) {
          stack.pop_back();
          continue;
        }
        auto inputs = producers(group);
        state[group] = 1;
        if (next < inputs.size()) {
          ++stack.back().second;
          if (state[inputs[next]] == 1) return std::nullopt;
          if (state[inputs[next]] == 0) stack.push_back({inputs[next], 0});
          continue;
        }
        state[group] = 2;
        result.push_back(group);
        stack.pop_back();
      }
    }
    return result;
  }

 private:
  void add_order(int first, int second) {
    before_[second].push_back(first);
    after_[first].push_back(second);
  }

  /// Groups that have to come before this one.
  std::vector<int> producers(int group) const {
    std::vector<int> found;
    for (int m : members_[group])
      for (int earlier : before_[m])
        if (auto g = of(earlier); g != group && std::find(found.begin(), found.end(), g) == found.end()) found.push_back(g);
    return found;
  }

  /// Whether a path leads from `from` to `to` over at least one other group.
  bool path_through_another(int from, int to) const {
    int last = members_[to].back();
    std::set<int> seen = {from};
    std::vector<int> pending = {from};
    while (!pending.empty()) {
      int group = pending.back();
      pending.pop_back();
      for (int m : members_[group])
        for (int later : after_[m]) {
          int next = of(later);
          if (next == group || (group == from && next == to)) continue;
          if (next == to) return true;
          // Ops are in order, so what lies wholly behind `to` does not lead to it.
          if (members_[next].front() > last || !seen.insert(next).second) continue;
          pending.push_back(next);
        }
    }
    return false;
  }

  const Graph& graph_;
  std::vector<int> group_;
  std::vector<std::vector<int>> members_;
  std::vector<std::vector<int>> before_, after_;  ///< For each op those that must be done before it, or after it: readers of what it makes.
  std::vector<std::int32_t> definers_;
  std::vector<std::vector<std::int32_t>> users_;
};

/// Which producer an op may join.
class FusionRules {
 public:
  FusionRules(const Graph& graph, const FusionGroups& groups, const Workload& workload)
      : graph_(graph), groups_(groups), workload_(workload) {}

  bool may_join(int consumer, ValueId through) const {
    int producer = groups_.definer(through);
    const auto &op = groups_.op(consumer), &from = groups_.op(producer);
    if (is_boundary(op.kind) || is_boundary(from.kind) || is_loop(op.kind) || is_loop(from.kind)) return false;
    int group = groups_.of(producer), own = groups_.of(consumer);
    // What sees the whole batch reads images from memory.
    if (from.kind == OpKind::constant) return !definition(op.kind).whole_batch || !graph_.type(through).batched();
    // What is computed once of a sum over the batch is not computed in each tile.
    const bool waits_for_sum = groups_.tiled(own) && groups_.any(group, is_sum);
    if (is_pointwise(from.kind) && graph_.type(through).rank() == 0 && groups_.only_used_by(group, own) && !waits_for_sum) return true;
    if (from.kind == OpKind::transpose && groups_.tiled(own) && groups_.only_used_by(group, own))
      return can_read_transposed(graph_, op, from);
    if (groups_.tiled(group) != groups_.tiled(own)) return false;
    if (is_pointwise(op.kind) && pointwise_instructions(group) + pointwise_instructions(own) > cost::kInstructionsOfChain) return false;
    if (!groups_.tiled(own) && op.kind == OpKind::reduce_sum) return is_product_of_weights(from, group, own);
    if (!groups_.tiled(own)) return pointwise_of_one_shape(op, own, from, group, through);
    if (sums_over_batch(graph_, from)) return false;
    // A sum over batch and pixels reads what its kernel has just stored.
    if (op.kind == OpKind::reduce_sum && sums_over_batch(graph_, op)) return true;
    if (definition(op.kind).inlines_operands) return groups_.all(group, is_prologue) && groups_.only_used_by(group, own);
    if (fusion_of(op.kind) == FusionKind::window) return pools_in_registers(op, group, own);
    if (is_pointwise(op.kind)) return follows(op, own, group, through);
    if (op.kind == OpKind::softmax_cross_entropy_grad) return !groups_.any(group, is_product);
    return false;
  }

 private:
  /// A pointwise op joins what makes an operand of its own shape; at most one product per kernel.
  bool follows(const Op& op, int own, int group, ValueId through) const {
    if (graph_.type(through).dims != graph_.type(op.result()).dims) return false;
    if (groups_.any(group, is_weight_gradient)) return false;
    if (groups_.any(group, is_product) && (groups_.any(own, is_product) || sums_within_images(own))) return false;
    if (needs_whole_product(own, group) || needs_whole_product(group, own)) return false;
    // Behind a product only ops on what the product made share its loops; a larger value made before its pooling does not.
    return !groups_.any(group, is_product) || reaches_product(through);
  }

  std::int64_t pointwise_instructions(int group) const {
    std::int64_t sum = 0;
    for (int m : groups_.members(group))
      if (const auto kind = groups_.op(m).kind; is_pointwise(kind)) sum += definition(kind).instructions;
    return sum;
  }

  /// Whether a group has a sum of its own over the elements of images, which loops of a product cannot share.
  bool sums_within_images(int group) const {
    const auto& members = groups_.members(group);
    return std::any_of(members.begin(), members.end(),
                       [&](int m) { return groups_.op(m).kind == OpKind::reduce_sum && !sums_over_batch(graph_, groups_.op(m)); });
  }

  /// Whether an op of `group` that no loops of a product can share, as a softmax or a pooling, reads what the product of `other` makes.
  bool needs_whole_product(int group, int other) const {
    if (!groups_.any(other, is_product)) return false;
    std::set<int> of_product;  // Ops, which are in order.
    for (int m : groups_.members(group)) {
      const auto& op = groups_.op(m);
      const bool reads = std::any_of(op.operands.begin(), op.operands.end(), [&](ValueId operand) {
        const int before = groups_.definer(operand);
        return of_product.contains(before) || groups_.of(before) == other;
      });
      if (!reads) continue;
      if (!is_pointwise(op.kind)) return true;
      of_product.insert(m);
    }
    return false;
  }

  /// Whether the value comes from a product of its kernel by pointwise ops and poolings alone.
  bool reaches_product(ValueId value) const {
    int at = groups_.definer(value);
    const auto& op = groups_.op(at);
    if (is_product(graph_, op)) return true;
    if (!is_pointwise(op.kind) && fusion_of(op.kind) != FusionKind::window) return false;
    for (auto operand : op.operands)
      if (int before = groups_.definer(operand); groups_.of(before) == groups_.of(at) && reaches_product(operand)) return true;
    return false;
  }

  /// Whether a convolution has code of its own for columns or pixels, which is worth more than to be pooled in registers: where it works on
  /// several images at once, and where padding is much of its few columns.
  bool is_better_alone(const Op& op) const {
    if (!is_forward_convolution(graph_, op)) return false;
    if (images_for_weights(graph_, op, workload_) > 1) return true;
    const auto columns = graph_.iteration(op).windows.back();
    return columns.before + columns.after > 0 && has_code_for_each_column(graph_, columns.output, columns.size);
  }

  /// A pooling whose windows do not overlap and that is the only reader of a convolution's kernel.
  bool pools_in_registers(const Op& op, int group, int own) const {
    const auto& window = op.attributes.ints("window");
    const auto& padding = op.attributes.pairs("padding");
    const auto pixels = std::accumulate(window.begin(), window.end(), std::int64_t{1}, std::multiplies<>());
    const bool separate = window == op.attributes.ints("strides") && padding == Pairs(padding.size()) && pixels <= 4;
    auto pooled = [](const Graph&, const Op& other) {
      return fusion_of(other.kind) == FusionKind::window || other.kind == OpKind::reduce_sum;
    };
    const auto& members = groups_.members(group);
    if (std::any_of(members.begin(), members.end(), [&](int m) { return is_better_alone(groups_.op(m)); })) return false;
    return separate && groups_.any(group, is_forward_convolution) && !groups_.any(group, pooled) && groups_.only_used_by(group, own);
  }

  /// A product of weights, as of matrices, is more than what it is made of; it is computed as its sum reads it, and not stored.
  bool is_product_of_weights(const Op& from, int group, int own) const {
    const auto elements = graph_.type(from.result()).elements();
    return from.kind == OpKind::mul && groups_.members(group).size() == 1 && groups_.only_used_by(group, own) &&
           std::all_of(from.operands.begin(), from.operands.end(), [&](ValueId x) { return graph_.type(x).elements() < elements; });
  }

  bool pointwise_of_one_shape(const Op& op, int own, const Op& from, int group, ValueId through) const {
    if (!is_pointwise(op.kind)) return false;
    if (!is_inlined(from.kind) && !is_sum(graph_, from)) return false;
    // The loops of a gradient over the whole batch are its own.
    auto is_whole = [](const Graph&, const Op& each) { return is_whole_gradient(each.kind); };
    if (groups_.any(group, is_sum) && groups_.any(own, is_sum) && (groups_.any(group, is_whole) || groups_.any(own, is_whole)))
      return false;
    return graph_.type(through).dims == graph_.type(op.result()).dims;
  }

  const Graph& graph_;
  const FusionGroups& groups_;
  const Workload& workload_;
};

std::string kernel_name(const Graph& graph, const FusionGroups& groups, int group) {
  // The op with most work names the kernel, with its layer.
  int main = groups.members(group).front();
  for (int m : groups.members(group))
    if (graph.flops(groups.op(m)) > graph.flops(groups.op(main))) main = m;
  std::string name = groups.op(main).loc.empty() ? "" : groups.op(main).loc + ".";
  for (auto& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '.') c = '_';
  return name + std::string(name_of(groups.op(main).kind));
}

/// Softmax cross-entropy and its gradient read the same logits and share their exponentials.
void join_with_loss(FusionGroups& groups, int gradient) {
  const auto& op = groups.op(gradient);
  for (int user : groups.users(op.operands[0])) {
    const auto& other = groups.op(user);
    if (other.kind == OpKind::softmax_cross_entropy && other.operands[1] == op.operands[1])
      groups.join(groups.of(user), groups.of(gradient));
  }
}

/// Which ops a kernel may not have both of: one that makes a param's new value without reading the old one, in whose place it is written,
/// and one that reads the old one, which may come later in the kernel's code.
class Overwriting {
 public:
  explicit Overwriting(const Graph& graph) : params_written_(graph.ops.size()), params_read_(graph.ops.size()) {
    auto definers = graph.definers();
    std::vector<std::set<ValueId>> seen(graph.ops.size());  ///< Params that an op's result is computed from, element by element.
    for (std::size_t i = 0; i < graph.ops.size(); ++i) {
      const auto& op = graph.ops[i];
      if (op.kind == OpKind::param) seen[i].insert(op.result());
      if (op.kind == OpKind::reshape || is_pointwise(op.kind))
        for (auto operand : op.operands) seen[i].insert(seen[definers[operand]].begin(), seen[definers[operand]].end());
      if (is_boundary(op.kind)) continue;
      for (auto operand : op.operands) params_read_[i].insert(storage_of(graph, definers, operand));
    }
    for (const auto& op : graph.ops) {
      if (op.kind != OpKind::update) continue;
      int maker = definers[storage_of(graph, definers, op.operands[1])];
      if (!seen[maker].contains(op.operands[0])) params_written_[maker].insert(op.operands[0]);
    }
  }

  bool between(const std::vector<int>& some, const std::vector<int>& others) const {
    return one_way(some, others) || one_way(others, some);
  }

 private:
  bool one_way(const std::vector<int>& writers, const std::vector<int>& readers) const {
    for (int writer : writers)
      for (auto param : params_written_[writer])
        if (std::any_of(readers.begin(), readers.end(), [&](int reader) { return params_read_[reader].contains(param); })) return true;
    return false;
  }

  std::vector<std::set<ValueId>> params_written_, params_read_;
};

/// Joins kernels that read params with those that make their new values, where both work on arrays of one shape once a step: apart, the
/// second would have to wait for the first.
void join_with_updates(const Graph& graph, FusionGroups& groups, const Overwriting& overwriting) {
  auto shape = [&](int group) -> std::optional<Ints> {
    if (groups.tiled(group)) return std::nullopt;
    Ints dims;
    for (int m : groups.members(group)) {
      const auto& op = groups.op(m);
      if (op.kind != OpKind::constant && op.kind != OpKind::reduce && !is_pointwise(op.kind)) return std::nullopt;
      const auto& own = graph.type(op.result()).dims;
      if (!own.empty() && !dims.empty() && own != dims) return std::nullopt;
      if (!own.empty()) dims = own;
    }
    return dims;
  };
  for (auto [reader, writer] : reads_before_updates(graph)) {
    int from = groups.of(reader), to = groups.of(writer);
    if (from == to || overwriting.between(groups.members(from), groups.members(to))) continue;
    if (auto dims = shape(from); dims && !dims->empty() && dims == shape(to)) groups.join(from, to);
  }
}

/// Groups of the graph's ops; if they depend on each other in a circle, `order()` is nothing.
FusionGroups group_ops(const Graph& graph, const FuseOptions& options) {
  const Overwriting overwriting(graph);
  FusionGroups groups(graph);
  FusionRules rules(graph, groups, options.workload);
  for (int i = 0; i < static_cast<int>(graph.ops.size()); ++i) {
    const auto& op = graph.ops[i];
    if (options.fuse && op.kind == OpKind::softmax_cross_entropy_grad) join_with_loss(groups, i);
    for (auto operand : op.operands) {
      int producer = groups.definer(operand);
      if (overwriting.between(groups.members(groups.of(producer)), groups.members(groups.of(i)))) continue;
      // Scalars that were repeated for this op belong to its kernel with or without fusion.
      // A comparison joins its reader, not what it reads.
      if (is_threshold(graph, op) && graph.ops[producer].kind != OpKind::constant && graph.type(operand).rank() != 0) continue;
      bool scalar =
          graph.type(operand).rank() == 0 && (graph.ops[producer].kind == OpKind::constant || is_pointwise(graph.ops[producer].kind));
      if ((options.fuse || scalar || graph.ops[producer].kind == OpKind::constant) && rules.may_join(i, operand))
        groups.join(groups.of(producer), groups.of(i));
    }
  }
  if (options.fuse) join_with_updates(graph, groups, overwriting);
  return groups;
}

}  // namespace

void fuse(Graph& graph, const FuseOptions& options) {
  edit_bodies(graph, [&](Graph& body) {
    body.lanes = graph.lanes;
    body.target = graph.target;
    copy_outputs_of_body(body);
    fuse(body, options);
  });
  copy_updated_outputs(graph);
  repeat_scalars(graph, options.fuse);
  if (options.fuse) repeat_transposes(graph);
  std::optional<FusionGroups> grouped(group_ops(graph, options));
  auto order = grouped->order();
  if (!order) {
    copy_updated_params(graph);
    grouped.emplace(group_ops(graph, options));
    order = grouped->order();
  }
  check(order.has_value(), "kernels depend on each other in a circle");
  const auto& groups = *grouped;

  std::vector<Op> ordered;
  graph.kernels.clear();
  std::map<std::string, int> names;
  for (int group : *order) {
    bool has_kernel = !is_boundary(groups.op(groups.members(group).front()).kind);
    // Constants that no op reads anew are those of outputs; they too need a kernel to store them.
    if (has_kernel) {
      auto name = kernel_name(graph, groups, group);
      if (auto count = names[name]++; count > 0) name += "_" + std::to_string(count);
      graph.kernels.push_back({.name = name, .form = groups.tiled(group) ? KernelForm::tile : KernelForm::once});
    }
    for (int m : groups.members(group)) {
      auto op = groups.op(m);
      op.kernel = has_kernel ? static_cast<std::int32_t>(graph.kernels.size()) - 1 : -1;
      ordered.push_back(std::move(op));
    }
  }
  graph.ops = std::move(ordered);
}

}  // namespace gradc
