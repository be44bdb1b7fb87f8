#include "passes/factor_sums.h"

#include <algorithm>
#include <map>
#include <optional>

#include "passes/rewriter.h"
#include "passes/shard.h"
#include "passes/simplify.h"

namespace gradc {
namespace {

/// The factors of what a sum adds.
struct Factors {
  std::vector<ValueId> summed;    ///< Whose product is summed, in the order of their definition.
  std::vector<ValueId> constant;  ///< Which are the same for all that is summed.
  bool negative = false;

  bool trivial() const { return constant.empty() && !negative; }
  std::size_t count() const { return summed.size() + constant.size(); }
};

class FactorFinder {
 public:
  FactorFinder(const std::vector<Op>& ops, std::size_t values) : ops_(ops), definers_(values, -1) {
    for (std::size_t i = 0; i < ops.size(); ++i)
      for (auto result : ops[i].results) definers_[result] = static_cast<std::int32_t>(i);
  }

  /// Of a sum over all dimensions but the last, or nothing.
  std::optional<Factors> of(const Graph& graph, const Op& sum) const {
    const auto& type = graph.type(sum.operands[0]);
    const bool keeps_last = graph.type(sum.result()).rank() == 1 && sum.attributes.ints("axes").size() + 1 == type.dims.size() &&
                            graph.type(sum.result()).dims[0] == type.dims.back();
    if (!keeps_last || sum.attributes.integer("keep_dims") != 0) return std::nullopt;
    Factors factors;
    add(graph, factors, sum.operands[0], type);
    if (factors.count() > kMost) return std::nullopt;
    std::sort(factors.summed.begin(), factors.summed.end(), [&](ValueId a, ValueId b) { return definers_[a] < definers_[b]; });
    return factors;
  }

 private:
  /// Of more factors nothing is to be gained, and powers of powers have very many.
  static constexpr std::size_t kMost = 16;

  void add(const Graph& graph, Factors& factors, ValueId value, const Type& whole) const {
    if (factors.count() > kMost) return;
    const auto& type = graph.type(value);
    const auto& op = ops_[definers_[value]];
    if (!type.batched() && type.rank() <= 1)
      factors.constant.push_back(value);
    else if (op.kind == OpKind::mul && type == whole)
      for (auto operand : op.operands) add(graph, factors, operand, whole);
    else if (op.kind == OpKind::neg && type == whole) {
      factors.negative = !factors.negative;
      add(graph, factors, op.operands[0], whole);
    } else
      factors.summed.push_back(value);
  }

  const std::vector<Op>& ops_;
  std::vector<std::int32_t> definers_;
};

}  // namespace

void factor_sums(Graph& graph) {
  using Key = std::vector<ValueId>;
  const auto values = graph.values.size();
  Rewriter rewriter(graph);
  const FactorFinder finder(rewriter.old_ops(), values);
  std::map<ValueId, Factors> found;
  std::map<Key, int> count;
  for (const auto& op : rewriter.old_ops()) {
    if (op.kind != OpKind::reduce_sum || !sums_over_batch(graph, op)) continue;
    auto factors = finder.of(graph, op);
    if (!factors || factors->summed.empty()) continue;
    ++count[factors->summed];
    found.emplace(op.result(), std::move(*factors));
  }

  auto& b = rewriter.b;
  std::map<Key, ValueId> sums;
  for (const auto& old : rewriter.old_ops()) {
    auto factors = old.results.empty() ? found.end() : found.find(old.result());
    if (factors == found.end() || count[factors->second.summed] < 2) {
      rewriter.keep(old);
      continue;
    }
    b.loc = old.loc;
    const auto& [summed, constant, negative] = factors->second;
    auto [sum, is_new] = sums.try_emplace(summed, old.result());
    if (is_new && factors->second.trivial()) {
      rewriter.keep(old);
      continue;
    }
    if (is_new) {
      auto product = summed[0];
      for (std::size_t i = 1; i < summed.size(); ++i) product = b.emit(OpKind::mul, {product, summed[i]});
      sum->second = b.emit(OpKind::reduce_sum, {product}, old.attributes, graph.values[old.result()].name + "/sum");
    }
    auto value = sum->second;
    for (auto factor : constant) value = b.emit(OpKind::mul, {value, factor});
    rewriter.replace(old.result(), negative ? b.emit(OpKind::neg, {value}) : value);
  }
  eliminate_dead_code(graph);
}

}  // namespace gradc
