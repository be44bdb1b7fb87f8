// Ops that move values: broadcast, pad, slice, concat, reshape; and random numbers.
#include "backends/halide/emitter.h"
#include "support/random.h"

namespace gradc {
namespace {

using namespace Halide;

std::vector<Expr> all_of(const std::vector<Var>& vars) { return {vars.begin(), vars.end()}; }

}  // namespace

void halide_reshape(Emitter& e, const Op& op) {
  const auto &x = e.type(op.operands[0]), &y = e.type(op.result());
  auto vars = e.indices(y);
  auto from = y.image_dims(), to = x.image_dims();
  Expr flat = 0;
  int stride = 1;
  for (std::size_t i = 0; i < vars.size(); ++i) {
    flat = flat + vars[i] * stride;
    stride *= static_cast<int>(from[from.size() - 1 - i]);
  }
  std::vector<Expr> index;
  for (std::size_t i = to.size(); i-- > 0;) {
    index.push_back(i == 0 ? flat : flat % static_cast<int>(to[i]));
    flat = flat / static_cast<int>(to[i]);
  }
  Func f("reshape");
  f(e.arguments_of(y)) = e.at(op.operands[0], e.n, index);
  e.define(op.result(), f);
}

void halide_transpose(Emitter& e, const Op& op) {
  const auto& y = e.type(op.result());
  const auto& permutation = op.attributes.ints("permutation");
  auto vars = e.indices(y);
  // Dimensions from the last to the first; those of a batched value without the batch.
  auto rank = y.rank();
  std::vector<Expr> index(vars.size());
  for (std::size_t i = 0; i < vars.size(); ++i)
    index[static_cast<std::size_t>(rank - 1 - permutation[rank - 1 - static_cast<int>(i)])] = vars[i];
  Func f("transpose");
  f(e.arguments_of(y)) = e.at(op.operands[0], e.n, index);
  e.define(op.result(), f);
}

void halide_broadcast(Emitter& e, const Op& op) {
  const auto& y = e.type(op.result());
  Func f("broadcast");
  f(e.arguments_of(y)) = e.broadcast_at(op.operands[0], y, e.n, all_of(e.indices(y)));
  e.define(op.result(), f);
}

void halide_pad(Emitter& e, const Op& op) {
  const auto &x = e.type(op.operands[0]), &y = e.type(op.result());
  const auto& before = op.attributes.ints("before");
  auto vars = e.indices(y);
  std::vector<Expr> index;
  Expr inside = Internal::const_true();
  for (std::size_t i = 0; i < vars.size(); ++i) {
    auto d = y.rank() - 1 - static_cast<int>(i);
    auto at = vars[i] - static_cast<int>(before[d]);
    auto size = static_cast<int>(x.dims[d]);
    if (before[d] != 0 || x.dims[d] != y.dims[d]) inside = inside && at >= 0 && at < size;
    index.push_back(clamp(at, 0, size - 1));
  }
  Func f("pad");
  f(e.arguments_of(y)) = select(inside, e.at(op.operands[0], e.n, index), 0.0f);
  e.define(op.result(), f);
}

void halide_slice(Emitter& e, const Op& op) {
  const auto& y = e.type(op.result());
  const auto& begin = op.attributes.ints("begin");
  auto index = all_of(e.indices(y));
  for (std::size_t i = 0; i < index.size(); ++i) index[i] = index[i] + static_cast<int>(begin[y.rank() - 1 - static_cast<int>(i)]);
  Func f("slice");
  f(e.arguments_of(y)) = e.at(op.operands[0], e.n, index);
  e.define(op.result(), f);
}

void halide_concat(Emitter& e, const Op& op) {
  const auto& y = e.type(op.result());
  auto axis = static_cast<std::size_t>(y.rank() - 1 - op.attributes.integer("axis"));
  auto index = all_of(e.indices(y));
  Expr at = index[axis], value;
  int begin = 0;
  for (auto operand : op.operands) {
    auto size = static_cast<int>(e.type(operand).dims[op.attributes.integer("axis")]);
    auto own = index;
    own[axis] = clamp(at - begin, 0, size - 1);
    auto part = e.at(operand, e.n, own);
    value = value.defined() ? select(at >= begin, part, value) : part;
    begin += size;
  }
  Func f("concat");
  f(e.arguments_of(y)) = value;
  e.define(op.result(), f);
}

void halide_reverse(Emitter& e, const Op& op) {
  const auto& y = e.type(op.result());
  auto index = all_of(e.indices(y));
  for (auto axis : op.attributes.ints("axes")) {
    auto& own = index[static_cast<std::size_t>(y.rank() - 1 - axis)];
    own = static_cast<int>(y.dims[axis]) - 1 - own;
  }
  Func f("reverse");
  f(e.arguments_of(y)) = e.at(op.operands[0], e.n, index);
  e.define(op.result(), f);
}

void halide_random_uniform(Emitter& e, const Op& op) {
  const auto& y = e.type(op.result());
  auto vars = e.indices(y);
  auto dims = y.image_dims();
  Expr element = cast<std::uint32_t>(0);
  std::uint32_t stride = 1;
  for (std::size_t i = 0; i < vars.size(); ++i) {
    element = element + cast<std::uint32_t>(vars[i]) * Expr(stride);
    stride *= static_cast<std::uint32_t>(dims[dims.size() - 1 - i]);
  }
  struct Bits {  // Expr with the constructors and operators that random_bits needs
    Expr e;
    Bits(std::uint32_t v) : e(v) {}
    Bits(Expr v) : e(std::move(v)) {}
    Bits operator+(const Bits& o) const { return e + o.e; }
    Bits operator*(const Bits& o) const { return e * o.e; }
    Bits operator^(const Bits& o) const { return e ^ o.e; }
    Bits operator>>(const Bits& o) const { return e >> o.e; }
  };
  auto key = cast<std::uint32_t>(e.at(op.operands[0], e.n, {})), image = cast<std::uint32_t>(e.at(op.operands[1], e.n, {}));
  auto stream = static_cast<std::uint32_t>(op.attributes.integer("stream"));
  auto bits = random_bits<Bits>(Bits(key), Bits(image), Bits(stream), Bits(element));
  Func f("random");
  f(e.arguments_of(y)) = cast<float>(bits.e >> Expr(std::uint32_t{8})) * (1.0f / 16777216.0f);
  e.define(op.result(), f);
}

void halide_iota(Emitter& e, const Op& op) {
  const auto& y = e.type(op.result());
  Func f("iota");
  f(e.arguments_of(y)) = cast<float>(e.indices(y)[static_cast<std::size_t>(y.rank() - 1 - op.attributes.integer("axis"))]);
  e.define(op.result(), f);
}

}  // namespace gradc
