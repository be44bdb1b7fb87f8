#pragma once
/// Windows that slide over images, of convolutions and poolings.

#include <vector>

#include "ir/attributes.h"

namespace gradc {

struct OpView;
struct Type;

/// A window along one spatial dimension. It reads input `output * stride - before + k * dilation` for each k below `size`.
struct Window {
  std::int64_t input, size, stride, before, after, dilation, output;

  /// From the first element that a window covers to the last.
  std::int64_t extent() const { return (size - 1) * dilation + 1; }
};

/// The dimensions of images [B,...,C] between the batch and the channels, slowest first.
Ints spatial_dims(const Type& images);

/// The window along each of an op's spatial dimensions, as many as `inputs` has numbers, with the op's attributes `strides`, `padding` =
/// [before, after] of each dimension and, where it has them, `dilation`. Throws gradc::Error where they do not fit.
std::vector<Window> windows_of(const OpView& op, const Ints& inputs, const Ints& sizes);

/// The permutation of a kernel [...,C,F] of this rank that exchanges its channels.
Ints channels_exchanged(int rank);

/// Pairs of an output and a position in its window that fall on an input: what falls on padding is not needed by the mathematics.
std::int64_t taps(const Window& window);

}  // namespace gradc
