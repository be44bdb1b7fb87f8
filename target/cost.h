#pragma once
/// The cost model: modelled cycles of one core, and its constants. What differs between machines is in Target. The constants were chosen on
/// AVX-512 machines, by steps and kernels of the models that docs/performance.md has the tables of. For most no measurement of their own is
/// on record: those without a reason beside them are what the choices were tuned with, and are to be measured before they are trusted
/// elsewhere.

#include <cstdint>

#include "target/target.h"

namespace gradc::cost {

// Register tiles --------------------------------------------------------------------------------------------------------------------

/// A loop nest that keeps a tile of accumulators in registers: `blocks` tiles, each for `depth` steps of these instructions.
struct RegisterTileLoops {
  double blocks, depth;
  double accumulators;
  double multiply_adds, loads;  ///< Of vectors, in a step.
  double chain = 1;             ///< Multiply-adds of a step that wait for each other, as they add to the same accumulator.
};

/// Cycles to start and end a tile: the loop's set-up, and for each accumulator its zero and its store.
inline constexpr double kStartTile = 12, kStoreAccumulator = 2;

/// A step takes as long as its multiply-adds, its loads, or its longest chain of additions, whichever is most.
double cycles(const RegisterTileLoops& loops, const Target& target);

/// Cycles of arithmetic of which every vector of multiply-adds starts as soon as a unit is free.
double arithmetic_cycles(double flops, const Target& target);

/// Steps of a sum whose accumulators are chains of their own, for each chain: shorter ones do not pay for adding the chains up.
inline constexpr std::int64_t kStepsOfChain = 64;

/// The transposition of a weight's gradient before it is added, where inputs are lanes: cycles for each weight.
inline constexpr double kTransposeWeight = 1;

// Lanes ------------------------------------------------------------------------------------------------------------------------------

/// Instructions that add up the lanes of a vector.
inline constexpr double kAddUpLanes = 8;

/// Shares of the multiply-add units' rate that kernels reach, by what bounds them.
inline constexpr double kGood = 0.75;                ///< Several vectors of accumulators share what is loaded, all in cache.
inline constexpr double kStreaming = 0.3;            ///< Images are lanes, and come from beyond L2.
inline constexpr double kOneVector = 0.65;           ///< One vector of features: most multiply-adds load a scalar of their own.
inline constexpr double kInnerProduct = 0.45;        ///< Two vectors are loaded for each multiply-add.
inline constexpr double kDepthwise = 0.5;            ///< Little is done with what is read; features are lanes,
inline constexpr double kDepthwiseImages = 0.4;      ///< images are lanes,
inline constexpr double kDepthwiseStreaming = 0.25;  ///< and come from beyond L2.
inline constexpr double kDenseStreaming = 0.65;      ///< Weights beyond L1 are read for as many images as are lanes,
inline constexpr double kDenseGradient = 0.4;        ///< or their gradient is added to, once a tile.

/// Maps of a convolution of which a vector's images need room in L2 at once: what it reads and makes, and those of its neighbours.
inline constexpr std::int64_t kMapsInCache = 4;

/// A batch of one tile keeps one thread busy where single images keep several; on one thread that costs nothing.
inline constexpr double kOneTile = 1.5;

/// A number of features that is whole vectors of every target.
inline constexpr std::int64_t kVectorMultiple = 64;

// Code size --------------------------------------------------------------------------------------------------------------------------

/// Columns of a convolution that have code of their own, where features are lanes; some dozen are some thousand instructions,
inline constexpr std::int64_t kColumnsOfFeatures = 8;
/// and where images are, together with the columns of the kernel.
inline constexpr std::int64_t kColumnsOfImages = 16, kTapsOfImages = 80;

// Memory -----------------------------------------------------------------------------------------------------------------------------

/// Cycles to read an array once for each tile: from L2 if at most half of L2 holds it, for the rest is what tiles work on; else from
/// beyond.
double read_cycles(std::int64_t bytes, const Target& target);

/// Cycles to take bytes from one phase to another: written to memory that all cores share, and read again.
double crossing_cycles(std::int64_t bytes, const Target& target);

/// Of a line that is written, the times that it crosses to memory: it is read first.
inline constexpr std::int64_t kWrite = 2;

/// Cheap ops that cost less than to bring what they compute from memory.
inline constexpr std::size_t kRecomputedOps = 8;

/// Reads of a block of weights that pay for copying it to where it lies dense.
inline constexpr std::int64_t kReadsOfPackedWeights = 16;

/// Rows of a large kernel by which loads run ahead: they lie pages apart, too far for the processor's own prefetching.
inline constexpr int kRowsAhead = 64;

/// Lines of an image from which on neighbouring images must not lie a multiple of two of them apart, or they meet in a cache's sets.
inline constexpr std::int64_t kLargeImageLines = 16;

// Tiles and blocks -------------------------------------------------------------------------------------------------------------------

/// Images of a tile of kernels on rows, which read each weight once for all of them; and of one whose weights L2 does not keep, in batches
/// that have several such tiles.
inline constexpr std::int64_t kImagesOfRows = 16, kImagesOfLargeRows = 32, kBatchOfLargeRows = 64;

/// Tiles that a batch leaves for threads where tiles have several images; a small batch leaves fewer.
inline constexpr std::int64_t kTilesOfBatch = 4, kTilesOfSmallBatch = 2, kSmallBatch = 32;

/// The share of a convolution's arithmetic above which reading its weights for each image is worth tiles of several images.
inline constexpr double kMuchReading = 0.1;

/// Cycles of the call of a kernel for a tile, with what it takes to begin and end its loops.
inline constexpr double kCallOfTile = 200;

/// The share of kernels on images below which those on rows may have tiles of one image.
inline constexpr double kFewRows = 0.05;

/// Cycles of the call of a kernel for a block of params, bytes a cycle that it moves, and the batch for whose chunks this is said.
inline constexpr std::int64_t kCallOfBlock = 50, kBytesOfBlock = 8, kUsualBatch = 64;

/// Rows of a block of a weight gradient over the whole batch.
inline constexpr std::int64_t kRowsOfBlock = 64;

}  // namespace gradc::cost
