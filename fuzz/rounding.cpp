#include "fuzz/rounding.h"

#include <algorithm>
#include <cmath>

namespace gradc::fuzz {
namespace {

/// How far a result is moved, relative to its magnitude or to the sum of its terms' magnitudes.
constexpr double kMoved = 2e-7;
/// How often a choice among several numbers is made again with other rounding.
constexpr int kTrials = 8;

/// The last result of `kind` on operands of an op, with the attributes of the op where it is of this kind.
Tensor run_alone(const Graph& graph, const Op& op, OpKind kind, const std::vector<Tensor>& operands) {
  Graph alone;
  Builder b(alone);
  std::vector<ValueId> inputs;
  NamedTensors given, none;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    auto name = std::to_string(i);
    inputs.push_back(b.emit_typed(OpKind::input, graph.type(op.operands[i]), {{"name", name}}, name));
    given[name] = operands[i];
  }
  auto results = b.emit_all(kind, inputs, kind == op.kind ? op.attributes : Attributes());
  b.emit(OpKind::output, {results.back()}, {{"name", std::string("y")}});
  return interpret(alone, given, none).at("y");
}

std::vector<Tensor> copies(const std::vector<const Tensor*>& operands) {
  std::vector<Tensor> tensors;
  for (const auto* operand : operands) tensors.push_back(*operand);
  return tensors;
}

bool adds_up(OpKind kind) {
  return is_contraction(kind) || kind == OpKind::reduce_sum || kind == OpKind::avg_pool || kind == OpKind::avg_pool_grad ||
         kind == OpKind::max_pool_grad;
}

/// Whether compiled code does not round the op's results as IEEE asks for.
bool approximated(OpKind kind) {
  switch (kind) {
    case OpKind::exp:
    case OpKind::log:
    case OpKind::pow:
    case OpKind::sqrt:
    case OpKind::rsqrt:
    case OpKind::div:
    case OpKind::erf:
    case OpKind::sin:
    case OpKind::cos:
    case OpKind::atan2:
    case OpKind::elu:
    case OpKind::selu:
    case OpKind::sigmoid:
    case OpKind::softplus:
    case OpKind::softsign:
    case OpKind::tanh:
    case OpKind::swish:
    case OpKind::gelu:
    case OpKind::softmax:
    case OpKind::softmax_cross_entropy:
    case OpKind::softmax_cross_entropy_grad: return true;
    default: return false;
  }
}

/// Numbers at which an op on one number decides.
std::vector<double> thresholds(OpKind kind) {
  switch (kind) {
    case OpKind::relu:
    case OpKind::elu:
    case OpKind::selu:
    case OpKind::abs:
    case OpKind::sign: return {0};
    case OpKind::relu6: return {0, 6};
    case OpKind::hard_sigmoid: return {-2.5, 2.5};
    case OpKind::round: return {0.5};
    // These decide by the difference of their operands.
    case OpKind::greater:
    case OpKind::equal:
    case OpKind::max:
    case OpKind::min: return {0};
    default: return {};
  }
}

bool chooses(OpKind kind) { return kind == OpKind::argmax || kind == OpKind::max_pool; }

/// What an op decides by.
Tensor decided_by(const Graph& graph, const Op& op, const std::vector<const Tensor*>& operands) {
  if (operands.size() > 1) return run_alone(graph, op, OpKind::sub, copies(operands));
  auto tensor = *operands[0];
  if (op.kind == OpKind::round)
    for (auto& v : tensor.data) v -= std::floor(v);
  return tensor;
}

}  // namespace

void move_by_rounding(const Graph& graph, const Op& op, const std::vector<const Tensor*>& operands, const std::vector<Tensor*>& results,
                      Random& random) {
  if (approximated(op.kind)) {
    // exp(x) - 1 and the like are as precise as exp(x) is; what is exactly 0 for 0 stays so.
    const auto& x = *operands[0];
    for (std::size_t i = 0; i < results[0]->data.size(); ++i) {
      auto& v = results[0]->data[i];
      auto own = x.size() == results[0]->size() ? std::min(1.0, std::abs(x.data[i])) : 0;
      v += kMoved * random.uniform() * std::max(std::abs(v), own);
    }
  } else if (op.kind == OpKind::batch_moments) {
    double most = 0;
    for (auto v : operands[0]->data) most = std::max(most, std::abs(v));
    for (auto& mean : results[0]->data) mean += kMoved * random.uniform() * most;
    for (auto& variance : results[1]->data) variance *= 1 + 2 * kMoved * random.uniform();
  } else if (adds_up(op.kind)) {
    auto magnitudes = copies(operands);
    for (auto& tensor : magnitudes)
      for (auto& v : tensor.data) v = std::abs(v);
    auto terms = run_alone(graph, op, op.kind, magnitudes);
    for (std::size_t i = 0; i < terms.data.size(); ++i) results[0]->data[i] += kMoved * random.uniform() * terms.data[i];
  }
}

void NearTies::exact(const Op& op, const std::vector<const Tensor*>& operands) {
  if (!thresholds(op.kind).empty() || chooses(op.kind)) exact_.push_back(decided_by(graph_, op, operands));
}

void NearTies::moved(const Op& op, const std::vector<const Tensor*>& operands) {
  if (thresholds(op.kind).empty() && !chooses(op.kind)) return;
  const auto& exact = exact_[next_++];
  auto moved = decided_by(graph_, op, operands);
  double most = 0;
  for (std::size_t i = 0; i < exact.data.size(); ++i) most = std::max(most, std::abs(exact.data[i] - moved.data[i]));
  for (auto threshold : thresholds(op.kind))
    for (std::size_t i = 0; i < exact.data.size(); ++i)
      any_ = any_ || (exact.data[i] != moved.data[i] && std::abs(exact.data[i] - threshold) <= most);
  if (!chooses(op.kind) || any_) return;
  auto chosen = run_alone(graph_, op, op.kind, {exact}).data;
  Random random(next_);
  for (int trial = 0; trial < kTrials && !any_; ++trial) {
    auto other = exact;
    for (std::size_t i = 0; i < exact.data.size(); ++i)
      if (exact.data[i] != moved.data[i]) other.data[i] += most * random.uniform();
    any_ = run_alone(graph_, op, op.kind, {other}).data != chosen;
  }
}

}  // namespace gradc::fuzz
