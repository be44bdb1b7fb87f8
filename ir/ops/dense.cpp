// dense(x[B,...,K], w[K,N]) -> [B,...,N], and its two gradients.
#include "ir/ops/define.h"

namespace gradc {
namespace {

std::vector<Type> infer(const OpView& op) {
  expect_f32(op);
  auto x = op.operands[0];
  const auto& w = op.operands[1];
  expect_rank(w, 2, "a dense kernel");
  expect_batched(x, "the input of dense");
  if (x.rank() < 2 || x.dims.back() != w.dims[0]) throw Error("the kernel takes {} features, its input is {}", w.dims[0], to_string(x));
  x.dims.back() = w.dims[1];
  return {x};
}

std::vector<Type> infer_input_grad(const OpView& op) {
  expect_f32(op);
  auto dy = op.operands[0];
  const auto& w = op.operands[1];
  expect_rank(w, 2, "a dense kernel");
  expect_batched(dy, "the gradient of dense");
  if (dy.rank() < 2 || dy.dims.back() != w.dims[1])
    throw Error("the kernel gives {} features, the gradient is {}", w.dims[1], to_string(dy));
  dy.dims.back() = w.dims[0];
  return {dy};
}

std::vector<Type> infer_weight_grad(const OpView& op) {
  expect_f32(op);
  const auto &x = op.operands[0], &dy = op.operands[1];
  expect_batched(x, "the input of dense");
  auto rows = x.dims, gradient_rows = dy.dims;
  if (x.rank() < 2 || dy.rank() < 2) throw Error("operands have at least rank 2, got {} and {}", to_string(x), to_string(dy));
  rows.pop_back();
  gradient_rows.pop_back();
  if (rows != gradient_rows) throw Error("{} and {} differ before their last dimension", to_string(x), to_string(dy));
  return {{DType::f32, {x.dims.back(), dy.dims.back()}}};
}

std::int64_t flops(const OpView& op, std::span<const Type>) { return 2 * op.operands[0].elements() * op.operands[1].dims[1]; }
std::int64_t flops_input_grad(const OpView& op, std::span<const Type>) { return 2 * op.operands[0].elements() * op.operands[1].dims[0]; }
std::int64_t flops_weight_grad(const OpView& op, std::span<const Type>) {
  return 2 * op.operands[0].elements() * op.operands[1].dims.back();
}

}  // namespace

OpDef define_dense() {
  return {.summary = "product of the last dimension of x with a kernel [K,N]", .operands = {"x", "w"}, .infer = infer, .flops = flops};
}
OpDef define_dense_input_grad() {
  return {.summary = "the gradient of dense with respect to its input",
          .operands = {"dy", "w"},
          .infer = infer_input_grad,
          .flops = flops_input_grad};
}
OpDef define_dense_weight_grad() {
  return {.summary = "the gradient of dense with respect to its kernel; sums over the batch and every dimension but the last",
          .operands = {"x", "dy"},
          .infer = infer_weight_grad,
          .flops = flops_weight_grad};
}

}  // namespace gradc
