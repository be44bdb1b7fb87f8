#include "ir/ops/define.h"

namespace gradc {

Window window_of(const OpView& op, int axis, std::int64_t input, std::int64_t size) {
  const auto& strides = op.attributes.ints("strides");
  const auto& padding = op.attributes.ints("padding");
  const Ints dilation = op.attributes.has("dilation") ? op.attributes.ints("dilation") : Ints{1, 1};
  if (strides.size() != 2 || dilation.size() != 2 || padding.size() != 4)
    throw Error("strides and dilation have two numbers and padding four: top, bottom, left, right");
  Window window{input, size, strides[axis], padding[2 * axis], padding[2 * axis + 1], dilation[axis], 0};
  if (window.stride < 1 || window.dilation < 1 || window.before < 0 || window.after < 0 || window.size < 1 || input < 1)
    throw Error("window sizes, strides and dilation are at least 1, and padding is not negative");
  auto room = input + window.before + window.after - window.extent();
  if (room < 0)
    throw Error("a window of {} does not fit an input of {} with padding {}", window.extent(), input, window.before + window.after);
  window.output = room / window.stride + 1;
  return window;
}

std::vector<AttributeSpec> window_attributes(std::initializer_list<AttributeSpec> more) {
  std::vector<AttributeSpec> specs(more);
  specs.push_back({"strides", AttributeKind::ints});
  specs.push_back({"padding", AttributeKind::ints});
  return specs;
}

}  // namespace gradc
