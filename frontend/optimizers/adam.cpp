#include "frontend/optimizers/description.h"

namespace gradc {
namespace {

/// Kingma and Ba (2015): w -= rate * m' / (sqrt(v') + epsilon), with moments corrected for their start at 0. Keras corrects after it added
/// epsilon. With `amsgrad` (Reddi et al. 2018) v is the largest so far.
void update(Updates& u, const Adam& o) {
  auto correction1 = u.sub(u.c(1), u.power("beta1_power", o.beta1)), correction2 = u.sub(u.c(1), u.power("beta2_power", o.beta2));
  for (const auto& p : u.params) {
    u.at(p);
    auto m = u.average(u.state(p, "m"), o.beta1, p.gradient), v = u.average(u.state(p, "v"), o.beta2, u.square(p.gradient));
    if (o.amsgrad) {
      auto largest = u.state(p, "vhat");
      v = u.update(largest, u.max(largest, v));
    }
    auto epsilon = u.c(o.epsilon);
    if (u.rule == UpdateRule::tfjs) {
      u.move(p, u.mul(u.rate(), u.div(u.div(m, correction1), u.add(u.sqrt(u.div(v, correction2)), epsilon))));
    } else {
      auto rate = u.div(u.mul(u.rate(), u.sqrt(correction2)), correction1);
      u.move(p, u.div(u.mul(m, rate), u.add(u.sqrt(v), epsilon)));
    }
  }
}

}  // namespace

template <>
const Description<Adam>& description() {
  static const Description<Adam> adam = {
      .names = {{"Adam", {}}, {"AdamW", {.options = {.weight_decay = 0.004}}}},
      .numbers = {{&Adam::beta1, "beta_1", kShareBelow1}, {&Adam::beta2, "beta_2", kShareBelow1}, {&Adam::epsilon, "epsilon"}},
      .flags = {{&Adam::amsgrad, "amsgrad"}},
      .tfjs_name = [](const Adam& o) { return o.amsgrad ? nullptr : "Adam"; },
      .update = update,
  };
  return adam;
}

}  // namespace gradc
