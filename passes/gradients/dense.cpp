#include "passes/gradients/gradients.h"

namespace gradc {

void gradient_dense(Gradient& g) {
  if (g.needs(1)) g.set(1, g.b.emit(OpKind::dense_weight_grad, {g.x(0), g.dy()}));
  if (g.needs(0))
    g.set(0, g.b.emit(OpKind::dense_input_grad, {g.dy(), g.b.emit(OpKind::transpose, {g.x(1)}, {{"permutation", Ints{1, 0}}},
                                                                  g.b.graph().values[g.x(1)].name + "/transposed")}));
}

}  // namespace gradc
