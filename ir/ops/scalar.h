#pragma once
/// What the rows of pointwise.def compute, as functions of numbers.

#include "ir/op.h"

namespace gradc {

/// A pointwise op's value in double; `operands` has as many numbers as the op has operands.
using ScalarFunction = double (*)(const double* operands);

/// The function of a pointwise op, or nullptr for any other.
ScalarFunction scalar_function(OpKind kind);

/// Instructions that an element of a pointwise op costs, about: as many as its row has operators, of which divisions, roots and
/// transcendental functions count kSlow. 0 for ops that are not pointwise.
int scalar_instructions(OpKind kind);
inline constexpr int kSlow = 8;

}  // namespace gradc
