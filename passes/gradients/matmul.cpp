#include "passes/gradients/gradients.h"

namespace gradc {
namespace {

/// The product of two matrices of each image, transposed where it is said.
ValueId product(Gradient& g, ValueId a, bool transpose_a, ValueId b, bool transpose_b) {
  Attributes attributes;
  if (transpose_a) attributes.set("transpose_a", std::int64_t{1});
  if (transpose_b) attributes.set("transpose_b", std::int64_t{1});
  return g.b.emit(OpKind::matmul, {a, b}, attributes);
}

}  // namespace

/// Of y = a b they are dy b' and a' dy; of an operand that lies transposed, the transpose of that.
void gradient_matmul(Gradient& g) {
  const bool a = g.op.attributes.integer_or("transpose_a", 0) != 0, b = g.op.attributes.integer_or("transpose_b", 0) != 0;
  if (g.needs(0)) g.set(0, a ? product(g, g.x(1), b, g.dy(), true) : product(g, g.dy(), false, g.x(1), !b));
  if (g.needs(1)) g.set(1, b ? product(g, g.dy(), true, g.x(0), a) : product(g, g.x(0), !a, g.dy(), false));
}

}  // namespace gradc
