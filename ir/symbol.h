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
inline Symbol emit(OpKind kind, std::initializer_list<Symbol> operands) {
  std::vector<ValueId> ids;
  for (const auto& each : operands) ids.push_back(each.id);
  const auto& [b, id, scope] = *operands.begin();
  return {b, b->emit(kind, std::move(ids), {}, scope.empty() ? "" : std::string(scope) + "/" + std::string(name_of(kind))), scope};
}

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
inline Symbol select(Symbol condition, Symbol yes, Symbol no) { return emit(OpKind::select, {condition, yes, no}); }

}  // namespace gradc
