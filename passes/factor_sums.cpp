#include "passes/factor_sums.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <vector>

#include "passes/rewriter.h"
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

/// The most factors that are looked at: more gain nothing, and powers of powers have very many.
constexpr std::size_t kMost = 16;

void add_factors(const Graph& graph, const std::vector<std::int32_t>& definers, ValueId value, const Type& whole, Factors& factors) {
  if (factors.count() > kMost) return;
  const auto& type = graph.type(value);
  const auto& op = graph.ops[definers[value]];
  if (!type.batched() && type.rank() <= 1) {
    factors.constant.push_back(value);
  } else if (op.kind == OpKind::mul && type == whole) {
    for (auto operand : op.operands) add_factors(graph, definers, operand, whole, factors);
  } else if (op.kind == OpKind::neg && type == whole) {
    factors.negative = !factors.negative;
    add_factors(graph, definers, op.operands[0], whole, factors);
  } else {
    factors.summed.push_back(value);
  }
}

/// The factors of what is summed, if the sum goes over the batch and all other dimensions but the last.
std::optional<Factors> factors_of(const Graph& graph, const std::vector<std::int32_t>& definers, const Op& sum) {
  if (sum.kind != OpKind::reduce_sum || !sums_over_batch(graph, sum) || sum.attributes.integer("keep_dims") != 0) return std::nullopt;
  const auto& type = graph.type(sum.operands[0]);
  Ints all_but_last(type.dims.size() - 1);
  std::iota(all_but_last.begin(), all_but_last.end(), 0);
  if (sum.attributes.ints("axes") != all_but_last) return std::nullopt;
  Factors factors;
  add_factors(graph, definers, sum.operands[0], type, factors);
  if (factors.count() > kMost || factors.summed.empty()) return std::nullopt;
  std::sort(factors.summed.begin(), factors.summed.end(), [&](ValueId a, ValueId b) { return definers[a] < definers[b]; });
  return factors;
}

}  // namespace

void factor_sums(Graph& graph) {
  using Key = std::vector<ValueId>;
  const auto definers = graph.definers();
  std::map<ValueId, Factors> found;
  std::map<Key, int> count;
  for (const auto& op : graph.ops) {
    auto factors = factors_of(graph, definers, op);
    if (!factors) continue;
    ++count[factors->summed];
    found.emplace(op.result(), std::move(*factors));
  }

  Rewriter rewriter(graph);
  auto& b = rewriter.b;
  std::map<Key, ValueId> sums;
  for (const auto& old : rewriter.old_ops()) {
    auto factors = old.results.empty() ? found.end() : found.find(old.result());
    if (factors == found.end() || count[factors->second.summed] < 2) {
      rewriter.keep(old);
      continue;
    }
    b.stand_at(old);
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
