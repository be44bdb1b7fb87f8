#pragma once
/// The tiles of accumulators that contractions keep in registers: which ones there may be, by modelled cycles (cost.h).

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "target/target.h"

namespace gradc {

/// Tiles that a schedule may have, each with its modelled cycles.
template <class Tile>
class TileCandidates {
 public:
  void add(double cycles, Tile tile) { all_.emplace_back(cycles, tile); }
  /// The n-th best one, from 0, or the worst.
  Tile pick(int n) {
    std::stable_sort(all_.begin(), all_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    return all_[std::min<std::size_t>(static_cast<std::size_t>(n), all_.size() - 1)].second;
  }

 private:
  std::vector<std::pair<double, Tile>> all_;
};

/// Accumulators where lanes are images: a vector for each of channels × columns.
struct ImageTile {
  std::int64_t channels = 1, columns = 1;
};

/// What a convolution-like contraction sums: for each of channels × columns the terms of `depth` channels and kernel rows times kernel
/// columns.
struct ConvolutionLoops {
  std::int64_t channels, columns, depth, kernel_columns;
  std::int64_t stride = 1, dilation = 1, pool_rows = 1, pool_columns = 1, groups = 1;
};

/// Inputs are loaded once for all channels of the tile, which do not cross groups (of a depthwise convolution once for each), and for
/// neighbouring columns; each weight is broadcast once for all columns.
ImageTile choose_image_tile(const ConvolutionLoops& loops, const Target& target, int candidate);

/// The outputs of a dense layer whose weights for an input fill a cache line, or part of one, and whose accumulators, a vector of images
/// each, stay in registers; 0 where such blocks do not divide the outputs.
std::int64_t line_of_outputs(std::int64_t outputs, const Target& target);

/// Whether rows of so many weights lie so far apart that blocks of their neighbours are better in one piece (cost::kWideRow).
bool has_wide_rows(std::int64_t outputs);

/// Outputs for which a dense layer has accumulators where lanes are images: a line of them if `lines` pays, else as many as divide the
/// work evenly below 3/4 of the registers.
std::int64_t choose_outputs_of_images(std::int64_t outputs, bool lines, const Target& target);

/// Accumulators of a product of matrices where lanes are images: a vector for each of rows × columns.
struct MatrixTile {
  std::int64_t rows = 1, columns = 1;
};

/// Each step loads an element of every row and column of the tile, which all of the other side share.
MatrixTile choose_matrix_tile(std::int64_t rows, std::int64_t columns, std::int64_t depth, const Target& target, int candidate);

/// The features that vectors are cut from.
struct FeatureLanes {
  std::int64_t features;
  int width;
  std::int64_t groups = 1;
  bool depthwise() const { return features == groups && groups > 1; }
};

/// Accumulators where lanes are features: `vectors` of features × `others` that each take a scalar.
struct FeatureTile {
  int vectors = 1, others = 1;
};

/// The tile for a sum of `depth` terms over features and others, each result of which stands for `repeat` accumulators (the pixels of a
/// pooling window). A vector of features is loaded once for all others and a scalar once for all vectors. Where there are groups a tile
/// lies in one of them.
FeatureTile choose_feature_tile(const FeatureLanes& lanes, std::int64_t others, std::int64_t depth, std::int64_t repeat,
                                const Target& target, int candidate);

/// What a depthwise convolution reads for neighbouring pixels, and how many sums are made for each.
struct PixelWindow {
  std::int64_t rows, columns, stride, dilation, sums;
};

/// The tile of a depthwise convolution: rows of the kernel one after the other, the columns of each unrolled. Every accumulator meets other
/// inputs, which are vectors as well; neighbouring columns share them, while they are in registers.
FeatureTile choose_depthwise_tile(const FeatureLanes& lanes, std::int64_t others, const PixelWindow& window, const Target& target,
                                  int candidate);

}  // namespace gradc
