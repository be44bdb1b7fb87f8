#pragma once
/// A kernel taken out of its graph: a small graph of its own, whose inputs and outputs are the kernel's arguments. Its text, with the
/// target, is all that its code depends on, so kernels of one text share one compilation.

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace gradc {

/// Where lanes are features, the elements from one image of a batched value to the next: images of several elements start at a cache line.
std::int64_t image_stride(const Type& type);

struct KernelSource {
  Graph graph;              ///< Values named v0, v1, ...; inputs named "0", "1", ...; no locations.
  bool tiled = true;        ///< Whether it works on one tile of images, else once a step.
  std::int64_t images = 1;  ///< Of a tile.
  std::int64_t block = 0;   ///< If positive, the elements of a block: a pointwise kernel on flat arrays, called once a block.
  /// If positive, the rows of a block: a gradient over the whole batch, with what follows it, called once a block of its rows. It takes the
  /// number of images as an argument.
  std::int64_t rows = 0;
  std::vector<ValueId> inputs;   ///< Values of the whole graph, in the order of the arguments.
  std::vector<ValueId> outputs;  ///< Values of the whole graph, in the order of the arguments, after the inputs.
  bool reduces = false;          ///< Whether it sums partial values, and so takes their number and stride as arguments too.

  /// The text that names the kernel's code.
  std::string text() const;
};

/// The kernels of a partitioned graph, in order. `block` is the block size of flat kernels.
std::vector<KernelSource> extract_kernels(const Graph& graph, std::int64_t block);

/// The outputs of a kernel's graph in groups that one loop nest can compute: sums over the batch by themselves, others by their dimensions.
/// The arguments of its code are in this order.
std::vector<std::vector<ValueId>> output_groups(const Graph& kernel);

}  // namespace gradc
