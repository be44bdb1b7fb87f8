#include "frontend/optimizers/description.h"

namespace gradc {
namespace {

/// Kingma and Ba (2015), section 7: w -= rate / (1 - beta1^t) * m / (u + epsilon), where u = max(beta2 * u, |g|).
void update(Updates& u, const Adamax& o) {
  auto correction = u.sub(u.c(1), u.power("beta1_power", o.beta1));
  for (const auto& p : u.params) {
    u.at(p);
    auto m = u.average(u.state(p, "m"), o.beta1, p.gradient);
    auto norm = u.state(p, "v");
    auto next = u.update(norm, u.max(u.mul(u.c(o.beta2), norm), u.abs(p.gradient)));
    u.move(p, u.mul(u.div(u.rate(), correction), u.div(m, u.add(next, u.c(o.epsilon)))));
  }
}

}  // namespace

template <>
const Description<Adamax>& description() {
  static const Description<Adamax> adamax = {
      .names = {{"Adamax", {}}},
      .numbers = {{&Adamax::beta1, "beta_1", kShareBelow1}, {&Adamax::beta2, "beta_2", kShareBelow1}, {&Adamax::epsilon, "epsilon"}},
      .flags = {},
      .tfjs_name = [](const Adamax&) { return "Adamax"; },
      .update = update,
  };
  return adamax;
}

}  // namespace gradc
