#pragma once
#include <vector>

#include "ir/graph.h"
#include "passes/workload.h"

namespace gradc {

/// Modelled cycles of one core for a step's contractions with each kind of lanes.
struct LayoutCost {
  double batch = 0, features = 0;
};
LayoutCost layout_cost(const Graph& graph, const Workload& workload);

/// Where lanes are features and a convolution, or its input gradient, makes fewer than a vector has lanes: how many channels of what it
/// reads are lanes instead, whose sums are added up at the end; 0 where that costs more.
int lanes_of_inner_product(const Graph& graph, const Op& op);

/// Whether it is a dense layer or the gradient of its input, whose second operand are weights.
bool reads_dense_kernel(const Graph& graph, const Op& op);

/// Whether a convolution that makes so many columns, by so many columns of its kernel, has code of its own for each of them, so that no
/// term outside of the images is computed.
bool has_code_for_each_column(const Graph& graph, std::int64_t columns, std::int64_t kernel_columns);

/// Chooses where the graph's vectors take their lanes from. Images as lanes fit any number of channels, but work on as many images at once
/// as a vector has lanes, so their activations must fit the cache, and a small batch leaves lanes empty. Features as lanes work on one
/// image (or a few, in dense layers) at a time and use a vector as far as a layer has features.
void choose_layout(Graph& graph, const Workload& workload);

/// Whether the gradient of a dense kernel [inputs, outputs] is better computed over the whole batch at once, in a phase that splits the
/// kernel over threads and updates it on the way, than as partial sums of each tile: the latter read and write the whole gradient once a
/// tile.
bool whole_weight_gradient(const Graph& graph, const Type& kernel);

/// Images of a tile that a convolution, or a gradient of one, asks for: several where reading its weights (or adding to their gradient)
/// once for every image costs much beside the work on that image, as in the last layers of deep networks; else 1.
std::int64_t images_for_weights(const Graph& graph, const Op& op, const Workload& workload);

/// Images of a tile of each kernel: one vector's worth where lanes are images; else one for images of several dimensions, which fill a
/// core's cache, unless their weights ask for more and `for_weights` allows it; and for dense layers enough to make use of each weight that
/// is read, or one where they are small beside the rest.
std::vector<std::int64_t> tile_sizes(const Graph& graph, const Workload& workload, bool for_weights = true);

/// Modelled cycles of one core, for an image, to bring the weights of the graph's contractions to it once for each tile of their kernels.
double cycles_to_read_weights(const Graph& graph);

}  // namespace gradc
