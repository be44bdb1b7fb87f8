#include "frontend/optimizers/description.h"

namespace gradc {
namespace {

/// Duchi et al. (2011): w -= rate * g / sqrt(sum of g² + epsilon). Keras's legacy optimizer adds epsilon to the root.
void update(Updates& u, const Adagrad& o) {
  for (const auto& p : u.params) {
    u.at(p);
    auto squares = u.state(p, "accumulator", o.initial_accumulator_value);
    auto sum = u.update(squares, u.add(squares, u.square(p.gradient)));
    auto epsilon = u.c(o.epsilon);
    auto root = u.rule == UpdateRule::keras_legacy ? u.add(u.sqrt(sum), epsilon) : u.sqrt(u.add(sum, epsilon));
    u.move(p, u.div(u.mul(u.rate(), p.gradient), root));
  }
}

}  // namespace

template <>
const Description<Adagrad>& description() {
  static const Description<Adagrad> adagrad = {
      .names = {{"Adagrad", {}}},
      .numbers = {{&Adagrad::initial_accumulator_value, "initial_accumulator_value"}, {&Adagrad::epsilon, "epsilon"}},
      .flags = {},
      .tfjs_name = [](const Adagrad& o) { return o.epsilon == Adagrad{}.epsilon ? "Adagrad" : nullptr; },  // tf.js has no other
      .update = update,
  };
  return adagrad;
}

}  // namespace gradc
