#include "ir/dense_kernel.h"
#include "passes/gradients/gradients.h"

namespace gradc {
namespace {

/// A kernel as [K,N], also where it lies in blocks.
ValueId in_rows(Builder& b, ValueId kernel) {
  const DenseKernel sides(b.type(kernel));
  if (!sides.in_blocks) return kernel;
  return b.emit(OpKind::reshape, {b.emit(OpKind::transpose, {kernel}, {{"permutation", Ints{1, 0, 2}}})},
                {{"dims", Ints{sides.inputs, sides.outputs}}});
}

/// The gradient of a kernel as it lies.
ValueId as_it_lies(Builder& b, ValueId gradient, const Type& kernel) {
  const DenseKernel sides(kernel);
  if (!sides.in_blocks) return gradient;
  const auto blocks = b.emit(OpKind::reshape, {gradient}, {{"dims", Ints{sides.inputs, sides.outputs / sides.block, sides.block}}});
  return b.emit(OpKind::transpose, {blocks}, {{"permutation", Ints{1, 0, 2}}});
}

}  // namespace

void gradient_dense(Gradient& g) {
  if (g.needs(1)) g.set(1, as_it_lies(g.b, g.b.emit(OpKind::dense_weight_grad, {g.x(0), g.dy()}), g.b.type(g.x(1))));
  if (g.needs(0))
    g.set(0, g.b.emit(OpKind::dense_input_grad, {g.dy(), g.b.emit(OpKind::transpose, {in_rows(g.b, g.x(1))}, {{"permutation", Ints{1, 0}}},
                                                                  g.b.graph().values[g.x(1)].name + "/transposed")}));
}

}  // namespace gradc
