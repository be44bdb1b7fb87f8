#include "frontend/optimizers/description.h"

namespace gradc {
namespace {

/// Tieleman and Hinton (2012): moment = momentum * moment + rate * g / sqrt(mean_square + epsilon), w -= moment. Keras's legacy optimizer
/// adds epsilon to the root where there is no momentum.
void update(Updates& u, const RMSProp& o) {
  for (const auto& p : u.params) {
    u.at(p);
    auto variance = u.average(u.state(p, "rms"), o.decay, u.square(p.gradient));
    // tf.js subtracts epsilon under this root, which makes it NaN for a constant gradient; it is added here, as in the plain form.
    if (o.centered) variance = u.sub(variance, u.square(u.average(u.state(p, "mg"), o.decay, p.gradient)));
    auto epsilon = u.c(o.epsilon);
    bool after_root = u.rule == UpdateRule::keras_legacy && o.momentum == 0;
    auto root = after_root ? u.add(u.sqrt(variance), epsilon) : u.sqrt(u.add(variance, epsilon));
    auto step = u.div(u.mul(p.gradient, u.rate()), root);
    if (o.momentum != 0) {
      auto moment = u.state(p, "momentum");
      step = u.update(moment, u.add(u.mul(moment, u.c(o.momentum)), step));
    }
    u.move(p, step);
  }
}

}  // namespace

template <>
const Description<RMSProp>& description() {
  static const Description<RMSProp> rmsprop = {
      .names = {{"RMSprop", {}}},
      .numbers = {{&RMSProp::decay, "rho", kShare, "decay"}, {&RMSProp::momentum, "momentum", kShare}, {&RMSProp::epsilon, "epsilon"}},
      .flags = {{&RMSProp::centered, "centered"}},
      .tfjs_name = [](const RMSProp&) { return "RMSProp"; },
      .update = update,
  };
  return rmsprop;
}

}  // namespace gradc
