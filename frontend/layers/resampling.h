#pragma once
/// Images along one axis as sums of others' pixels: a matrix says how much of each.

#include <string>

#include "frontend/layers/context.h"

namespace gradc {

/// Where pixel i of n lies in m others.
enum class Grid : std::uint8_t {
  middles,  ///< At (i + 1/2) m / n - 1/2: pixels are squares with a middle, and both images as large.
  corners,  ///< At i m / n: pixels are points at the corners of such squares.
  ends,     ///< At i (m - 1) / (n - 1): the outermost pixels stay where they are.
};

struct Resampling {
  std::string interpolation = "bilinear";  ///< "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5"
  Grid grid = Grid::middles;
  bool antialias = false;  ///< Whether the kernel is as wide as what a pixel stands for, where there are fewer than before.
};

/// x with `size` pixels along an axis.
Symbol resampled(LayerContext& context, Symbol x, int axis, std::int64_t size, const Resampling& rule);

/// x with the means of `size` windows along an axis, which begin and end at pixels as evenly as can be.
Symbol means_of_windows(LayerContext& context, Symbol x, int axis, std::int64_t size);

/// The pixels of x at these places along an axis.
Symbol chosen(LayerContext& context, Symbol x, int axis, const std::vector<std::int64_t>& places);

/// x along an axis as sums of its pixels, of which column j of a matrix says how much of each is in pixel j: one for all images,
/// f32[from,to], or one for each, f32[B,from,to].
Symbol along(LayerContext& context, Symbol x, int axis, Symbol matrix);

/// Where a part of images begins, and how large it is.
struct Part {
  Ints begin, size;
};

/// The largest part in the middle of such images that has this aspect ratio.
Part part_of_ratio(const Ints& dims, std::int64_t height, std::int64_t width);
Symbol cut(Symbol x, const Part& part);

/// Images whose pixel i along an axis is what x has at scale * i + offset, numbers of each image, f32[B,1,1]; `interpolation` is "nearest"
/// or "bilinear", and `fill` "constant", which is 0, "nearest", "wrap" or "reflect".
Symbol sampled(LayerContext& context, Symbol x, int axis, Symbol scale, Symbol offset, const std::string& interpolation,
               const std::string& fill);

/// Images of the same size whose pixels are what x has at these rows and columns, f32[B,height,width,1]. Throws gradc::Error for images
/// that are too large for it, as all pixels are looked at for each.
Symbol sampled(LayerContext& context, Symbol x, Symbol row, Symbol column, const std::string& interpolation, const std::string& fill);

}  // namespace gradc
