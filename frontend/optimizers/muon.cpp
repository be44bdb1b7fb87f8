#include <algorithm>
#include <cmath>
#include <regex>

#include "frontend/optimizers/description.h"

namespace gradc {
namespace {

/// Whether a weight gets orthogonal steps.
bool is_orthogonal(const Muon& o, const std::string& name, const Type& type) {
  if (type.rank() != 2) return false;
  auto lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (o.exclude_embeddings && lower.find("embedding") != std::string::npos) return false;
  return std::none_of(o.exclude_layers.begin(), o.exclude_layers.end(),
                      [&](const std::string& each) { return std::regex_search(name, std::regex(each)); });
}

/// Newton and Schulz's iteration: a matrix of about the same directions whose singular values are about 1.
ValueId orthogonal(Updates& u, const Muon& o, ValueId x, const Type& type) {
  const bool turned = type.dims[0] > type.dims[1];
  if (turned) x = u.transpose(x);
  x = u.div(x, u.add(u.sqrt(u.sum_of_squares(x)), u.c(1e-7)));
  for (std::int64_t i = 0; i < o.ns_steps; ++i) {
    auto squares = u.product_of_rows(x);
    auto factor = u.add(u.mul(u.c(o.b), squares), u.mul(u.c(o.c), u.product_of_rows(squares)));  // squares are symmetric
    x = u.add(u.mul(u.c(o.a), x), u.product(factor, x));
  }
  return turned ? u.transpose(x) : x;
}

/// Jordan (2024), as Keras has it.
void update(Updates& u, const Muon& o) {
  auto correction1 = u.sub(u.c(1), u.power("beta1_power", o.adam_beta1)), correction2 = u.sub(u.c(1), u.power("beta2_power", o.adam_beta2));
  auto adam_rate = u.div(u.mul(u.mul(u.rate(), u.c(o.adam_lr_ratio)), u.sqrt(correction2)), correction1);
  for (const auto& p : u.params) {
    u.at(p);
    auto m = u.state(p, "momentum");
    if (is_orthogonal(o, p.name, u.type(p))) {
      auto next = u.update(m, u.add(u.mul(m, u.c(o.momentum)), p.gradient));
      auto step = orthogonal(u, o, o.nesterov ? u.add(p.gradient, u.mul(u.c(o.momentum), next)) : next, u.type(p));
      const auto side = static_cast<double>(std::max(u.type(p).dims[0], u.type(p).dims[1]));
      u.move(p, u.mul(step, u.mul(u.rate(), u.c(o.rms_rate ? std::sqrt(side) * *o.rms_rate : 1))));
    } else {
      auto next = u.average(m, o.adam_beta1, p.gradient), v = u.average(u.state(p, "velocity"), o.adam_beta2, u.square(p.gradient));
      u.move(p, u.div(u.mul(next, adam_rate), u.add(u.sqrt(v), u.c(o.epsilon))));
    }
  }
}

std::string problem(const Muon& o) {
  for (const auto& each : o.exclude_layers) try {
      std::regex compiled(each);
    } catch (const std::regex_error&) {
      return fmt::format("\"exclude_layers\" has \"{}\", which is no regular expression", each);
    }
  return "";
}

}  // namespace

template <>
const Description<Muon>& description() {
  static const Description<Muon> muon = {
      .names = {{"Muon", {}}},
      .numbers = {{&Muon::adam_beta1, "adam_beta_1", kShareBelow1},
                  {&Muon::adam_beta2, "adam_beta_2", kShareBelow1},
                  {&Muon::epsilon, "epsilon"},
                  {.member = &Muon::adam_weight_decay, .keras = "adam_weight_decay", .null_is_none = true},
                  {&Muon::a, "muon_a", kFinite},
                  {&Muon::b, "muon_b", kFinite},
                  {&Muon::c, "muon_c", kFinite},
                  {&Muon::adam_lr_ratio, "adam_lr_ratio"},
                  {&Muon::momentum, "momentum", kShare},
                  {&Muon::ns_steps, "ns_steps", {0, 100, "a whole number from 0 to 100"}},
                  {.member = &Muon::rms_rate, .keras = "rms_rate", .null_is_none = true}},
      .flags = {{&Muon::exclude_embeddings, "exclude_embeddings"}, {&Muon::nesterov, "nesterov"}},
      .tfjs_name = [](const Muon&) -> const char* { return nullptr; },
      .update = update,
      .texts = {{&Muon::exclude_layers, "exclude_layers"}},
      .weight_decay = [](const Muon& o, const std::string& name,
                         const Type& type) { return is_orthogonal(o, name, type) ? o.options.weight_decay : o.adam_weight_decay; },
      .problem = problem,
  };
  return muon;
}

}  // namespace gradc
