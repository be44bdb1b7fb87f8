// Max and average pooling over images [B,...,C], and their gradients.
#include <functional>
#include <numeric>

#include "ir/ops/define.h"

namespace gradc {
namespace {

Type pooled_type(const OpView& op, const Ints& image, std::int64_t channels) {
  const auto& window = op.attributes.ints("window");
  Type pooled{DType::f32, {kBatch}};
  for (const auto& along : windows_of(op, image, window)) {
    if (along.before >= along.size || along.after >= along.size)
      throw Error("padding must be smaller than the window, or a window would hold no pixel");
    pooled.dims.push_back(along.output);
  }
  pooled.dims.push_back(channels);
  return pooled;
}

Type pooled_type(const OpView& op) {
  const auto& x = op.operands[0];
  if (x.dtype != DType::f32) throw Error("pooling takes f32, not {}", to_string(x));
  expect_images(x, "the input of a pooling");
  return pooled_type(op, spatial_dims(x), x.dims.back());
}

/// Elements of a window.
std::int64_t elements_of_window(const OpView& op) {
  const auto& window = op.attributes.ints("window");
  return std::accumulate(window.begin(), window.end(), std::int64_t{1}, std::multiplies<>());
}

/// Where in its window the maximum stood, row-major: a byte where that is enough.
Type index_type(const OpView& op, const Type& pooled) { return {elements_of_window(op) <= 256 ? DType::u8 : DType::i32, pooled.dims}; }

std::vector<Type> infer_max(const OpView& op) {
  auto pooled = pooled_type(op);
  return {pooled, index_type(op, pooled)};
}

std::vector<Type> infer_avg(const OpView& op) { return {pooled_type(op)}; }

Type gradient_type(const OpView& op) {
  const auto& dy = op.operands[0];
  const auto& input = op.attributes.ints("input");
  if (dy.dtype != DType::f32) throw Error("a gradient is f32, not {}", to_string(dy));
  expect_images(dy, "the gradient of a pooling");
  auto pooled = pooled_type(op, input, dy.dims.back());
  if (dy != pooled) throw Error("{} is not the gradient's shape, {}", to_string(dy), to_string(pooled));
  Type type{DType::f32, input};
  type.dims.insert(type.dims.begin(), kBatch);
  type.dims.push_back(dy.dims.back());
  return type;
}

std::vector<Type> infer_max_grad(const OpView& op) {
  auto type = gradient_type(op);
  if (op.operands[1] != index_type(op, op.operands[0])) throw Error("{} is not the type of its index", to_string(op.operands[1]));
  return {type};
}

std::vector<Type> infer_avg_grad(const OpView& op) { return {gradient_type(op)}; }

std::int64_t flops(const OpView& op, std::span<const Type> results) { return results[0].elements() * elements_of_window(op); }
std::int64_t flops_grad(const OpView&, std::span<const Type> results) { return results[0].elements(); }

}  // namespace

OpDef define_max_pool() {
  return {.summary = "the maximum of each window, and where in its window it stood (row-major, the first of equals); padding never wins",
          .operands = {"x"},
          .attributes = window_attributes({{"window", AttributeKind::ints}}),
          .infer = infer_max,
          .fusion = FusionKind::window,
          .flops = flops,
          .gives_zero = zero_where_first_is,
          .commutes_with_increasing = true};
}
OpDef define_max_pool_grad() {
  return {.summary = "gives each window's gradient to the pixel that `index` names, in images of spatial dimensions `input`",
          .operands = {"dy", "index"},
          .attributes = window_attributes({{"window", AttributeKind::ints}, {"input", AttributeKind::ints}}),
          .infer = infer_max_grad,
          .fusion = FusionKind::movement,
          .flops = flops_grad,
          .gives_zero = zero_where_first_is,
          .instructions = 8,  // The few windows that may hold a pixel are looked at.
          .inlines_operands = true};
}
OpDef define_avg_pool() {
  return {.summary = "the mean of each window's pixels; padding does not count",
          .operands = {"x"},
          .attributes = window_attributes({{"window", AttributeKind::ints}}),
          .infer = infer_avg,
          .fusion = FusionKind::reduction,
          .flops = flops,
          .gives_zero = zero_where_first_is};
}
OpDef define_avg_pool_grad() {
  return {.summary = "spreads each window's gradient evenly over its pixels, in images of spatial dimensions `input`",
          .operands = {"dy"},
          .attributes = window_attributes({{"window", AttributeKind::ints}, {"input", AttributeKind::ints}}),
          .infer = infer_avg_grad,
          .fusion = FusionKind::movement,
          .flops = flops_grad,
          .gives_zero = zero_where_first_is};
}

}  // namespace gradc
