#pragma once
/// A kernel taken out of its graph: a small graph of its own, whose inputs and outputs are the kernel's arguments. Its text, with the
/// target, is all that its code depends on, so kernels of one text share one compilation.

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace gradc {

/// Where lanes are features, the elements from one image of a batched value, or of a stack of so many steps of it, to the next: images of
/// several elements start at a cache line.
std::int64_t image_stride(const Type& type, std::int64_t steps = 1);

struct KernelSource {
  Graph graph;                         ///< Values named v0, v1, ...; inputs named "0", "1", ...; no locations.
  KernelForm form = KernelForm::tile;  ///< One that sees the batch takes the number of images as an argument.
  std::int64_t size = 0;               ///< Images of a tile, elements, rows or columns of a block.

  bool tiled() const { return form == KernelForm::tile; }
  /// Images of a tile; 1 for a kernel that works on none.
  std::int64_t images() const { return tiled() ? std::max<std::int64_t>(size, 1) : 1; }
  /// Whether it sums partial values, and so takes their number and stride as arguments too.
  bool reduces() const;
  /// The text that names the kernel's code.
  std::string text() const;
};

struct ExtractedKernel {
  KernelSource source;           ///< Without a graph for a loop, whose body has kernels of its own.
  const Op* loop = nullptr;      ///< The scan that it is.
  std::vector<ValueId> inputs;   ///< Values of the whole graph, in the order of the arguments.
  std::vector<ValueId> outputs;  ///< Values of the whole graph, in the order of the arguments, after the inputs.
};

/// The kernels of a graph after `block`, in order. `steps_of` says which values are one of how many steps that lie one after the other in
/// an image; their inputs and outputs have that as `steps`.
std::vector<ExtractedKernel> extract_kernels(const Graph& graph, const std::map<ValueId, std::int64_t>& steps_of = {});

/// The outputs of a kernel's graph in groups that one loop nest can compute: sums over the batch by themselves, others by their dimensions.
/// The arguments of its code are in this order.
std::vector<std::vector<ValueId>> output_groups(const Graph& kernel);

}  // namespace gradc
