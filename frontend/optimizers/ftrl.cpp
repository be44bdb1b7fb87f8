#include "frontend/optimizers/description.h"

namespace gradc {
namespace {

/// McMahan et al. (2013), as Keras has it: with n the sum of squared gradients and n^-p for the power p,
/// z += g + 2 * shrinkage * w - (n_new^-p - n^-p) / rate * w, and w = (clip(z, -l1, l1) - z) / (n_new^-p / rate + 2 * l2 + beta / rate).
void update(Updates& u, const Ftrl& o) {
  auto power = [&](ValueId n) { return o.learning_rate_power == -0.5 ? u.sqrt(n) : u.pow(n, u.c(-o.learning_rate_power)); };
  for (const auto& p : u.params) {
    u.at(p);
    auto n = u.state(p, "accumulator", o.initial_accumulator_value), z = u.state(p, "linear");
    auto next_n = u.add(n, u.square(p.gradient));
    auto next_power = power(next_n), grown = u.div(u.sub(next_power, power(n)), u.rate());
    auto gradient = o.l2_shrinkage_regularization_strength == 0
                        ? p.gradient
                        : u.add(p.gradient, u.mul(p.start, u.c(2 * o.l2_shrinkage_regularization_strength)));
    auto next_z = u.add(z, u.sub(gradient, u.mul(grown, p.start)));
    auto curvature = u.add(u.div(next_power, u.rate()), u.add(u.c(2 * o.l2_regularization_strength), u.div(u.c(o.beta), u.rate())));
    auto l1 = u.c(o.l1_regularization_strength), minus_l1 = u.c(-o.l1_regularization_strength);
    u.update(p.value, u.div(u.sub(u.min(u.max(next_z, minus_l1), l1), next_z), curvature));
    u.update(n, next_n);
    u.update(z, next_z);
  }
}

}  // namespace

template <>
const Description<Ftrl>& description() {
  static const Description<Ftrl> ftrl = {
      .names = {{"Ftrl", {}}},
      .numbers = {{&Ftrl::learning_rate_power, "learning_rate_power", kFiniteNotPositive},
                  {&Ftrl::initial_accumulator_value, "initial_accumulator_value"},
                  {&Ftrl::l1_regularization_strength, "l1_regularization_strength"},
                  {&Ftrl::l2_regularization_strength, "l2_regularization_strength"},
                  {&Ftrl::l2_shrinkage_regularization_strength, "l2_shrinkage_regularization_strength"},
                  {&Ftrl::beta, "beta"}},
      .flags = {},
      .tfjs_name = [](const Ftrl&) -> const char* { return nullptr; },
      .update = update,
  };
  return ftrl;
}

}  // namespace gradc
