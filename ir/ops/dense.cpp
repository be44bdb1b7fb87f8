// dense(x[B,...,K], w[K,N]) -> [B,...,N], and its two gradients.
#include "ir/dense_kernel.h"
#include "ir/ops/define.h"

namespace gradc {
namespace {

std::vector<Type> infer(const OpView& op) {
  expect_f32(op);
  auto x = op.operands[0];
  const DenseKernel w(op.operands[1]);
  expect_batched(x, "the input of dense");
  if (x.rank() < 2 || x.dims.back() != w.inputs) throw Error("the kernel takes {} features, its input is {}", w.inputs, to_string(x));
  x.dims.back() = w.outputs;
  return {x};
}

std::vector<Type> infer_input_grad(const OpView& op) {
  expect_f32(op);
  auto dy = op.operands[0];
  const DenseKernel w(op.operands[1]);
  expect_batched(dy, "the gradient of dense");
  if (dy.rank() < 2 || dy.dims.back() != w.inputs) throw Error("the kernel gives {} features, the gradient is {}", w.inputs, to_string(dy));
  dy.dims.back() = w.outputs;
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

std::vector<Type> infer_weight_grad_whole(const OpView& op) {
  auto types = infer_weight_grad(op);
  if (const auto& x = op.operands[0]; x.elements() != x.dims.back()) throw Error("images are one vector each, got {}", to_string(x));
  auto rows = op.attributes.integer("rows");
  if (rows < 1 || rows > types[0].dims[0]) throw Error("rows is from 1 to {}, got {}", types[0].dims[0], rows);
  types[0].dims[0] = rows;
  return types;
}

/// The loops of a layer on images of any rank, each vector of whose last dimension is a row.
Iteration loops_of(const Type& first, std::int64_t depth, std::int64_t features, bool makes_images) {
  const auto rows = first.elements() / first.dims.back();
  const bool sums = !makes_images;
  return {.loops = {{LoopKind::batch, 1, true, sums, makes_images},
                    {LoopKind::row, rows, true, sums, makes_images},
                    {LoopKind::depth, depth, true, makes_images, sums},
                    {LoopKind::feature, features, false, true, true}}};
}

Iteration iteration(const OpView& op, std::span<const Type>) {
  const DenseKernel kernel(op.operands[1]);
  return loops_of(op.operands[0], kernel.inputs, kernel.outputs, true);
}

Iteration iteration_of_input_grad(const OpView& op, std::span<const Type> results) {
  auto loops = iteration(op, results);
  // The kernel is mostly read where it lies, untransposed.
  loops.contiguous = LoopKind::depth;
  return loops;
}

Iteration iteration_of_weight_grad(const OpView& op, std::span<const Type>) {
  return loops_of(op.operands[0], op.operands[0].dims.back(), op.operands[1].dims.back(), false);
}

}  // namespace

OpDef define_dense() {
  return {.summary = "product of the last dimension of x with a kernel [K,N], or [N/b,K,b] in blocks of b outputs",
          .operands = {"x", "w"},
          .infer = infer,
          .fusion = FusionKind::contraction,
          .iteration = iteration,
          .gives_zero = zero_where_first_is};
}
OpDef define_dense_input_grad() {
  return {.summary = "the gradient of dense with respect to its input; w is the kernel as [N,K], or [K/b,N,b]",
          .operands = {"dy", "w"},
          .infer = infer_input_grad,
          .fusion = FusionKind::contraction,
          .iteration = iteration_of_input_grad,
          .gives_zero = zero_where_first_is,
          .inlines_operands = true,
          .transposable = {1}};
}
OpDef define_dense_weight_grad() {
  return {.summary = "the gradient of dense with respect to its kernel; sums over the batch and every dimension but the last",
          .operands = {"x", "dy"},
          .infer = infer_weight_grad,
          .fusion = FusionKind::contraction,
          .iteration = iteration_of_weight_grad,
          .inlines_operands = true,
          .whole_batch_form = OpKind::dense_weight_grad_whole};
}
OpDef define_dense_weight_grad_whole() {
  return {.summary = "dense_weight_grad computed over the whole batch at once, not as partial sums of tiles; its first `rows` rows",
          .operands = {"x", "dy"},
          .attributes = {{"rows", AttributeKind::integer}},
          .infer = infer_weight_grad_whole,
          .fusion = FusionKind::contraction,
          .iteration = iteration_of_weight_grad,
          .whole_batch = true};
}

}  // namespace gradc
