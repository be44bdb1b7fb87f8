#include "ir/window.h"

#include <algorithm>
#include <numeric>

#include "ir/ops/define.h"

namespace gradc {

void expect_images(const Type& type, const char* what) {
  expect_batched(type, what);
  if (type.rank() < 3 || type.rank() > 5)
    throw Error("{} has one to three dimensions between batch and channels, got {}", what, to_string(type));
}

Ints spatial_dims(const Type& images) { return {images.dims.begin() + 1, images.dims.end() - 1}; }

Ints channels_exchanged(int rank) {
  Ints permutation(static_cast<std::size_t>(rank));
  std::iota(permutation.begin(), permutation.end(), 0);
  std::swap(permutation.end()[-2], permutation.end()[-1]);
  return permutation;
}

std::vector<Window> windows_of(const OpView& op, const Ints& inputs, const Ints& sizes) {
  const auto rank = inputs.size();
  const auto& strides = op.attributes.ints("strides");
  const auto& padding = op.attributes.pairs("padding");
  const Ints dilation = op.attributes.has("dilation") ? op.attributes.ints("dilation") : Ints(rank, 1);
  if (sizes.size() != rank || strides.size() != rank || dilation.size() != rank || padding.size() != rank)
    throw Error("a window on {} spatial dimensions has as many sizes, strides and dilations, and pairs [before,after] of padding", rank);
  std::vector<Window> windows;
  for (std::size_t d = 0; d < rank; ++d) {
    Window window{inputs[d], sizes[d], strides[d], padding[d][0], padding[d][1], dilation[d], 0};
    if (window.stride < 1 || window.dilation < 1 || window.before < 0 || window.after < 0 || window.size < 1 || window.input < 1)
      throw Error("window sizes, strides and dilation are at least 1, and padding is not negative");
    auto room = window.input + window.before + window.after - window.extent();
    if (room < 0)
      throw Error("a window of {} does not fit an input of {} with padding {}", window.extent(), window.input,
                  window.before + window.after);
    window.output = room / window.stride + 1;
    windows.push_back(window);
  }
  return windows;
}

std::int64_t taps(const Window& window) {
  std::int64_t count = 0;
  for (std::int64_t o = 0; o < window.output; ++o)
    for (std::int64_t k = 0; k < window.size; ++k) {
      auto at = o * window.stride - window.before + k * window.dilation;
      count += at >= 0 && at < window.input;
    }
  return count;
}

std::vector<AttributeSpec> window_attributes(std::initializer_list<AttributeSpec> more) {
  std::vector<AttributeSpec> specs(more);
  specs.push_back({"strides", AttributeKind::ints});
  specs.push_back({"padding", AttributeKind::pairs});
  return specs;
}

}  // namespace gradc
