// conv(x[B,...,C], w[...,C/G,F]) -> [B,...,F] over one to three spatial dimensions, and its two gradients. Correlation, as in Keras: the
// kernel is not flipped. With G = `groups`, output channel f sees the input channels of group f / (F/G) alone; a depthwise convolution has
// G = C.
#include "ir/ops/define.h"

namespace gradc {
namespace {

/// A convolution between images `x` and what it makes of them.
struct Shapes {
  std::vector<Window> windows;   ///< Along each spatial dimension, the slowest first.
  std::int64_t in, out, groups;  ///< Channels of images, and in how many groups.

  Type made() const {
    Type type{DType::f32, {kBatch}};
    for (const auto& window : windows) type.dims.push_back(window.output);
    type.dims.push_back(out);
    return type;
  }
};

/// `kernel`: its extents, and its channels from those of a group to `out`.
Shapes shapes_of(const OpView& op, const Ints& image, const Ints& kernel, std::int64_t in_of_group, std::int64_t out) {
  auto groups = op.attributes.integer_or("groups", 1);
  if (groups < 1 || out % groups != 0) throw Error("{} filters cannot be cut into {} groups", out, groups);
  return {windows_of(op, image, kernel), in_of_group * groups, out, groups};
}

/// The extents of a kernel for images of so many spatial dimensions; behind them are its channels.
Ints extents_of(const Type& kernel, std::size_t spatial) {
  expect_rank(kernel, static_cast<int>(spatial) + 2, "a convolution kernel");
  return {kernel.dims.begin(), kernel.dims.end() - 2};
}

Shapes shapes_of(const OpView& op, const Ints& image, const Type& kernel) {
  auto extents = extents_of(kernel, image.size());
  return shapes_of(op, image, extents, kernel.dims.end()[-2], kernel.dims.end()[-1]);
}

/// For a kernel whose two last dimensions are exchanged.
Shapes shapes_of_transposed(const OpView& op, const Type& kernel) {
  const auto& input = op.attributes.ints("input");
  auto extents = extents_of(kernel, input.size());
  return shapes_of(op, input, extents, kernel.dims.end()[-1], kernel.dims.end()[-2]);
}

std::vector<Type> infer(const OpView& op) {
  expect_f32(op);
  const auto& x = op.operands[0];
  expect_images(x, "the input of conv");
  auto shapes = shapes_of(op, spatial_dims(x), op.operands[1]);
  if (shapes.in != x.dims.back()) throw Error("the kernel takes {} channels, its input {} has {}", shapes.in, to_string(x), x.dims.back());
  return {shapes.made()};
}

std::vector<Type> infer_input_grad(const OpView& op) {
  expect_f32(op);
  const auto& dy = op.operands[0];
  expect_images(dy, "the gradient of conv");
  auto shapes = shapes_of_transposed(op, op.operands[1]);
  if (dy != shapes.made()) throw Error("{} is not the gradient's shape", to_string(dy));
  Type result{DType::f32, {kBatch}};
  for (auto extent : op.attributes.ints("input")) result.dims.push_back(extent);
  result.dims.push_back(shapes.in);
  return {result};
}

std::vector<Type> infer_weight_grad(const OpView& op) {
  expect_f32(op);
  const auto &x = op.operands[0], &dy = op.operands[1];
  const auto& kernel = op.attributes.ints("kernel");
  expect_images(x, "the input of conv");
  expect_images(dy, "the gradient of conv");
  auto groups = op.attributes.integer_or("groups", 1), channels = x.dims.back();
  if (groups < 1 || channels % groups != 0) throw Error("{} channels cannot be cut into {} groups", channels, groups);
  Type result{DType::f32, kernel};
  result.dims.insert(result.dims.end(), {channels / groups, dy.dims.back()});
  auto shapes = shapes_of(op, spatial_dims(x), result);
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
  auto shapes = shapes_of(op, spatial_dims(op.operands[0]), op.operands[1]);
  return loops_of(shapes, shapes.in, shapes.out, kFirstAndResult, kFirstAndResult, kInputs, kInputs, kSecondAndResult);
}

Iteration iteration_of_input_grad(const OpView& op, std::span<const Type>) {
  auto shapes = shapes_of_transposed(op, op.operands[1]);
  auto iteration = loops_of(shapes, shapes.out, shapes.in, kFirstAndResult, kFirstAndResult, kSecondAndResult, kInputs, kSecondAndResult);
  iteration.slides_over_result = true;
  return iteration;
}

Iteration iteration_of_weight_grad(const OpView& op, std::span<const Type> results) {
  auto shapes = shapes_of(op, spatial_dims(op.operands[0]), results[0]);
  return loops_of(shapes, shapes.in, shapes.out, kInputs, kInputs, kFirstAndResult, kFirstAndResult, kSecondAndResult);
}

}  // namespace

OpDef define_conv() {
  return {.summary =
              "correlation of images [B,...,C], of one to three spatial dimensions, with a kernel [...,C/G,F] in G = `groups`, giving "
              "[B,...,F]",
          .operands = {"x", "w"},
          .attributes = window_attributes({{"dilation", AttributeKind::ints}, {"groups", AttributeKind::integer, true}}),
          .infer = infer,
          .fusion = FusionKind::contraction,
          .iteration = iteration,
          .gives_zero = zero_where_first_is};
}

OpDef define_conv_input_grad() {
  return {.summary =
              "the gradient of conv with respect to its input, of spatial dimensions `input`, w being the kernel as [...,F,C/G]; also a "
              "transposed "
              "convolution",
          .operands = {"dy", "w"},
          .attributes = window_attributes(
              {{"dilation", AttributeKind::ints}, {"input", AttributeKind::ints}, {"groups", AttributeKind::integer, true}}),
          .infer = infer_input_grad,
          .fusion = FusionKind::contraction,
          .iteration = iteration_of_input_grad,
          .gives_zero = zero_where_first_is,
          .inlines_operands = true,
          .transposable = {1}};
}

OpDef define_conv_weight_grad() {
  return {.summary = "the gradient of conv with respect to its kernel, of the extents `kernel`; sums over the batch",
          .operands = {"x", "dy"},
          .attributes = window_attributes(
              {{"dilation", AttributeKind::ints}, {"kernel", AttributeKind::ints}, {"groups", AttributeKind::integer, true}}),
          .infer = infer_weight_grad,
          .fusion = FusionKind::contraction,
          .iteration = iteration_of_weight_grad,
          .inlines_operands = true};
}

}  // namespace gradc
