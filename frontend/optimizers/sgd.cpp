#include "frontend/optimizers/description.h"

namespace gradc {
namespace {

/// w -= rate * g; with momentum v = momentum * v + g and w -= rate * v, or with `nesterov` w -= rate * (g + momentum * v). Keras keeps
/// rate * v instead, which is the same as long as the learning rate stays.
void update(Updates& u, const SGD& o) {
  for (const auto& p : u.params) {
    u.at(p);
    if (o.momentum == 0) {
      u.move(p, u.mul(u.rate(), p.gradient));
    } else if (u.rule == UpdateRule::tfjs) {
      auto v = u.state(p, "momentum");
      auto next = u.update(v, u.add(u.mul(u.c(o.momentum), v), p.gradient));
      u.move(p, u.mul(u.rate(), o.nesterov ? u.add(p.gradient, u.mul(next, u.c(o.momentum))) : next));
    } else {
      auto v = u.state(p, "momentum");
      auto scaled = u.mul(p.gradient, u.rate());
      auto next = u.update(v, u.add(u.mul(u.c(o.momentum), v), scaled));
      u.move(p, o.nesterov ? u.add(u.mul(next, u.c(o.momentum)), scaled) : next);
    }
  }
}

}  // namespace

template <>
const Description<SGD>& description() {
  static const Description<SGD> sgd = {
      .names = {{"SGD", {}}, {"Momentum", {.momentum = 0.9}}},
      .numbers = {{&SGD::momentum, "momentum", kShare}},
      .flags = {{&SGD::nesterov, "nesterov", "useNesterov"}},
      .tfjs_name = [](const SGD& o) { return o.momentum == 0 ? "SGD" : "Momentum"; },
      .update = update,
  };
  return sgd;
}

}  // namespace gradc
