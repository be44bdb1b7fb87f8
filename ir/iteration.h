#pragma once
/// A contraction as a loop nest: what tells layouts, tiles and costs apart, without the op's name.

#include <cstdint>
#include <vector>

#include "ir/window.h"

namespace gradc {

enum class LoopKind : std::uint8_t {
  batch,
  matrix,   ///< The matrices of an image, each of which meets its own of another value.
  row,      ///< The vectors of an image of several dimensions, on each of which a dense layer works.
  space,    ///< Positions of a convolution's window.
  kernel,   ///< Positions within that window.
  depth,    ///< Channels, or features, that the layer reads: the second last dimension of its weights.
  feature,  ///< Channels, or features, that the layer makes: the last dimension of its weights.
};

/// A loop and the values that its index moves along. `space` and `kernel` together move along what windows slide over.
struct Loop {
  LoopKind kind;
  std::int64_t extent;  ///< 1 for the batch, whose number of images a step is told.
  bool in_first, in_second, in_result;
};

/// result[...] += first[...] * second[...], over all loops; those that are not `in_result` are summed over.
struct Iteration {
  std::vector<Loop> loops;
  std::vector<Window> windows = {};  ///< A convolution's, one for each spatial dimension.
  std::int64_t groups = 1;           ///< The loops of depth and features are in as many groups, which meet only within themselves.
  /// Whether windows slide over the result, to which each of the first operand's pixels adds, and not over the first operand.
  bool slides_over_result = false;
  /// The loop along which weights that are read, or made, lie one after the other where lanes are features.
  LoopKind contiguous = LoopKind::feature;

  bool is_convolution() const { return !windows.empty(); }
  bool is_depthwise() const { return groups > 1 && extent(LoopKind::feature) == groups; }
  /// Whether it is a product of two values that both are images'.
  bool is_of_images() const { return loops.front().in_first && loops.front().in_second && loops.front().in_result; }
  /// Whether it is a layer's output or the gradient of its input: something for each image.
  bool makes_images() const { return loops.front().in_result; }
  /// The product of the extents of the loops of a kind.
  std::int64_t extent(LoopKind kind) const;
  /// Multiply-adds of one image, without those that meet padding.
  std::int64_t multiply_adds() const;
};

}  // namespace gradc
