#include "frontend/activations.h"

#include <algorithm>
#include <utility>

#include "frontend/names.h"
#include "gradc/error.h"

namespace gradc {
namespace {

/// A value with arithmetic, so that a row of the table below reads as its formula does. Comparisons are 1 or 0.
struct Expression {
  Builder& b;
  const std::string& scope;
  ValueId value;

  Expression of(OpKind kind, std::vector<ValueId> operands) const {
    return {b, scope, b.emit(kind, std::move(operands), {}, scope + "/" + std::string(name_of(kind)))};
  }
  Expression of(double number) const { return {b, scope, b.constant(number)}; }
};
using E = const Expression&;

Expression binary(OpKind kind, E x, E y) { return x.of(kind, {x.value, y.value}); }
Expression operator+(E x, E y) { return binary(OpKind::add, x, y); }
Expression operator-(E x, E y) { return binary(OpKind::sub, x, y); }
Expression operator*(E x, E y) { return binary(OpKind::mul, x, y); }
Expression operator+(E x, double y) { return x + x.of(y); }
Expression operator-(E x, double y) { return x - x.of(y); }
Expression operator*(E x, double y) { return x * x.of(y); }
Expression operator>(E x, double y) { return binary(OpKind::greater, x, x.of(y)); }
Expression operator<(E x, double y) { return binary(OpKind::greater, x.of(y), x); }
Expression operator-(E x) { return x.of(OpKind::neg, {x.value}); }
Expression select(E condition, E yes, E no) { return condition.of(OpKind::select, {condition.value, yes.value, no.value}); }
template <OpKind kind>
Expression op(E x) {
  return x.of(kind, {x.value});
}
constexpr auto relu6 = op<OpKind::relu6>, softplus = op<OpKind::softplus>, tanh = op<OpKind::tanh>, sqrt = op<OpKind::sqrt>;
constexpr auto square = op<OpKind::square>, abs = op<OpKind::abs>;
Expression clipped(E x, double least, double most) { return binary(OpKind::min, binary(OpKind::max, x, x.of(least)), x.of(most)); }

struct Activation {
  const char* name;
  Expression (*lower)(E x);
};

constexpr Activation table[] = {
    {"linear", [](E x) { return x; }},
    {"softmax", op<OpKind::softmax>},
    {"relu", op<OpKind::relu>},
    {"relu6", op<OpKind::relu6>},
    {"elu", op<OpKind::elu>},
    {"celu", op<OpKind::elu>},  // as alpha is 1
    {"selu", op<OpKind::selu>},
    {"sigmoid", op<OpKind::sigmoid>},
    {"hardSigmoid", op<OpKind::hard_sigmoid>},
    {"softplus", op<OpKind::softplus>},
    {"softsign", op<OpKind::softsign>},
    {"tanh", op<OpKind::tanh>},
    {"swish", op<OpKind::swish>},
    {"silu", op<OpKind::swish>},
    {"gelu", op<OpKind::gelu>},
    {"geluNew", [](E x) { return x * 0.5 * (tanh((x + x * square(x) * 0.044715) * 0.7978845608028654) + 1); }},
    {"exponential", op<OpKind::exp>},
    {"mish", [](E x) { return x * tanh(softplus(x)); }},
    {"leakyRelu", [](E x) { return select(x > 0, x, x * 0.2); }},
    {"hardSilu", [](E x) { return x * relu6(x + 3) * (1.0 / 6); }},
    {"hardSwish", [](E x) { return x * relu6(x + 3) * (1.0 / 6); }},
    {"hardTanh", [](E x) { return clipped(x, -1, 1); }},
    {"hardShrink", [](E x) { return select(abs(x) > 0.5, x, x.of(0)); }},
    {"softShrink", [](E x) { return select(x > 0.5, x - 0.5, select(x < -0.5, x + 0.5, x.of(0))); }},
    {"tanhShrink", [](E x) { return x - tanh(x); }},
    {"logSigmoid", [](E x) { return -softplus(-x); }},
    {"sparsePlus", [](E x) { return select(x > 1, x, select(x < -1, x.of(0), square(x + 1) * 0.25)); }},
    {"sparseSigmoid", [](E x) { return select(x > 1, x.of(1), select(x < -1, x.of(0), (x + 1) * 0.5)); }},
    {"squareplus", [](E x) { return (x + sqrt(square(x) + 4)) * 0.5; }},
};

const Activation* find(const std::string& name) {
  const auto plain = plain_name(name);
  const auto* found =
      std::find_if(std::begin(table), std::end(table), [&](const Activation& row) { return plain_name(row.name) == plain; });
  return found == std::end(table) ? nullptr : found;
}

}  // namespace

bool is_known_activation(const std::string& name) { return find(name) != nullptr; }

std::string known_activations() {
  std::string names;
  for (const auto& row : table) names += (names.empty() ? "" : ", ") + std::string(row.name);
  return names;
}

ValueId lower_activation(Builder& b, ValueId x, const std::string& name, const Dialect& dialect, const std::string& scope) {
  const auto* activation = find(name);
  check(activation != nullptr, "an activation is known before it is lowered");
  const Expression input{b, scope, x};
  if (dialect.hard_sigmoid_is_relu6 && std::string_view(activation->name) == "hardSigmoid") return (relu6(input + 3) * (1.0 / 6)).value;
  return activation->lower(input).value;
}

}  // namespace gradc
