#pragma once
/// NaN in is NaN out. Halide tells LLVM that floating-point code meets no NaN, so that comparisons, `max` and `min` of one have any result,
/// tests for it are left out, and `exp` and `log` make numbers of it. NaN is therefore told by its bits, as an integer. Infinity, of which
/// Halide's `exp` and `log` make numbers too, is told in the same way.

#include <cstdint>
#include <limits>

#include <Halide.h>

namespace gradc {

inline Halide::Expr magnitude_bits(const Halide::Expr& x) { return Halide::reinterpret<std::int32_t>(x) & 0x7fffffff; }

inline bool is_constant(const Halide::Expr& x) { return x.as<Halide::Internal::FloatImm>() != nullptr; }

constexpr std::int32_t kInfinityBits = 0x7f800000;

inline Halide::Expr is_nan_by_bits(const Halide::Expr& x) { return magnitude_bits(x) > kInfinityBits; }

/// `value`, a function of x that may lose its NaN.
inline Halide::Expr with_nan_of(const Halide::Expr& x, const Halide::Expr& value) {
  return is_constant(x) ? value : Halide::select(is_nan_by_bits(x), x, value);
}

/// The larger of two numbers, or NaN if either is.
inline Halide::Expr max_or_nan(const Halide::Expr& a, const Halide::Expr& b) {
  const auto* constant = b.as<Halide::Internal::FloatImm>();
  // As an integer, a negative number is at most negative infinity's bits; no NaN is.
  if (constant != nullptr && constant->value == 0)
    return Halide::select(Halide::reinterpret<std::int32_t>(a) <= std::numeric_limits<std::int32_t>::min() + kInfinityBits, 0.0f, a);
  return with_nan_of(a, with_nan_of(b, Halide::max(a, b)));
}
inline Halide::Expr min_or_nan(const Halide::Expr& a, const Halide::Expr& b) { return with_nan_of(a, with_nan_of(b, Halide::min(a, b))); }

/// Halide's exp is 0 where x / log(2) does not fit into an integer. From 89 on it is infinity.
inline Halide::Expr exp_or_nan(const Halide::Expr& x) { return with_nan_of(x, Halide::exp(Halide::min(x, 89.0f))); }

inline Halide::Expr log_or_nan(const Halide::Expr& x) {
  const auto of_numbers = with_nan_of(x, Halide::log(x));
  return is_constant(x) ? of_numbers : Halide::select(Halide::reinterpret<std::int32_t>(x) == kInfinityBits, x, of_numbers);
}

}  // namespace gradc
