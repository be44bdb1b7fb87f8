#pragma once
/// Windows over images [N,...,C] of any number of spatial dimensions, whose pixels are numbered row-major.

#include "backends/reference/reference.h"
#include "ir/window.h"

namespace gradc {

/// Images with element access.
struct Images {
  std::int64_t count, pixels, channels;

  explicit Images(const Tensor& t) : count(t.dims.front()), pixels(1), channels(t.dims.back()) {
    for (std::size_t d = 1; d + 1 < t.dims.size(); ++d) pixels *= t.dims[d];
  }
  std::int64_t at(std::int64_t image, std::int64_t pixel, std::int64_t channel) const {
    return (image * pixels + pixel) * channels + channel;
  }
};

/// A pixel of the input that the window of an output covers, and its place in that window, row-major.
struct Tap {
  std::int64_t output, input, place;
};

/// All taps by output and place, without those on padding, of the op's windows of `size` over the images `input`.
std::vector<Tap> taps_of(const Execution& run, const Tensor& input, const Ints& size);

}  // namespace gradc
