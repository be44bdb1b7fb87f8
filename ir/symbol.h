#pragma once
/// Arithmetic over values of a graph, so that code that emits ops reads as the formula does.

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace gradc {

/// A value of the graph that `b` builds: each operator emits an op.
struct Symbol {
  Builder* b = nullptr;
  ValueId id = -1;
  std::string_view scope = {};  ///< If given, results are named "SCOPE/OP", and have it too.
};

/// An op on these, of which the first says where it goes.
inline Symbol emit(OpKind kind, std::initializer_list<Symbol> operands, Attributes attributes = {}, std::string_view hint = {}) {
  std::vector<ValueId> ids;
  for (const auto& each : operands) ids.push_back(each.id);
  const auto& [b, id, scope] = *operands.begin();
  std::string name(hint);
  if (!scope.empty()) name = std::string(scope) + "/" + std::string(hint.empty() ? name_of(kind) : hint);
  return {b, b->emit(kind, std::move(ids), std::move(attributes), name), scope};
}

inline const Type& type_of(Symbol x) { return x.b->type(x.id); }

/// A scalar constant beside x.
inline Symbol constant(Symbol x, double value) { return {x.b, x.b->constant(value), x.scope}; }

inline Symbol operator-(Symbol x) { return emit(OpKind::neg, {x}); }
inline Symbol operator+(Symbol a, Symbol b) { return emit(OpKind::add, {a, b}); }
inline Symbol operator-(Symbol a, Symbol b) { return emit(OpKind::sub, {a, b}); }
inline Symbol operator*(Symbol a, Symbol b) { return emit(OpKind::mul, {a, b}); }
inline Symbol operator/(Symbol a, Symbol b) { return emit(OpKind::div, {a, b}); }
inline Symbol operator+(Symbol a, double b) { return a + constant(a, b); }
inline Symbol operator-(Symbol a, double b) { return a - constant(a, b); }
inline Symbol operator*(Symbol a, double b) { return a * constant(a, b); }
inline Symbol operator-(double a, Symbol b) { return constant(b, a) - b; }
inline Symbol exp(Symbol x) { return emit(OpKind::exp, {x}); }
inline Symbol log(Symbol x) { return emit(OpKind::log, {x}); }
inline Symbol erf(Symbol x) { return emit(OpKind::erf, {x}); }
inline Symbol abs(Symbol x) { return emit(OpKind::abs, {x}); }
inline Symbol sign(Symbol x) { return emit(OpKind::sign, {x}); }
inline Symbol sqrt(Symbol x) { return emit(OpKind::sqrt, {x}); }
inline Symbol rsqrt(Symbol x) { return emit(OpKind::rsqrt, {x}); }
inline Symbol sin(Symbol x) { return emit(OpKind::sin, {x}); }
inline Symbol cos(Symbol x) { return emit(OpKind::cos, {x}); }
inline Symbol square(Symbol x) { return emit(OpKind::square, {x}); }
inline Symbol tanh(Symbol x) { return emit(OpKind::tanh, {x}); }
inline Symbol sigmoid(Symbol x) { return emit(OpKind::sigmoid, {x}); }
inline Symbol softplus(Symbol x) { return emit(OpKind::softplus, {x}); }
inline Symbol relu6(Symbol x) { return emit(OpKind::relu6, {x}); }
inline Symbol max(Symbol a, double b) { return emit(OpKind::max, {a, constant(a, b)}); }
inline Symbol min(Symbol a, double b) { return emit(OpKind::min, {a, constant(a, b)}); }
inline Symbol pow(Symbol a, Symbol b) { return emit(OpKind::pow, {a, b}); }
inline Symbol pow(Symbol a, double b) { return pow(a, constant(a, b)); }
/// 1 where a > b, and 0 elsewhere.
inline Symbol greater(Symbol a, Symbol b) { return emit(OpKind::greater, {a, b}); }
inline Symbol greater(Symbol a, double b) { return greater(a, constant(a, b)); }
inline Symbol greater(double a, Symbol b) { return greater(constant(b, a), b); }
/// 1 where a is b, and 0 elsewhere.
inline Symbol equal(Symbol a, double b) { return emit(OpKind::equal, {a, constant(a, b)}); }
inline Symbol select(Symbol condition, Symbol yes, Symbol no) { return emit(OpKind::select, {condition, yes, no}); }

/// A number without its fraction, as a conversion to an integer makes it.
inline Symbol truncated(Symbol x) {
  const auto size = abs(x), rounded = emit(OpKind::round, {size});
  return sign(x) * (rounded - greater(rounded, size));
}

/// The largest whole number that is not above x.
inline Symbol floor(Symbol x) {
  const auto rounded = emit(OpKind::round, {x});
  return rounded - greater(rounded, x);
}

/// The sum over axes, which stay as 1 where `keep_dims`.
inline Symbol sum(Symbol x, Ints axes, bool keep_dims = false) {
  return emit(OpKind::reduce_sum, {x}, {{"axes", std::move(axes)}, {"keep_dims", std::int64_t{keep_dims}}}, "sum");
}
inline Symbol sum_of_last(Symbol x, bool keep_dims = false) { return sum(x, {type_of(x).rank() - 1}, keep_dims); }
inline Symbol argmax(Symbol x) { return emit(OpKind::argmax, {x}); }
inline Symbol one_hot(Symbol x, std::int64_t depth) { return emit(OpKind::one_hot, {x}, {{"depth", depth}}, "one_hot"); }
/// The largest along the last dimension.
inline Symbol largest_of_last(Symbol x, bool keep_dims = false) {
  return sum_of_last(x * one_hot(argmax(x), type_of(x).dims.back()), keep_dims);
}
inline Symbol reshape(Symbol x, Ints dims) {
  return type_of(x).dims == dims ? x : emit(OpKind::reshape, {x}, {{"dims", std::move(dims)}}, "reshaped");
}
/// x with dimensions of 1 behind its own, so that it broadcasts over what has this rank.
inline Symbol with_rank(Symbol x, std::size_t rank) {
  auto dims = type_of(x).dims;
  dims.resize(rank, 1);
  return reshape(x, std::move(dims));
}
/// What lies at `begin` and after it along the last dimension, `count` of it.
inline Symbol slice_of_last(Symbol x, std::int64_t begin, std::int64_t count, std::string_view hint) {
  auto size = type_of(x).dims;
  Ints first(size.size(), 0);
  first.back() = begin;
  size.back() = count;
  return emit(OpKind::slice, {x}, {{"begin", std::move(first)}, {"size", std::move(size)}}, hint);
}

}  // namespace gradc
