#include "frontend/optimizers.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "frontend/names.h"
#include "support/error.h"

namespace gradc {
namespace {

using nlohmann::json;

/// Emits the updates of one optimizer, param by param.
class Updates {
 public:
  explicit Updates(Graph& graph) : b(graph) { rate_ = state(kLearningRate, {}, 0); }

  Builder b;
  std::vector<OptimizerState> states;

  ValueId rate() const { return rate_; }
  void set_initial_rate(double rate) { states[0].initial = rate; }

  ValueId state(const std::string& name, const Type& type, double initial) {
    states.push_back({name, type.dims, initial});
    return b.emit_typed(OpKind::param, type, {{"name", name}, {"trainable", std::int64_t{0}}}, name);
  }
  void update(ValueId param, ValueId value) {
    b.graph().rename(value, "new/" + b.graph().values[param].name);
    b.emit(OpKind::update, {param, value});
  }
  ValueId c(double v) { return b.constant(v); }
  ValueId add(ValueId x, ValueId y) { return b.emit(OpKind::add, {x, y}); }
  ValueId sub(ValueId x, ValueId y) { return b.emit(OpKind::sub, {x, y}); }
  ValueId mul(ValueId x, ValueId y) { return b.emit(OpKind::mul, {x, y}); }
  ValueId div(ValueId x, ValueId y) { return b.emit(OpKind::div, {x, y}); }
  ValueId square(ValueId x) { return b.emit(OpKind::square, {x}); }
  ValueId sqrt(ValueId x) { return b.emit(OpKind::sqrt, {x}); }

