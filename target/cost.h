#pragma once
/// The cost model: modelled cycles of one core, and every constant of it. What differs between machines is in Target.
/// Each constant says what it rests on, one or more of these:
///   Row:     the row of the constant's name that build/bin/bench_costs prints, which measures it alone on the machine at hand.
///   Reason:  arithmetic with other constants and numbers of a Target.
///   Chosen:  the value with which steps were fastest on AVX-512 machines (Zen 4, Zen 5, a Xeon), and the commit that chose it; which
///            step, and by how much, where that is on record. Other machines may want another value.
/// A constant with a row was chosen by steps all the same; where the row shows another number, the steps decided.

#include <cstdint>

#include "target/target.h"

namespace gradc::cost {

// Register tiles --------------------------------------------------------------------------------------------------------------------

/// A loop nest that keeps a tile of accumulators in registers: `blocks` tiles, each for `depth` steps of these instructions.
struct RegisterTileLoops {
  double blocks, depth;
  double accumulators;
  double multiply_adds, loads;  ///< Instructions on vectors, in a step.
  double chain = 1;             ///< Multiply-adds of a step that wait for each other, as they add to the same accumulator.
};

/// Cycles to start and end a tile: the loop's set-up, and for each accumulator its zero and its store.
/// Rows: from tiles of 12 and of 24 accumulators, 64 steps deep, what they take beyond their multiply-adds.
inline constexpr double kStartTile = 12, kStoreAccumulator = 2;

/// A step takes as long as its multiply-adds, its loads, or its longest chain of additions, whichever is most.
double cycles(const RegisterTileLoops& loops, const Target& target);

/// Cycles of arithmetic of which every vector of multiply-adds starts as soon as a unit is free.
double arithmetic_cycles(double flops, const Target& target);

/// Steps of a sum whose accumulators are chains of their own, for each chain: shorter ones do not pay for adding the chains up.
/// Reason: 256 steps take 1024 cycles as one chain (latency 4), 128 as eight (two units), which are then added up in 7 additions, 28.
/// Chosen with a dense layer of 8192 to 10, whose forward kernel went from 1.03 to 0.32 ms (docs/performance.md, commit 894ba45).
inline constexpr std::int64_t kStepsOfChain = 64;

/// The transposition of a weight's gradient before it is added, where inputs are lanes: cycles for each weight.
/// Row: a square of vectors in registers, added to one in L1.
inline constexpr double kTransposeWeight = 1;

// Lanes ------------------------------------------------------------------------------------------------------------------------------

/// Instructions that add up the lanes of a vector.
/// Reason: 16 lanes are halved four times, each time by a shuffle and an addition. Row: in multiply-adds that pass meanwhile.
inline constexpr double kAddUpLanes = 8;

/// Rows of an image from which on a dense kernel's gradient, where lanes are images, is a vector of inner products for each weight instead
/// of outer products along features, for which one side is turned.
/// Reason: the lanes of a sum are added up once (kAddUpLanes), which takes less than its multiply-adds.
/// Chosen with an LSTM of 128 units over 64 steps of 64 features at batch 64 on a Xeon: its weight gradients went from 11 to 58 % of peak.
inline constexpr std::int64_t kRowsOfInnerProducts = 16;

/// Shares of the multiply-add units' rate that kernels reach, by what bounds them.
/// Rows: forward kernels of one layer in steps of batch 64; for kDenseGradient the weight gradient.
/// Chosen when lanes were first modelled, "as measured", without a record of the measurements, and those of depthwise convolutions since
/// (commits 887d4b0, c4f3318, 2114b0a). Kernels have become faster, so that the shares count beside each other rather than alone.
inline constexpr double kGood = 0.75;                ///< Several vectors of accumulators share what is loaded, all in cache.
inline constexpr double kStreaming = 0.3;            ///< Images are lanes, and come from beyond L2.
inline constexpr double kOneVector = 0.65;           ///< One vector of features: most multiply-adds load a scalar of their own.
inline constexpr double kInnerProduct = 0.45;        ///< Two vectors are loaded for each multiply-add.
inline constexpr double kDepthwise = 0.5;            ///< Little is done with what is read; features are lanes.
inline constexpr double kDepthwiseImages = 0.4;      ///< The same; images are lanes.
inline constexpr double kDepthwiseStreaming = 0.25;  ///< The same; images are lanes, and come from beyond L2.
inline constexpr double kDenseStreaming = 0.65;      ///< Weights beyond L1 are read for as many images as are lanes.
inline constexpr double kDenseGradient = 0.4;        ///< A gradient beyond L1 is added to, once a tile.

/// The share where weights beyond L1 meet rows of an image, or the steps of a loop, and features are lanes.
/// Chosen with the LSTM of kRowsOfInnerProducts, whose products reach 16 to 32 % of peak, and 43 to 52 with images as lanes.
inline constexpr double kDenseRows = 0.4;

/// Maps of a convolution of which a vector's images need room in L2 at once.
/// Reason: what it reads, what it makes, and one each of the kernels before and after it in the phase.
inline constexpr std::int64_t kMapsInCache = 4;

/// How much dearer lanes of images are where the batch is one tile: it keeps one thread busy where single images keep several.
/// Reason: between 1, which is right for one thread, and 2, for two. Chosen with build/bin/bench_scaling, whose batches of 4 and 16 are
/// such (commit a49953b).
inline constexpr double kOneTile = 1.5;

/// A number of features that is whole vectors of every target.
/// Reason: the most lanes that a Target can have (target/target.cpp), those of SVE's vectors of 2048 bits.
inline constexpr std::int64_t kVectorMultiple = 64;

// Code size --------------------------------------------------------------------------------------------------------------------------

/// Most columns of a convolution that have code of their own where features are lanes: some dozen are some thousand instructions.
/// Chosen on images of 2x2 to 16x16, whose kernels became 1.1 to 2.6 times as fast on Zen 4 (commit 64d2ceb).
inline constexpr std::int64_t kColumnsOfFeatures = 8;

/// The same where images are lanes; and most columns times columns of the kernel.
/// Chosen with the tutorial's CNN, whose second convolution has 12 columns times 5: its step went from 0.665 to 0.400 ms (commit 402a496).
inline constexpr std::int64_t kColumnsOfImages = 16, kTapsOfImages = 80;

/// Instructions of pointwise ops from which on a kernel takes no more of them: what a chain saves by not being stored is little beside
/// them, and the time to compile one grows with their square.
/// Reason: with those of an LSTM's step or its gradient, some 200, a loop's body is one kernel; a vector that is stored and read again
/// costs kRecomputedOps.
inline constexpr std::int64_t kInstructionsOfChain = 256;

// Memory -----------------------------------------------------------------------------------------------------------------------------

/// Cycles to read an array once for each tile: from L2 if at most half of L2 holds it, for the rest is what tiles work on; else from
/// beyond.
double read_cycles(std::int64_t bytes, const Target& target);

/// Cycles to take bytes from one phase to another: written to memory that all cores share, and read again.
double crossing_cycles(std::int64_t bytes, const Target& target);

/// Times that a line that is written crosses to or from memory.
/// Reason: it is read before it is written. Row: the time to store an array beyond L2, in times to load it.
inline constexpr std::int64_t kWrite = 2;

/// Cheap ops that cost less than to bring what they compute from memory.
/// Reason: a vector of 64 bytes takes 64 / 8 = 8 cycles at Target::memory_bandwidth, in which one unit starts 8 ops. Row: those cycles.
inline constexpr std::size_t kRecomputedOps = 8;

/// Reads of a block of weights that pay for copying it to where it lies dense.
/// Row: the copy's cycles by those that a read saves, for rows of four vectors a page apart. Chosen with kernels larger than L2
/// (commit f873f3e).
inline constexpr std::int64_t kReadsOfPackedWeights = 16;

/// Bytes of a row of weights up to which a block of neighbours of all rows is read as fast where it lies as in one piece. Beyond them rows
/// meet in few of a cache's sets.
/// Reason: in an L1 of 64 sets of lines rows of 1024 bytes take turns in 4 sets. Chosen with products of 128 rows and 16 images, of a line
/// a row: rows of 1024 bytes are read 1.1 times as fast in one piece, those of 2048 1.3, of 4096 1.7 times.
inline constexpr std::int64_t kWideRow = 1024;

/// Rows of a large kernel by which loads run ahead: they lie pages apart, too far for the processor's own prefetching.
/// Row: the fastest of the powers of two. Chosen with dense layers (commit 8cfda64).
inline constexpr int kRowsAhead = 64;

/// Lines of an image from which on neighbouring images lie an odd number of lines apart, or they meet in a cache's sets.
/// Reason: an L1 of 32 kB has 64 sets of 8 lines. Images 8 lines apart share 8 sets, which hold a pixel of each of a batch of 64; 16 lines
/// apart they share 4, which hold 32. Row: the least power of two with which a pixel of 64 images is read more slowly than with a line
/// more.
inline constexpr std::int64_t kLargeImageLines = 16;

// Tiles and blocks -------------------------------------------------------------------------------------------------------------------

/// Images of a tile of kernels on rows, which read each weight once for all of them; and of one whose weights L2 does not keep, in batches
/// that have several such tiles.
/// Reason: a vector of weights takes 2 cycles from L2 (64 bytes, 32 a cycle), and 16 images are 8 cycles of multiply-adds with it, 4 times
/// as long; from beyond L2 it takes 8, and 32 images are 16, twice as long. A batch of 64 has two tiles of 32, one for each of two threads.
inline constexpr std::int64_t kImagesOfRows = 16, kImagesOfLargeRows = 32, kBatchOfLargeRows = 64;

/// Tiles that a batch leaves for threads where convolutions take several images at once; a small batch leaves fewer.
/// Reason: two tiles for each of two threads, of a small batch one. Chosen with VGG for 32x32 images, whose step went from 844 to 362 ms on
/// Zen 4 (docs/performance.md, commits 2b2330a, f83fffa).
inline constexpr std::int64_t kTilesOfBatch = 4, kTilesOfSmallBatch = 2, kSmallBatch = 32;

/// The share of a convolution's arithmetic above which reading its weights for each image is worth tiles of several images.
/// Chosen with the same step of VGG (commit 2b2330a).
inline constexpr double kMuchReading = 0.1;

/// Cycles of the call of a kernel for a tile, with what it takes to begin and end its loops.
/// Row: a dense layer of one number to one, within a step whose trace adds some ten nanoseconds a call.
inline constexpr double kCallOfTile = 200;

/// The share of the cycles of kernels on images below which those on rows have tiles of one image too.
/// Chosen with eight depthwise and eight 1x1 convolutions on 64x64 images, whose step went from 25-27 to 17-19 ms on Zen 4
/// (commit ea62df2).
inline constexpr double kFewRows = 0.05;

/// Cycles of the call of a kernel for a block of params. They only weigh blocks against each other where threads share them.
/// Row: the update of a layer's only weight in the same step as kCallOfTile's, which waits for what it reads, too.
inline constexpr std::int64_t kCallOfBlock = 50;

/// Bytes a cycle that such a call moves.
/// Reason: Target::memory_bandwidth of all presets: params and partial sums come from where other threads wrote them.
inline constexpr std::int64_t kBytesOfBlock = 8;

/// The batch for whose number of partial sums this is said.
/// Reason: what --batch-size is where it is not given.
inline constexpr std::int64_t kUsualBatch = 64;

/// Most rows of a block of a weight gradient over the whole batch.
/// Chosen with the weight gradients of dense layers (commit 887d4b0), without a record of by how much.
inline constexpr std::int64_t kRowsOfBlock = 64;

/// Cycles of an element of a row that a gather, or its gradient, moves: images lie an element in each vector, whose lanes come from as many
/// rows, while features of one image lie as they do in the table.
/// Chosen with 100 rows of 64 floats an image, a batch of 64: gather takes 320 us with lanes of images and 35 us with lanes of features,
/// its gradient 300 and 120 us, on a Xeon with AVX-512.
inline constexpr double kRowOfImages = 3, kRowOfFeatures = 0.5;

/// Most cache lines of a block of columns of a table's gradient, and how many of such blocks there are at least.
/// Reason: each block reads all indices, which few large ones do less often, and threads share the blocks.
inline constexpr std::int64_t kLinesOfBlock = 4, kBlocksOfColumns = 8;

}  // namespace gradc::cost
