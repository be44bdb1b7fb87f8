#include "frontend/activations.h"

#include <algorithm>

#include "frontend/names.h"
#include "gradc/error.h"
#include "ir/symbol.h"

namespace gradc {
namespace {

template <OpKind kind>
Symbol op(Symbol x) {
  return emit(kind, {x});
}

/// As Keras 3 has it; tf.js and Keras 2 have the op of this name.
Symbol hard_sigmoid(Symbol x) { return relu6(x + 3) * (1.0 / 6); }

Symbol hard_silu(Symbol x) { return x * hard_sigmoid(x); }

/// x - log(sum of exp(x)), of which the largest is taken off before, so that nothing overflows.
Symbol log_softmax(Symbol x) {
  const auto shifted = x - emit(OpKind::stop_gradient, {largest_of_last(x, true)});
  return shifted - log(sum_of_last(exp(shifted), true));
}

struct NamedActivation {
  const char* name;
  Symbol (*lower)(Symbol x);
};

constexpr NamedActivation table[] = {
    {"linear", [](Symbol x) { return x; }},
    {"softmax", op<OpKind::softmax>},
    {"logSoftmax", log_softmax},
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
    {"geluNew", [](Symbol x) { return x * 0.5 * (tanh((x + x * square(x) * 0.044715) * 0.7978845608028654) + 1); }},
    {"exponential", op<OpKind::exp>},
    {"mish", [](Symbol x) { return x * tanh(softplus(x)); }},
    {"leakyRelu", [](Symbol x) { return select(greater(x, 0), x, x * 0.2); }},
    {"hardSilu", hard_silu},
    {"hardSwish", hard_silu},
    {"hardTanh", [](Symbol x) { return min(max(x, -1), 1); }},
    {"hardShrink", [](Symbol x) { return select(greater(abs(x), 0.5), x, constant(x, 0)); }},
    {"softShrink", [](Symbol x) { return select(greater(x, 0.5), x - 0.5, select(greater(-0.5, x), x + 0.5, constant(x, 0))); }},
    {"tanhShrink", [](Symbol x) { return x - tanh(x); }},
    {"logSigmoid", [](Symbol x) { return -softplus(-x); }},
    {"sparsePlus", [](Symbol x) { return select(greater(x, 1), x, select(greater(-1, x), constant(x, 0), square(x + 1) * 0.25)); }},
    {"sparseSigmoid",
     [](Symbol x) { return select(greater(x, 1), constant(x, 1), select(greater(-1, x), constant(x, 0), (x + 1) * 0.5)); }},
    {"squareplus", [](Symbol x) { return (x + sqrt(square(x) + 4)) * 0.5; }},
};

const NamedActivation* find(const std::string& name) {
  const auto plain = plain_name(name);
  const auto* found =
      std::find_if(std::begin(table), std::end(table), [&](const NamedActivation& row) { return plain_name(row.name) == plain; });
  return found == std::end(table) ? nullptr : found;
}

}  // namespace

bool is_known_activation(const std::string& name) { return find(name) != nullptr; }

std::vector<std::string> known_activations() {
  std::vector<std::string> names;
  for (const auto& row : table) names.emplace_back(row.name);
  return names;
}

ValueId lower_activation(Builder& b, ValueId x, const std::string& name, const Dialect& dialect, const std::string& scope) {
  const auto* activation = find(name);
  check(activation != nullptr, "an activation is known before it is lowered");
  const bool as_keras3 = dialect.hard_sigmoid_is_relu6 && std::string_view(activation->name) == "hardSigmoid";
  return (as_keras3 ? hard_sigmoid : activation->lower)({&b, x, scope}).id;
}

}  // namespace gradc
