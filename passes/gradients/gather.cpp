#include "passes/gradients/gradients.h"

namespace gradc {

/// Each row gets the gradients of where it went; which row goes where is a choice, through which none flows.
void gradient_gather(Gradient& g) {
  if (g.needs(0)) g.set(0, g.b.emit(OpKind::gather_grad, {g.x(1), g.dy()}, {{"rows", g.b.type(g.x(0)).dims[0]}}));
}

}  // namespace gradc
