// conv2d(x[B,H,W,C], w[KH,KW,C/G,F]) -> [B,OH,OW,F], and its two gradients. Correlation, as in Keras: the kernel is not flipped. With G =
// `groups`, output channel f sees the input channels of group f / (F/G) alone; a depthwise convolution has G = C.
#include "ir/ops/define.h"

namespace gradc {
namespace {

/// A convolution between images `x` and what it makes of them.
struct Shapes {
  std::vector<Window> windows;   ///< Of rows and of columns.
  std::int64_t in, out, groups;  ///< Channels of images, and in how many groups.

  Type made() const { return {DType::f32, {kBatch, windows[0].output, windows[1].output, out}}; }
};

/// `kernel`: its rows, its columns, and its channels from those of a group to `out`.
Shapes shapes_of(const OpView& op, const Ints& image, const Ints& kernel, std::int64_t in_of_group, std::int64_t out) {
  auto groups = op.attributes.integer_or("groups", 1);
  if (groups < 1 || out % groups != 0) throw Error("{} filters cannot be cut into {} groups", out, groups);
  return {windows_of(op, image, kernel), in_of_group * groups, out, groups};
}

Shapes shapes_of(const OpView& op, const Ints& image, const Type& kernel) {
  expect_rank(kernel, 4, "a convolution kernel");
  return shapes_of(op, image, {kernel.dims[0], kernel.dims[1]}, kernel.dims[2], kernel.dims[3]);
}

/// For a kernel whose two last dimensions are exchanged.
Shapes shapes_of_transposed(const OpView& op, const Type& kernel) {
  expect_rank(kernel, 4, "a convolution kernel");
  const auto& input = op.attributes.ints("input");
  if (input.size() != 2) throw Error("input has two numbers: height, width");
  return shapes_of(op, input, {kernel.dims[0], kernel.dims[1]}, kernel.dims[3], kernel.dims[2]);
}

Ints height_and_width(const Type& images) { return {images.dims[1], images.dims[2]}; }

std::vector<Type> infer(const OpView& op) {
  expect_f32(op);
  const auto& x = op.operands[0];
  expect_rank(x, 4, "the input of conv2d");
  expect_batched(x, "the input of conv2d");
  auto shapes = shapes_of(op, height_and_width(x), op.operands[1]);
  if (shapes.in != x.dims[3]) throw Error("the kernel takes {} channels, its input {} has {}", shapes.in, to_string(x), x.dims[3]);
  return {shapes.made()};
}

std::vector<Type> infer_input_grad(const OpView& op) {
  expect_f32(op);
  const auto& dy = op.operands[0];
  expect_rank(dy, 4, "the gradient of conv2d");
  expect_batched(dy, "the gradient of conv2d");
  auto shapes = shapes_of_transposed(op, op.operands[1]);
  const auto& input = op.attributes.ints("input");
  if (dy != shapes.made()) throw Error("{} is not the gradient's shape", to_string(dy));
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
  auto shapes = shapes_of(op, height_and_width(x), result);
  if (dy != shapes.made()) throw Error("{} is not the gradient's shape", to_string(dy));
  return {result};
}

/// Which of first operand, second operand and result an index moves along.
struct Along {
  bool first, second, result;
};

/// The loops of a convolution that reads `depth` channels and makes `features`.
Iteration loops_of(const Shapes& shapes, std::int64_t depth, std::int64_t features, Along batch, Along space, Along kernel, Along of_depth,
                   Along of_features) {
  Iteration iteration{.windows = shapes.windows, .groups = shapes.groups};
  auto add = [&](LoopKind kind, std::int64_t extent, Along along) {
    iteration.loops.push_back({kind, extent, along.first, along.second, along.result});
  };
  add(LoopKind::batch, 1, batch);
  for (const auto& window : shapes.windows) add(LoopKind::space, window.output, space);
  for (const auto& window : shapes.windows) add(LoopKind::kernel, window.size, kernel);
  add(LoopKind::depth, depth, of_depth);
  add(LoopKind::feature, features, of_features);
  return iteration;
}

constexpr Along kInputs{true, true, false}, kFirstAndResult{true, false, true}, kSecondAndResult{false, true, true};

Iteration iteration(const OpView& op, std::span<const Type>) {
  auto shapes = shapes_of(op, height_and_width(op.operands[0]), op.operands[1]);
  return loops_of(shapes, shapes.in, shapes.out, kFirstAndResult, kFirstAndResult, kInputs, kInputs, kSecondAndResult);
}

Iteration iteration_of_input_grad(const OpView& op, std::span<const Type>) {
  auto shapes = shapes_of_transposed(op, op.operands[1]);
  auto iteration = loops_of(shapes, shapes.out, shapes.in, kFirstAndResult, kFirstAndResult, kSecondAndResult, kInputs, kSecondAndResult);
  iteration.slides_over_result = true;
  return iteration;
}

Iteration iteration_of_weight_grad(const OpView& op, std::span<const Type> results) {
  auto shapes = shapes_of(op, height_and_width(op.operands[0]), results[0]);
  return loops_of(shapes, shapes.in, shapes.out, kInputs, kInputs, kFirstAndResult, kFirstAndResult, kSecondAndResult);
}

}  // namespace

OpDef define_conv2d() {
  return {.summary = "2-D correlation of images [B,H,W,C] with a kernel [KH,KW,C/G,F] in G = `groups`, giving [B,OH,OW,F]",
          .operands = {"x", "w"},
          .attributes = window_attributes({{"dilation", AttributeKind::ints}, {"groups", AttributeKind::integer, true}}),
          .infer = infer,
          .fusion = FusionKind::contraction,
          .iteration = iteration,
          .gives_zero = zero_where_first_is};
}

OpDef define_conv2d_input_grad() {
  return {.summary =
              "the gradient of conv2d with respect to its input, of height and width `input`, w being the kernel as [KH,KW,F,C/G]; also a "
              "transposed convolution",
          .operands = {"dy", "w"},
          .attributes = window_attributes(
              {{"dilation", AttributeKind::ints}, {"input", AttributeKind::ints}, {"groups", AttributeKind::integer, true}}),
          .infer = infer_input_grad,
          .fusion = FusionKind::contraction,
          .iteration = iteration_of_input_grad,
          .gives_zero = zero_where_first_is,
          .inlines_operands = true,
          .transposable = 1};
}

OpDef define_conv2d_weight_grad() {
  return {.summary = "the gradient of conv2d with respect to its kernel, of `kernel` rows and columns; sums over the batch",
          .operands = {"x", "dy"},
          .attributes = window_attributes(
              {{"dilation", AttributeKind::ints}, {"kernel", AttributeKind::ints}, {"groups", AttributeKind::integer, true}}),
          .infer = infer_weight_grad,
          .fusion = FusionKind::contraction,
          .iteration = iteration_of_weight_grad,
          .inlines_operands = true};
}

}  // namespace gradc
