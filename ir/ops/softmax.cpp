// Softmax over the last dimension, and cross-entropy on logits with its gradient.
#include "ir/ops/define.h"

namespace gradc {
namespace {

std::vector<Type> infer_softmax(const OpView& op) {
  expect_f32(op);
  if (op.operands[0].rank() < 1 || op.operands[0].dims.back() == kBatch)
    throw Error("softmax needs a class dimension, got {}", to_string(op.operands[0]));
  return {op.operands[0]};
}

std::vector<Type> infer_loss(const OpView& op) {
  expect_f32(op);
  auto z = op.operands[0];
  if (z != op.operands[1] || z.rank() < 2)
    throw Error("logits {} and labels {} must have one shape", to_string(z), to_string(op.operands[1]));
  z.dims.pop_back();
  return {z};
}

std::vector<Type> infer_loss_grad(const OpView& op) {
  auto loss = infer_loss({op.operands.first(2), op.attributes});
  if (op.operands[2] != loss[0]) throw Error("the gradient of the loss is {}, expected {}", to_string(op.operands[2]), to_string(loss[0]));
  return {op.operands[0]};
}

std::int64_t flops(const OpView& op, std::span<const Type>) { return 4 * op.operands[0].elements(); }

}  // namespace

OpDef define_softmax() {
  return {.summary = "exp(x) over its sum, along the last dimension",
          .operands = {"x"},
          .infer = infer_softmax,
          .fusion = FusionKind::reduction,
          .flops = flops};
}
OpDef define_softmax_cross_entropy() {
  return {.summary = "-sum(y * log(softmax(z))) along the last dimension, by log-sum-exp",
          .operands = {"z", "y"},
          .infer = infer_loss,
          .fusion = FusionKind::reduction,
          .flops = flops};
}
OpDef define_softmax_cross_entropy_grad() {
  return {.summary = "(softmax(z) * sum(y) - y) * dl",
          .operands = {"z", "y", "dl"},
          .infer = infer_loss_grad,
          .fusion = FusionKind::reduction,
          .flops = flops,
          .gives_zero = [](const std::vector<bool>& zero) { return zero[2]; }};
}

}  // namespace gradc
