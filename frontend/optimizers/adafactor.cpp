#include "frontend/optimizers/description.h"

namespace gradc {
namespace {

/// Shazeer and Stern (2018), as Keras has it: gradients are divided by the root of their mean square, of which a matrix keeps means of its
/// rows and columns alone; steps are as large as the weights. Leading dimensions count matrices.
void update(Updates& u, const Adafactor& o) {
  auto step = u.state("local_step", 1);
  auto share = u.pow(step, u.c(o.beta_2_decay));  // of this step's squares; all of them at first
  auto keep = u.sub(u.c(1), share);
  auto rate = u.min(u.rate(), u.div(u.c(1), u.sqrt(step)));
  u.update(step, u.add(step, u.c(1)));
  auto average = [&](ValueId state, ValueId value) { return u.update(state, u.add(u.mul(state, keep), u.mul(share, value))); };
  for (const auto& p : u.params) {
    u.at(p);
    auto squares = u.add(u.square(p.gradient), u.c(o.epsilon_1));
    ValueId velocity;
    if (const auto rank = u.type(p).rank(); rank < 2) {
      velocity = average(u.state(p, "velocity"), squares);
    } else {
      auto rows = u.type(p).dims, columns = rows;
      rows[static_cast<std::size_t>(rank) - 1] = columns[static_cast<std::size_t>(rank) - 2] = 1;
      auto r = average(u.state(p, "rows", rows, 0), u.mean(squares, rank - 1));
      auto c = average(u.state(p, "columns", columns, 0), u.mean(squares, rank - 2));
      velocity = u.mul(u.div(r, u.mean(r, rank - 2)), c);
    }
    auto direction = u.div(p.gradient, u.sqrt(velocity));
    auto too_long = u.max(u.c(1), u.mul(u.sqrt(u.mean_square(direction)), u.c(1 / o.clip_threshold)));
    auto length = u.mul(u.max(u.c(o.epsilon_2), u.sqrt(u.mean_square(p.start))), rate);
    u.move(p, u.mul(u.div(length, too_long), direction));
  }
}

}  // namespace

template <>
const Description<Adafactor>& description() {
  static const Description<Adafactor> adafactor = {
      .names = {{"Adafactor", {}}},
      .numbers = {{&Adafactor::beta_2_decay, "beta_2_decay", kFiniteNotPositive},
                  {&Adafactor::epsilon_1, "epsilon_1"},
                  {&Adafactor::epsilon_2, "epsilon_2"},
                  {&Adafactor::clip_threshold, "clip_threshold", kPositive}},
      .flags = {{&Adafactor::relative_step, "relative_step"}},
      .tfjs_name = [](const Adafactor&) -> const char* { return nullptr; },
      .update = update,
  };
  return adafactor;
}

}  // namespace gradc
