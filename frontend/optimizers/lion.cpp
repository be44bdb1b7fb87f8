#include "frontend/optimizers/description.h"

namespace gradc {
namespace {

/// Chen et al. (2023): w -= rate * sign(beta1 * m + (1 - beta1) * g), and then m = beta2 * m + (1 - beta2) * g.
void update(Updates& u, const Lion& o) {
  for (const auto& p : u.params) {
    u.at(p);
    auto m = u.state(p, "momentum");
    auto direction = u.add(u.mul(m, u.c(o.beta1)), u.mul(p.gradient, u.c(1 - o.beta1)));
    u.move(p, u.mul(u.rate(), u.sign(direction)));
    u.average(m, o.beta2, p.gradient);
  }
}

}  // namespace

template <>
const Description<Lion>& description() {
  static const Description<Lion> lion = {
      .names = {{"Lion", {}}},
      .numbers = {{&Lion::beta1, "beta_1", kShare}, {&Lion::beta2, "beta_2", kShare}},
      .flags = {},
      .tfjs_name = [](const Lion&) -> const char* { return nullptr; },
      .update = update,
  };
  return lion;
}

}  // namespace gradc
