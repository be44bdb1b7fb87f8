#include "frontend/optimizers/description.h"

#include <algorithm>
#include <functional>

#include "frontend/schedules.h"
#include "gradc/error.h"

namespace gradc {

Updates::Updates(Graph& graph, const LearningRate& learning_rate, const OptimizerOptions& options, const DecayOf& decay_of)
    : rule(options.rule), b_(graph) {
  b_.stage = Stage::update;
  take_gradients();
  rate_ = state("learning_rate", first_rate(learning_rate));
  const auto* schedule = learning_rate.schedule();
  if (schedule != nullptr || options.decay != 0) {
    auto steps = state("steps", 0);
    auto next = set(steps, add(steps, c(1)));
    if (schedule != nullptr) set(rate_, rate_after(*this, *schedule, next));
    if (options.decay != 0) rate_ = div(rate_, add(c(1), mul(c(options.decay), steps)));
  }
  if (options.gradient_accumulation_steps > 1) accumulate(options.gradient_accumulation_steps);
  if (options.use_ema) begin_average(options);
  clip(options);
  for (auto& p : params)
    if (const auto decay = decay_of(p.name, type(p)); decay != 0) {
      at(p);
      p.start = sub(p.value, mul(mul(p.value, c(decay)), rate_));
    }
  b_.loc.clear();
}

ValueId Updates::state(const Param& param, const std::string& name, double initial) {
  return state(param, name, type(param).dims, initial);
}

ValueId Updates::state(const Param& param, const std::string& name, std::vector<std::int64_t> shape, double initial) {
  auto full = state_name(param.name, name);
  states.push_back({full, shape, initial});
  return b_.emit_typed(OpKind::param, {DType::f32, std::move(shape)}, {{"name", full}, {"trainable", std::int64_t{0}}}, full);
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
  auto next = is_update_ < 0 ? value : select(is_update_, value, param);
  const auto trained = std::find_if(params.begin(), params.end(), [&](const Param& p) { return p.value == param; });
  if (trained != params.end()) next = constrained(param, averaged(*trained, next));
  set(param, next);
  return value;
}

ValueId Updates::set(ValueId state, ValueId value) {
  b_.graph().rename(value, "new/" + b_.graph().values[state].name);
  b_.emit(OpKind::update, {state, value});
  return value;
}

void Updates::accumulate(std::int64_t steps) {
  auto done = state("accumulated_steps", 0);
  is_update_ = equal(done, c(static_cast<double>(steps - 1)));
  set(done, select(is_update_, c(0), add(done, c(1))));
  for (auto& p : params) {
    at(p);
    auto sum = state(p, "gradient_accumulator");
    auto total = add(p.gradient, sum);
    set(sum, select(is_update_, c(0), total));
    p.gradient = div(total, c(static_cast<double>(steps)));
  }
  b_.loc.clear();
}

void Updates::begin_average(const OptimizerOptions& options) {
  // Up to the first update an average is the weight itself.
  auto is_averaged = state("is_averaged", 0);
  average_keep_ = mul(is_averaged, c(options.ema_momentum));
  update(is_averaged, c(1));
  if (options.ema_overwrite_frequency == 0) return;
  auto done = state("averaged_updates", 0);
  is_overwritten_ = equal(done, c(static_cast<double>(options.ema_overwrite_frequency - 1)));
  update(done, select(is_overwritten_, c(0), add(done, c(1))));
}

ValueId Updates::averaged(const Param& param, ValueId value) {
  if (average_keep_ < 0) return value;
  auto average = state(param, kAverage);
  auto next = set(average, add(mul(average_keep_, average), mul(sub(c(1), average_keep_), value)));
  return is_overwritten_ < 0 ? value : select(is_overwritten_, next, value);
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

ValueId Updates::mean(ValueId x, int axis) {
  auto sum = b_.emit(OpKind::reduce_sum, {x}, {{"axes", Ints{axis}}, {"keep_dims", std::int64_t{1}}}, "mean");
  return mul(sum, c(1 / static_cast<double>(b_.type(x).dims[static_cast<std::size_t>(axis)])));
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
