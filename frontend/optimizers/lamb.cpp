#include "frontend/optimizers/description.h"

namespace gradc {
namespace {

/// You et al. (2020), as Keras has it: Adam's corrected step m / (√v + epsilon), as long as the weights are: w -= rate * |w| / |step| *
/// step. A weight or step of length 0 is left at its own.
void update(Updates& u, const Lamb& o) {
  auto first = u.sub(u.c(1), u.power("beta1_power", o.beta1)), second = u.sub(u.c(1), u.power("beta2_power", o.beta2));
  for (const auto& p : u.params) {
    u.at(p);
    auto m = u.average(u.state(p, "m"), o.beta1, p.gradient);
    auto v = u.average(u.state(p, "v"), o.beta2, u.square(p.gradient));
    auto step = u.div(u.div(m, first), u.add(u.sqrt(u.div(v, second)), u.c(o.epsilon)));
    auto of_weights = u.sum_of_squares(p.start), of_step = u.sum_of_squares(step);
    auto is_zero = u.equal(u.min(of_weights, of_step), u.c(0));
    auto ratio = u.select(is_zero, u.c(1), u.sqrt(u.div(of_weights, u.select(is_zero, u.c(1), of_step))));
    u.move(p, u.mul(u.mul(ratio, u.rate()), step));
  }
}

}  // namespace

template <>
const Description<Lamb>& description() {
  static const Description<Lamb> lamb = {
      .names = {{"Lamb", {}}},
      .numbers = {{&Lamb::beta1, "beta_1", kShareBelow1}, {&Lamb::beta2, "beta_2", kShareBelow1}, {&Lamb::epsilon, "epsilon"}},
      .flags = {},
      .tfjs_name = [](const Lamb&) -> const char* { return nullptr; },
      .update = update,
  };
  return lamb;
}

}  // namespace gradc
