#include "frontend/optimizers/description.h"

#include <algorithm>
#include <functional>

#include "gradc/error.h"

namespace gradc {

Updates::Updates(Graph& graph, double learning_rate, const OptimizerOptions& options) : rule(options.rule), b_(graph) {
  b_.stage = Stage::update;
  take_gradients();
  rate_ = state("learning_rate", learning_rate);
  if (options.decay != 0) {
    auto steps = state("steps", 0);
    rate_ = div(rate_, add(c(1), mul(c(options.decay), steps)));
    update(steps, add(steps, c(1)));
  }
  clip(options);
  if (options.weight_decay != 0)
    for (auto& p : params) {
      at(p);
      p.start = sub(p.value, mul(mul(p.value, c(options.weight_decay)), rate_));
    }
  b_.loc.clear();
}

ValueId Updates::state(const Param& param, const std::string& name, double initial) {
  auto full = "optimizer/" + param.name + "/" + name;
  states.push_back({full, type(param).dims, initial});
  return b_.emit_typed(OpKind::param, type(param), {{"name", full}, {"trainable", std::int64_t{0}}}, full);
}

ValueId Updates::state(const std::string& name, double initial) {
  auto full = "optimizer/" + name;
  states.push_back({full, {}, initial});
  return b_.emit_typed(OpKind::param, {DType::f32, {}}, {{"name", full}, {"trainable", std::int64_t{0}}}, full);
}

ValueId Updates::constrained(ValueId param, ValueId value) {
  const auto found = constrained_.find(param);
  if (found == constrained_.end()) return value;
  const auto definers = b_.graph().definers();
  std::map<ValueId, ValueId> of = {{param, value}};
  std::function<ValueId(ValueId)> copy = [&](ValueId old) {
    if (const auto known = of.find(old); known != of.end()) return known->second;
    auto op = b_.graph().ops[static_cast<std::size_t>(definers[static_cast<std::size_t>(old)])];
    if (op.operands.empty()) return of[old] = old;  // a constant
    for (auto& operand : op.operands) operand = copy(operand);
    return of[old] = b_.emit(op.kind, op.operands, op.attributes);
  };
  return copy(found->second);
}

ValueId Updates::update(ValueId param, ValueId value) {
  value = constrained(param, value);
  b_.graph().rename(value, "new/" + b_.graph().values[param].name);
  b_.emit(OpKind::update, {param, value});
  return value;
}

ValueId Updates::power(const std::string& name, double base) {
  auto power = state(name, base);
  update(power, mul(power, c(base)));
  return power;
}

void Updates::take_gradients() {
  const std::string prefix = "gradient/";
  auto& graph = b_.graph();
  std::vector<Op> kept;
  for (const auto& op : graph.ops) {
    if (op.kind != OpKind::output || !op.attributes.text("name").starts_with(prefix)) {
      kept.push_back(op);
      continue;
    }
    auto name = op.attributes.text("name").substr(prefix.size());
    const auto* param = graph.find(OpKind::param, name);
    if (param == nullptr) throw Error("graph @{}: output \"{}\" names no param", graph.name, op.attributes.text("name"));
    params.push_back({name, param->result(), op.operands[0], param->result()});
  }
  graph.ops = std::move(kept);
  // A constraint is an update of a param that is trained.
  std::erase_if(graph.ops, [&](const Op& op) {
    const bool trained =
        op.kind == OpKind::update && std::any_of(params.begin(), params.end(), [&](const Param& p) { return p.value == op.operands[0]; });
    if (trained) constrained_[op.operands[0]] = op.operands[1];
    return trained;
  });
}

ValueId Updates::sum_of_squares(ValueId x) {
  auto squares = square(x);
  Ints axes;
  for (int i = 0; i < b_.type(x).rank(); ++i) axes.push_back(i);
  return axes.empty() ? squares : b_.emit(OpKind::reduce_sum, {squares}, {{"axes", axes}, {"keep_dims", std::int64_t{0}}}, "norm");
}

/// Clips by the first of these kinds that is asked for, as Keras does. A norm of 0 clips nothing and must not become a divisor.
void Updates::clip(const OptimizerOptions& options) {
  auto factor = [&](ValueId squares, double most) { return div(c(most), max(sqrt(squares), c(most))); };
  if (options.clipnorm > 0) {
    for (auto& p : params) {
      at(p);
      p.gradient = mul(p.gradient, factor(sum_of_squares(p.gradient), options.clipnorm));
    }
  } else if (options.global_clipnorm > 0 && !params.empty()) {
    ValueId squares = -1;
    for (const auto& p : params) {
      auto of_param = sum_of_squares(p.gradient);
      squares = squares < 0 ? of_param : add(squares, of_param);
    }
    auto scale = factor(squares, options.global_clipnorm);
    for (auto& p : params) {
      at(p);
      p.gradient = mul(p.gradient, scale);
    }
  } else if (options.clipvalue > 0) {
    for (auto& p : params) {
      at(p);
      p.gradient = max(min(p.gradient, c(options.clipvalue)), c(-options.clipvalue));
    }
  }
}

}  // namespace gradc
