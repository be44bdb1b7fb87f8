#include <limits>
#include <optional>

#include "backends/halide/emitter.h"
#include "backends/halide/nan.h"
#include "gradc/error.h"

namespace gradc {
namespace {

/// A kernel's f32 expression that the scalar expressions of pointwise.def can be written over.
struct Scalar {
  Halide::Expr e;
};

Scalar C(double v) { return {Halide::Expr(static_cast<float>(v))}; }
Scalar operator-(Scalar x) { return {-x.e}; }
Scalar operator+(Scalar a, Scalar b) { return {a.e + b.e}; }
Scalar operator-(Scalar a, Scalar b) { return {a.e - b.e}; }
Scalar operator*(Scalar a, Scalar b) { return {a.e * b.e}; }
Scalar operator/(Scalar a, Scalar b) { return {a.e / b.e}; }
Scalar abs(Scalar x) { return {Halide::abs(x.e)}; }
Scalar sqrt(Scalar x) { return {Halide::sqrt(x.e)}; }
Scalar round(Scalar x) { return {Halide::round(x.e)}; }
Scalar exp(Scalar x) { return {exp_or_nan(x.e)}; }
Scalar log(Scalar x) { return {log_or_nan(x.e)}; }
/// As std::pow, but for NaN, which gives NaN whatever the other operand is.
Scalar pow(Scalar a, Scalar b) {
  const auto size = Halide::abs(a.e), half = b.e * 0.5f;
  const auto magnitude =
      Halide::select(b.e == 0.0f || size == 1.0f, 1.0f, exp_or_nan(b.e * log_or_nan(Halide::reinterpret<float>(magnitude_bits(a.e)))));
  const auto whole = b.e == Halide::round(b.e), odd = whole && half != Halide::round(half);
  const auto negative = Halide::reinterpret<std::int32_t>(a.e) < 0;
  const auto is_real = !negative || whole || size == 0.0f || magnitude_bits(a.e) == kInfinityBits;
  const auto value =
      Halide::select(is_real, Halide::select(negative && odd, -magnitude, magnitude), std::numeric_limits<float>::quiet_NaN());
  return {with_nan_of(a.e, with_nan_of(b.e, value))};
}
/// The product of a comparison and a NaN is not always NaN: LLVM takes it for a choice between the other factor and 0.
Scalar greater(Scalar a, Scalar b) { return {Halide::select(a.e > b.e, 1.0f, 0.0f)}; }
Scalar equal(Scalar a, Scalar b) { return {Halide::select(a.e == b.e, 1.0f, 0.0f)}; }
Scalar select(Scalar a, Scalar b, Scalar c) { return {Halide::select(a.e != 0.0f, b.e, c.e)}; }
Scalar max(Scalar a, Scalar b) { return {max_or_nan(a.e, b.e)}; }
Scalar min(Scalar a, Scalar b) { return {min_or_nan(a.e, b.e)}; }
Scalar sigmoid(Scalar x) { return C(1) / (C(1) + exp(-x)); }

/// The sine, or shifted by a quarter turn the cosine: of what is left of the nearest multiple of a quarter turn, which is taken off in
/// three parts, one after the other, by the polynomials of Cephes' sinf.c (S. L. Moshier), good to 1e-7 for arguments up to some thousands.
Scalar wave(Scalar x, int quarters) {
  const auto nearest = Halide::round(x.e * 0.6366197723675814f);
  const Scalar r{
      Halide::strict_float(((x.e - nearest * 1.5703125f) - nearest * 4.83751296997070312e-4f) - nearest * 7.54978995489188216e-8f)};
  const auto s = r * r;
  const auto sine = r + r * s * (C(-1.6666654611e-1) + s * (C(8.3321608736e-3) + s * C(-1.9515295891e-4)));
  const auto cosine = C(1) - C(0.5) * s + s * s * (C(4.166664568298827e-2) + s * (C(-1.388731625493765e-3) + s * C(2.443315711809948e-5)));
  const auto quadrant = (Halide::cast<std::int32_t>(nearest) + quarters) & 3;
  const auto magnitude = Halide::select((quadrant & 1) == 0, sine.e, cosine.e);
  const auto finite = magnitude_bits(x.e) < kInfinityBits;
  return {Halide::select(finite, Halide::select(quadrant < 2, magnitude, -magnitude), std::numeric_limits<float>::quiet_NaN())};
}
Scalar sin(Scalar x) { return wave(x, 0); }
Scalar cos(Scalar x) { return wave(x, 1); }

/// The angle of the point (b, a), as std::atan2 has it: of the ratio of the smaller to the larger coordinate, which stands for an angle of
/// at most an eighth of a turn, by the polynomial of Cephes' atanf.c (S. L. Moshier), and then mirrored to where the point lies.
Scalar atan2(Scalar a, Scalar b) {
  const double pi = 3.141592653589793;
  const auto x = abs(b), y = abs(a);
  const auto larger = Halide::max(x.e, y.e), smaller = Halide::min(x.e, y.e);
  // That of equals, as two infinities are, is 1, but of two zeros 0.
  const Scalar ratio{Halide::select(larger == 0.0f, 0.0f, Halide::select(smaller == larger, 1.0f, smaller / larger))};
  const auto past_sixteenth = ratio.e > 0.41421356f;
  const Scalar t{Halide::select(past_sixteenth, (ratio.e - 1.0f) / (ratio.e + 1.0f), ratio.e)};
  const auto s = t * t;
  const auto p = C(-3.33329491539e-1) + s * (C(1.99777106478e-1) + s * (C(-1.38776856032e-1) + s * C(8.05374449538e-2)));
  const auto eighth = t + t * s * p + Scalar{Halide::select(past_sixteenth, C(pi / 4).e, 0.0f)};
  const auto quarter = Halide::select(y.e > x.e, (C(pi / 2) - eighth).e, eighth.e);
  auto is_negative = [](Scalar v) { return Halide::reinterpret<std::int32_t>(v.e) < 0; };
  const auto half = Halide::select(is_negative(b), C(pi).e - quarter, quarter);
  return {with_nan_of(a.e, with_nan_of(b.e, Halide::select(is_negative(a), -half, half)))};
}

/// Near zero, where 1 - 2 / (exp(2x) + 1) would cancel, the Taylor series up to x^9; both are good to about 1e-7.
Scalar tanh(Scalar x) {
  auto s = x * x;
  auto series = x * (C(1) + s * (C(-1.0 / 3) + s * (C(2.0 / 15) + s * (C(-17.0 / 315) + s * C(62.0 / 2835)))));
  Scalar limited{Halide::clamp(x.e, -10.0f, 10.0f)};
  auto direct = C(1) - C(2) / (Scalar{Halide::exp(limited.e + limited.e)} + C(1));
  return {with_nan_of(x.e, Halide::select(Halide::abs(x.e) < 0.3f, series.e, direct.e))};
}

/// Near zero the Maclaurin series; elsewhere Abramowitz and Stegun 7.1.26 is too coarse, so a rational form of erfc: W. J. Cody's
/// approach as in Numerical Recipes' erfcc, whose relative error is below 1.2e-7.
Scalar erf(Scalar x) {
  auto s = x * x;
  auto series =
      x * C(1.1283791670955126) *
      (C(1) + s * (C(-1.0 / 3) + s * (C(1.0 / 10) + s * (C(-1.0 / 42) + s * (C(1.0 / 216) + s * (C(-1.0 / 1320) + s * C(1.0 / 9360)))))));
  auto z = abs(x);
  auto t = C(1) / (C(1) + C(0.5) * z);
  auto p = C(0.17087277);
  for (double c : {-0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368}) p = C(c) + t * p;
  auto erfc = t * Scalar{Halide::exp((-(z * z) - C(1.26551223) + t * p).e)};
  auto magnitude = C(1) - erfc;
  return {with_nan_of(x.e, Halide::select(Halide::abs(x.e) < 0.7f, series.e, x.e < 0.0f, -magnitude.e, magnitude.e))};
}

/// x - x, x / x and x * 0, of which Halide and LLVM make numbers for every x: NaN where x is not finite, and of 0 / 0.
std::optional<Scalar> of_any_number(Emitter& e, const Op& op, const std::vector<Scalar>& v) {
  auto is_zero = [&](ValueId value) {
    const auto& from = e.definer(value);
    return from.kind == OpKind::constant && from.attributes.number("value") == 0;
  };
  const bool same = v.size() == 2 && op.operands[0] == op.operands[1];
  const bool by_zero = op.kind == OpKind::mul && (is_zero(op.operands[0]) || is_zero(op.operands[1]));
  if (!by_zero && !(same && (op.kind == OpKind::sub || op.kind == OpKind::div))) return std::nullopt;
  const auto bits = magnitude_bits(v[by_zero && is_zero(op.operands[0]) ? 1 : 0].e);
  const auto finite = op.kind == OpKind::div ? bits < kInfinityBits && bits != 0 : bits < kInfinityBits;
  return Scalar{Halide::select(finite, op.kind == OpKind::div ? 1.0f : 0.0f, std::numeric_limits<float>::quiet_NaN())};
}

}  // namespace

void halide_pointwise(Emitter& e, const Op& op) {
  const auto& type = e.type(op.result());
  std::vector<Halide::Expr> index;
  for (const auto& var : e.indices(type)) index.push_back(var);
  std::vector<Scalar> v;
  for (auto operand : op.operands) v.push_back({e.broadcast_at(operand, type, e.n, index)});
  Scalar value;
  switch (op.kind) {
#define GRADC_UNARY(name, expression, ...) \
  case OpKind::name: {                     \
    [[maybe_unused]] auto x = v[0];        \
    value = expression;                    \
    break;                                 \
  }
#define GRADC_BINARY(name, expression, ...) \
  case OpKind::name: {                      \
    auto a = v[0], b = v[1];                \
    value = expression;                     \
    break;                                  \
  }
#define GRADC_TERNARY(name, expression, ...) \
  case OpKind::name: {                       \
    auto a = v[0], b = v[1], c = v[2];       \
    value = expression;                      \
    break;                                   \
  }
#include "ir/ops/pointwise.def"
#undef GRADC_UNARY
#undef GRADC_BINARY
#undef GRADC_TERNARY
    default: throw InternalError("not a pointwise op");
  }
  if (auto number = of_any_number(e, op, v)) value = *number;
  Halide::Func f("op_" + std::string(name_of(op.kind)));  // "abs" alone would be taken for Halide's own
  f(e.arguments_of(type)) = value.e;
  e.define(op.result(), f);
}

}  // namespace gradc
