#include <cmath>

#include "frontend/optimizers/description.h"

namespace gradc {
namespace {

/// Dozat (2016), as Keras has it: Adam with Nesterov momentum that warms up, mu_t = beta1 * (1 - 0.96^(t * schedule_decay) / 2).
void update(Updates& u, const Nadam& o) {
  auto base = std::pow(0.96, o.schedule_decay);
  auto one_minus = [&](ValueId x) { return u.sub(u.c(1), x); };
  auto momentum_of = [&](ValueId power) { return u.mul(u.c(o.beta1), one_minus(u.mul(u.c(0.5), power))); };
  auto power = u.power("schedule_power", base);
  auto mu = momentum_of(power), next_mu = momentum_of(u.mul(power, u.c(base)));
  auto product = u.state("mu_product", 1);
  auto mu_product = u.update(product, u.mul(product, mu));
  auto next_product = u.mul(mu_product, next_mu);
  auto correction2 = one_minus(u.power("beta2_power", o.beta2));
  for (const auto& p : u.params) {
    u.at(p);
    auto m = u.average(u.state(p, "m"), o.beta1, p.gradient), v = u.average(u.state(p, "v"), o.beta2, u.square(p.gradient));
    auto direction =
        u.add(u.mul(m, u.div(next_mu, one_minus(next_product))), u.mul(p.gradient, u.div(one_minus(mu), one_minus(mu_product))));
    u.move(p, u.div(u.mul(direction, u.rate()), u.add(u.sqrt(u.div(v, correction2)), u.c(o.epsilon))));
  }
}

}  // namespace

template <>
const Description<Nadam>& description() {
  static const Description<Nadam> nadam = {
      .names = {{"Nadam", {}}},
      .numbers = {{&Nadam::beta1, "beta_1", kShareBelow1},
                  {&Nadam::beta2, "beta_2", kShareBelow1},
                  {&Nadam::epsilon, "epsilon"},
                  {&Nadam::schedule_decay, "schedule_decay", kFiniteNotNegative, "decay"}},
      .flags = {},
      .tfjs_name = [](const Nadam&) -> const char* { return nullptr; },
      .update = update,
  };
  return nadam;
}

}  // namespace gradc
