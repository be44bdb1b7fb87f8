// conv2d(x[B,H,W,C], w[KH,KW,C/G,F]) -> [B,OH,OW,F], and its two gradients. Correlation, as in Keras: the kernel is not flipped. With G =
// `groups`, output channel f sees the input channels of group f / (F/G) alone; a depthwise convolution has G = C.
#include "ir/ops/define.h"

namespace gradc {
namespace {

struct Shapes {
  Window rows, columns;
  std::int64_t in, out, groups;  ///< Channels of images, and in how many groups.
};

/// `in_of_group` and `out` are the kernel's channels.
Shapes shapes_of(const OpView& op, std::int64_t height, std::int64_t width, std::int64_t kernel_rows, std::int64_t kernel_columns,
                 std::int64_t in_of_group, std::int64_t out) {
  auto groups = op.attributes.integer_or("groups", 1);
  if (groups < 1 || out % groups != 0) throw Error("{} filters cannot be cut into {} groups", out, groups);
  return {window_of(op, 0, height, kernel_rows), window_of(op, 1, width, kernel_columns), in_of_group * groups, out, groups};
}

Shapes shapes_of(const OpView& op, std::int64_t height, std::int64_t width, const Type& kernel) {
  expect_rank(kernel, 4, "a convolution kernel");
  return shapes_of(op, height, width, kernel.dims[0], kernel.dims[1], kernel.dims[2], kernel.dims[3]);
}

/// For a kernel whose two last dimensions are exchanged.
Shapes shapes_of_transposed(const OpView& op, const Type& kernel) {
  expect_rank(kernel, 4, "a convolution kernel");
  const auto& input = op.attributes.ints("input");
  if (input.size() != 2) throw Error("input has two numbers: height, width");
  return shapes_of(op, input[0], input[1], kernel.dims[0], kernel.dims[1], kernel.dims[3], kernel.dims[2]);
}

std::vector<Type> infer(const OpView& op) {
  expect_f32(op);
  const auto& x = op.operands[0];
  expect_rank(x, 4, "the input of conv2d");
  expect_batched(x, "the input of conv2d");
  auto shapes = shapes_of(op, x.dims[1], x.dims[2], op.operands[1]);
  if (shapes.in != x.dims[3]) throw Error("the kernel takes {} channels, its input {} has {}", shapes.in, to_string(x), x.dims[3]);
  return {{DType::f32, {kBatch, shapes.rows.output, shapes.columns.output, shapes.out}}};
}

std::vector<Type> infer_input_grad(const OpView& op) {
  expect_f32(op);
  const auto& dy = op.operands[0];
  expect_rank(dy, 4, "the gradient of conv2d");
  expect_batched(dy, "the gradient of conv2d");
  auto shapes = shapes_of_transposed(op, op.operands[1]);
  const auto& input = op.attributes.ints("input");
  if (dy.dims != Ints{kBatch, shapes.rows.output, shapes.columns.output, shapes.out})
    throw Error("{} is not the gradient's shape", to_string(dy));
  return {{DType::f32, {kBatch, input[0], input[1], shapes.in}}};
}

std::vector<Type> infer_weight_grad(const OpView& op) {
  expect_f32(op);
  const auto &x = op.operands[0], &dy = op.operands[1];
  const auto& kernel = op.attributes.ints("kernel");
  expect_rank(x, 4, "the input of conv2d");
  expect_batched(x, "the input of conv2d");
  expect_rank(dy, 4, "the gradient of conv2d");
  if (kernel.size() != 2) throw Error("kernel has two numbers: rows, columns");
  auto groups = op.attributes.integer_or("groups", 1);
  if (groups < 1 || x.dims[3] % groups != 0) throw Error("{} channels cannot be cut into {} groups", x.dims[3], groups);
  Type result{DType::f32, {kernel[0], kernel[1], x.dims[3] / groups, dy.dims[3]}};
  auto shapes = shapes_of(op, x.dims[1], x.dims[2], result);
  if (dy.dims != Ints{kBatch, shapes.rows.output, shapes.columns.output, shapes.out})
    throw Error("{} is not the gradient's shape", to_string(dy));
  return {result};
}

/// Multiply-adds that meet an input pixel: those that fall on padding are not needed by the mathematics.
std::int64_t taps(const Window& window) {
  std::int64_t count = 0;
  for (std::int64_t o = 0; o < window.output; ++o)
    for (std::int64_t k = 0; k < window.size; ++k) {
      auto at = o * window.stride - window.before + k * window.dilation;
      count += at >= 0 && at < window.input;
    }
  return count;
}

std::int64_t flops_of(const Shapes& s) { return 2 * taps(s.rows) * taps(s.columns) * s.in * s.out / s.groups; }

std::int64_t flops(const OpView& op, std::span<const Type>) {
  return flops_of(shapes_of(op, op.operands[0].dims[1], op.operands[0].dims[2], op.operands[1]));
}
std::int64_t flops_input_grad(const OpView& op, std::span<const Type>) { return flops_of(shapes_of_transposed(op, op.operands[1])); }
std::int64_t flops_weight_grad(const OpView& op, std::span<const Type> results) {
  return flops_of(shapes_of(op, op.operands[0].dims[1], op.operands[0].dims[2], results[0]));
}

}  // namespace

OpDef define_conv2d() {
  return {.summary = "2-D correlation of images [B,H,W,C] with a kernel [KH,KW,C/G,F] in G = `groups`, giving [B,OH,OW,F]",
          .operands = {"x", "w"},
          .attributes = window_attributes({{"dilation", AttributeKind::ints}, {"groups", AttributeKind::integer, true}}),
          .infer = infer,
          .flops = flops};
}

OpDef define_conv2d_input_grad() {
  return {.summary =
              "the gradient of conv2d with respect to its input, of height and width `input`, w being the kernel as [KH,KW,F,C/G]; also a "
              "transposed convolution",
          .operands = {"dy", "w"},
          .attributes = window_attributes(
              {{"dilation", AttributeKind::ints}, {"input", AttributeKind::ints}, {"groups", AttributeKind::integer, true}}),
          .infer = infer_input_grad,
          .flops = flops_input_grad};
}

OpDef define_conv2d_weight_grad() {
  return {.summary = "the gradient of conv2d with respect to its kernel, of `kernel` rows and columns; sums over the batch",
          .operands = {"x", "dy"},
          .attributes = window_attributes(
              {{"dilation", AttributeKind::ints}, {"kernel", AttributeKind::ints}, {"groups", AttributeKind::integer, true}}),
          .infer = infer_weight_grad,
          .flops = flops_weight_grad};
}

}  // namespace gradc
