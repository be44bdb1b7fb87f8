#include "ir/ops/scalar.h"

#include <cmath>

namespace gradc {
namespace {

/// The functions that the rows of pointwise.def use, in double.
namespace scalar {
using std::abs;
using std::atan2;
using std::cos;
using std::erf;
using std::exp;
using std::log;
using std::pow;
using std::sin;
using std::sqrt;
using std::tanh;
double C(double v) { return v; }
double greater(double a, double b) { return a > b ? 1 : 0; }
double equal(double a, double b) { return a == b ? 1 : 0; }
double select(double a, double b, double c) { return a != 0 ? b : c; }
double max(double a, double b) { return a > b || std::isnan(a) ? a : b; }  // NaN of either operand passes
double min(double a, double b) { return a < b || std::isnan(a) ? a : b; }
double round(double x) { return std::nearbyint(x); }
double sigmoid(double x) { return 1 / (1 + exp(-x)); }

#define GRADC_UNARY(name, value, ...)                  \
  double op_##name([[maybe_unused]] const double* v) { \
    [[maybe_unused]] double x = v[0];                  \
    return value;                                      \
  }
#define GRADC_BINARY(name, value, ...) \
  double op_##name(const double* v) {  \
    double a = v[0], b = v[1];         \
    return value;                      \
  }
#define GRADC_TERNARY(name, value, ...)  \
  double op_##name(const double* v) {    \
    double a = v[0], b = v[1], c = v[2]; \
    return value;                        \
  }
#include "ir/ops/pointwise.def"
#undef GRADC_UNARY
#undef GRADC_BINARY
#undef GRADC_TERNARY
}  // namespace scalar

/// The functions that the rows of pointwise.def use, of numbers of instructions: each adds its own to those of its operands.
namespace counted {
struct Count {
  int instructions = 0;
};
Count sum(int own, std::initializer_list<Count> operands) {
  for (auto operand : operands) own += operand.instructions;
  return {own};
}
Count operator-(Count x) { return sum(1, {x}); }
Count operator+(Count a, Count b) { return sum(1, {a, b}); }
Count operator-(Count a, Count b) { return sum(1, {a, b}); }
Count operator*(Count a, Count b) { return sum(1, {a, b}); }
Count operator/(Count a, Count b) { return sum(kSlow, {a, b}); }
Count C(double) { return {}; }
Count abs(Count x) { return sum(1, {x}); }
Count round(Count x) { return sum(1, {x}); }
Count greater(Count a, Count b) { return sum(1, {a, b}); }
Count equal(Count a, Count b) { return sum(1, {a, b}); }
Count max(Count a, Count b) { return sum(1, {a, b}); }
Count min(Count a, Count b) { return sum(1, {a, b}); }
Count select(Count a, Count b, Count c) { return sum(1, {a, b, c}); }
Count exp(Count x) { return sum(kSlow, {x}); }
Count log(Count x) { return sum(kSlow, {x}); }
Count pow(Count a, Count b) { return sum(2 * kSlow, {a, b}); }
Count atan2(Count a, Count b) { return sum(2 * kSlow, {a, b}); }
Count sqrt(Count x) { return sum(kSlow, {x}); }
Count sin(Count x) { return sum(kSlow, {x}); }
Count cos(Count x) { return sum(kSlow, {x}); }
Count erf(Count x) { return sum(kSlow, {x}); }
Count tanh(Count x) { return sum(kSlow, {x}); }
Count sigmoid(Count x) { return C(1) / (C(1) + exp(-x)); }

int instructions(OpKind kind) {
  const Count x, a, b, c;
  switch (kind) {
#define GRADC_UNARY(name, value, ...) \
  case OpKind::name: return Count(value).instructions;
#define GRADC_BINARY(name, value, ...) \
  case OpKind::name: return Count(value).instructions;
#define GRADC_TERNARY(name, value, ...) \
  case OpKind::name: return Count(value).instructions;
#include "ir/ops/pointwise.def"
#undef GRADC_UNARY
#undef GRADC_BINARY
#undef GRADC_TERNARY
    default: return 0;
  }
}
}  // namespace counted

}  // namespace

ScalarFunction scalar_function(OpKind kind) {
  switch (kind) {
#define GRADC_UNARY(name, ...) \
  case OpKind::name: return scalar::op_##name;
#define GRADC_BINARY(name, ...) \
  case OpKind::name: return scalar::op_##name;
#define GRADC_TERNARY(name, ...) \
  case OpKind::name: return scalar::op_##name;
#include "ir/ops/pointwise.def"
#undef GRADC_UNARY
#undef GRADC_BINARY
#undef GRADC_TERNARY
    default: return nullptr;
  }
}

int scalar_instructions(OpKind kind) { return counted::instructions(kind); }

}  // namespace gradc