 private:
  ValueId rate_;
};

struct Param {
  std::string name;
  ValueId value, gradient;
};

void update(Updates& u, const SGD& o, const Param& p) {
  if (o.momentum == 0) return u.update(p.value, u.sub(p.value, u.mul(u.rate(), p.gradient)));
  auto v = u.state("optimizer/" + p.name + "/momentum", u.b.type(p.value), 0);
  auto next = u.add(u.mul(u.c(o.momentum), v), p.gradient);
  u.update(v, next);
  auto direction = o.nesterov ? u.add(p.gradient, u.mul(next, u.c(o.momentum))) : next;
  u.update(p.value, u.sub(p.value, u.mul(u.rate(), direction)));
}

void update(Updates& u, const Adam& o, const Param& p, ValueId beta1_power, ValueId beta2_power) {
  auto m = u.state("optimizer/" + p.name + "/m", u.b.type(p.value), 0), v = u.state("optimizer/" + p.name + "/v", u.b.type(p.value), 0);
  auto next_m = u.add(u.mul(m, u.c(o.beta1)), u.mul(p.gradient, u.c(1 - o.beta1)));
  auto next_v = u.add(u.mul(v, u.c(o.beta2)), u.mul(u.square(p.gradient), u.c(1 - o.beta2)));
  u.update(m, next_m);
  u.update(v, next_v);
  auto corrected_m = u.div(next_m, u.sub(u.c(1), beta1_power)), corrected_v = u.div(next_v, u.sub(u.c(1), beta2_power));
  u.update(p.value, u.sub(p.value, u.mul(u.rate(), u.div(corrected_m, u.add(u.sqrt(corrected_v), u.c(o.epsilon))))));
}

void update(Updates& u, const RMSProp& o, const Param& p) {
  auto type = u.b.type(p.value);
  auto ms = u.state("optimizer/" + p.name + "/rms", type, 0);
  auto next_ms = u.add(u.mul(ms, u.c(o.decay)), u.mul(u.square(p.gradient), u.c(1 - o.decay)));
  u.update(ms, next_ms);
  auto scaled = u.mul(p.gradient, u.rate());
  ValueId step;
  if (o.centered) {
    auto mg = u.state("optimizer/" + p.name + "/mg", type, 0);
    auto next_mg = u.add(u.mul(mg, u.c(o.decay)), u.mul(p.gradient, u.c(1 - o.decay)));
    u.update(mg, next_mg);
    // tf.js subtracts epsilon under this root, which makes it NaN for a constant gradient; it is added here, as in the plain form.
    step = u.div(scaled, u.sqrt(u.add(u.sub(next_ms, u.square(next_mg)), u.c(o.epsilon))));
  } else {
    step = u.div(scaled, u.sqrt(u.add(next_ms, u.c(o.epsilon))));
  }
  if (o.momentum != 0) {
    auto moment = u.state("optimizer/" + p.name + "/momentum", type, 0);
    step = u.add(u.mul(moment, u.c(o.momentum)), step);
    u.update(moment, step);
  }
  u.update(p.value, u.sub(p.value, step));
}

/// Takes the gradient outputs out of the graph.
std::vector<Param> take_gradients(Graph& graph) {
  const std::string prefix = "gradient/";
  std::vector<Param> params;
  std::vector<Op> kept;
  for (const auto& op : graph.ops) {
    if (op.kind != OpKind::output || !op.attributes.text("name").starts_with(prefix)) {
      kept.push_back(op);
      continue;
    }
    auto name = op.attributes.text("name").substr(prefix.size());
    const auto* param = graph.find(OpKind::param, name);
    if (param == nullptr) throw Error("graph @{}: output \"{}\" names no param", graph.name, op.attributes.text("name"));
    params.push_back({name, param->result(), op.operands[0]});
  }
  graph.ops = std::move(kept);
  return params;
}

double number_of(const json& config, std::initializer_list<const char*> keys, double fallback) {
  for (const char* key : keys)
    if (config.contains(key) && !config[key].is_null()) {
      if (!config[key].is_number()) throw Error("optimizer: \"{}\" is {}, expected a number", key, config[key].dump());
      return config[key].get<double>();
    }
  return fallback;
}

bool flag_of(const json& config, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (config.contains(key) && config[key].is_boolean()) return config[key].get<bool>();
  return false;
}

}  // namespace

std::vector<OptimizerState> add_updates(Graph& graph, const Optimizer& optimizer) {
  auto params = take_gradients(graph);
  Updates u(graph);
  u.set_initial_rate(learning_rate(optimizer));
  if (const auto* adam = std::get_if<Adam>(&optimizer)) {
    auto beta1_power = u.state("optimizer/beta1_power", {}, adam->beta1), beta2_power = u.state("optimizer/beta2_power", {}, adam->beta2);
    for (const auto& p : params) update(u, *adam, p, beta1_power, beta2_power);
    u.update(beta1_power, u.mul(beta1_power, u.c(adam->beta1)));
    u.update(beta2_power, u.mul(beta2_power, u.c(adam->beta2)));
  } else {
    for (const auto& p : params) {
      u.b.loc = p.name;
      if (const auto* sgd = std::get_if<SGD>(&optimizer)) update(u, *sgd, p);
      if (const auto* rmsprop = std::get_if<RMSProp>(&optimizer)) update(u, *rmsprop, p);
    }
  }
  return u.states;
}

Optimizer optimizer_from_json(const json& given) {
  const auto& config = given.contains("config") && given["config"].is_object() ? given["config"] : json::object();
  auto name = given.is_string() ? given.get<std::string>() : given.value("class_name", "");
  auto plain = plain_name(name);
  auto rate = [&](double fallback) {
    auto value = number_of(config, {"learning_rate", "learningRate", "lr"}, fallback);
    if (!(value >= 0) || std::isinf(value))
      throw Error("optimizer {}: the learning rate is {}, expected a number of at least 0", name, value);
    return value;
  };
  if (plain == "sgd") return SGD{rate(0.01), number_of(config, {"momentum"}, 0), flag_of(config, {"nesterov"})};
  if (plain == "momentum")
    return SGD{rate(0.01), number_of(config, {"momentum"}, 0.9), flag_of(config, {"useNesterov", "use_nesterov", "nesterov"})};
  if (plain == "adam")
    return Adam{rate(0.001), number_of(config, {"beta_1", "beta1"}, 0.9), number_of(config, {"beta_2", "beta2"}, 0.999),
                number_of(config, {"epsilon"}, 1e-7)};
  if (plain == "rmsprop")
    return RMSProp{rate(0.001), number_of(config, {"rho", "decay"}, 0.9), number_of(config, {"momentum"}, 0),
                   number_of(config, {"epsilon"}, 1e-7), flag_of(config, {"centered"})};
  throw Error("optimizer \"{}\" is not known; SGD, Momentum, Adam and RMSProp are", name);
}

json to_json(const Optimizer& optimizer) {
  if (const auto* o = std::get_if<SGD>(&optimizer)) {
    if (o->momentum == 0) return {{"class_name", "SGD"}, {"config", {{"learningRate", o->learning_rate}}}};
    return {{"class_name", "Momentum"},
            {"config", {{"learningRate", o->learning_rate}, {"momentum", o->momentum}, {"useNesterov", o->nesterov}}}};
  }
  if (const auto* o = std::get_if<Adam>(&optimizer))
    return {{"class_name", "Adam"},
            {"config", {{"learningRate", o->learning_rate}, {"beta1", o->beta1}, {"beta2", o->beta2}, {"epsilon", o->epsilon}}}};
  const auto& o = std::get<RMSProp>(optimizer);
  return {{"class_name", "RMSProp"},
          {"config",
           {{"learningRate", o.learning_rate},
            {"decay", o.decay},
            {"momentum", o.momentum},
            {"epsilon", o.epsilon},
            {"centered", o.centered}}}};
}

double learning_rate(const Optimizer& optimizer) {
  return std::visit([](const auto& o) { return o.learning_rate; }, optimizer);
}

void set_learning_rate(Optimizer& optimizer, double rate) {
  std::visit([&](auto& o) { o.learning_rate = rate; }, optimizer);
}

}  // namespace gradc
