#pragma once
/// What the files of this folder share. Each defines reference_<op>(const Execution&) for the ops of its name.

#include <vector>

#include "backends/reference/interpreter.h"

namespace gradc {

/// One op about to be executed: operands are there, results have their dimensions and are zero.
struct Execution {
  const Op& op;
  std::vector<const Tensor*> operands;
  std::vector<Tensor*> results;
  bool single_precision = false;

  const Attributes& attributes() const { return op.attributes; }
  const Tensor& operand(int i) const { return *operands[i]; }
  Tensor& result(int i = 0) const { return *results[i]; }
};

#define GRADC_OP(name, gradient, reference, ...) GRADC_IF_##reference(void reference_##name(const Execution&);)
#include "ir/ops/ops.def"
#undef GRADC_OP

}  // namespace gradc
