#include "frontend/optimizers/description.h"

namespace gradc {
namespace {

/// Zeiler (2012): step = g * sqrt(mean of steps² + epsilon) / sqrt(mean of g² + epsilon), w -= rate * step. tf.js divides by the mean
/// before this step's gradient is in it.
void update(Updates& u, const Adadelta& o) {
  for (const auto& p : u.params) {
    u.at(p);
    auto squares = u.state(p, "accum_grad"), steps = u.state(p, "accum_var");
    auto next_squares = u.average(squares, o.rho, u.square(p.gradient));
    auto root = [&](ValueId x) { return u.sqrt(u.add(x, u.c(o.epsilon))); };
    auto step = u.mul(u.div(root(steps), root(u.rule == UpdateRule::tfjs ? squares : next_squares)), p.gradient);
    u.average(steps, o.rho, u.square(step));
    u.move(p, u.mul(u.rate(), step));
  }
}

}  // namespace

template <>
const Description<Adadelta>& description() {
  static const Description<Adadelta> adadelta = {
      .names = {{"Adadelta", {}}},
      .numbers = {{&Adadelta::rho, "rho", kShare}, {&Adadelta::epsilon, "epsilon"}},
      .flags = {},
      .tfjs_name = [](const Adadelta&) { return "Adadelta"; },
      .update = update,
  };
  return adadelta;
}

}  // namespace gradc
