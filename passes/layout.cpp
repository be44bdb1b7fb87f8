#include "passes/layout.h"

#include <algorithm>

namespace gradc {
namespace {

constexpr std::int64_t kFloat = 4;
constexpr std::int64_t kL1 = 32 << 10;

bool is_dense(OpKind kind) { return kind == OpKind::dense || kind == OpKind::dense_input_grad || kind == OpKind::dense_weight_grad; }

/// Which part of their lanes vectors along this many features use: whole vectors, the last one shifted back; below one vector's worth the
/// next smaller power of two. Vectors of a convolution with groups of several channels do not cross groups.
double use_of_lanes(std::int64_t features, std::int64_t groups, std::int64_t lanes) {
  const auto of_group = features / groups;
  const bool cut = groups > 1 && of_group > 1;
  std::int64_t width = lanes;
  while (cut ? of_group % width != 0 : width > features) width /= 2;
  auto vectors = (features + width - 1) / width;
  return static_cast<double>(features) / static_cast<double>(vectors * lanes);
}

}  // namespace

LayoutCost layout_cost(const Graph& graph, const Machine& machine) {
  LayoutCost cost;
  const auto lanes = static_cast<std::int64_t>(machine.lanes);
  const auto batch = machine.batch, padded = (batch + lanes - 1) / lanes * lanes;
  // Shares of the two multiply-adds a cycle, as measured. Good kernels reach 0.75; with images as lanes those that stream from beyond L2
  // less than half of that, as do those that read a weight for 16 images only, or write a gradient as large as the weights once a tile.
  // With a single vector of features most multiply-adds load their own scalar. Depthwise convolutions do little with what they read.
  constexpr double kGood = 0.75, kStreaming = 0.3, kOneVector = 0.65, kDepthwise = 0.5, kDepthwiseImages = 0.4, kDepthwiseStreaming = 0.25;
  for (const auto& op : graph.ops) {
    if (!is_contraction(op.kind)) continue;
    auto multiply_adds = static_cast<double>(graph.flops(op)) / 2;
    const auto &first = graph.type(op.operands[0]), &second = graph.type(op.operands[1]), &result = graph.type(op.result());
    auto largest = std::max(
        {first.batched() ? first.elements() : 0, second.batched() ? second.elements() : 0, result.batched() ? result.elements() : 0});
    auto weights = std::max(result.batched() ? 0 : result.elements(), second.batched() ? 0 : second.elements());
    bool fits = is_dense(op.kind) ? weights * kFloat <= kL1 : 4 * largest * lanes * kFloat <= machine.cache_bytes;
    const auto features = op.kind == OpKind::dense_input_grad ? second.dims[0] : result.dims.back();
    const auto groups = op.attributes.integer_or("groups", 1);
    const bool depthwise = groups > 1 && features == groups;
    const double images_rate = depthwise ? (fits ? kDepthwiseImages : kDepthwiseStreaming) : (fits ? kGood : kStreaming),
                 features_rate = depthwise                   ? kDepthwise
                                 : features / groups > lanes ? kGood
                                                             : kOneVector;
    cost.batch += multiply_adds * static_cast<double>(padded) / static_cast<double>(2 * lanes) / images_rate;
    cost.features +=
        multiply_adds * static_cast<double>(batch) / static_cast<double>(2 * lanes) / features_rate / use_of_lanes(features, groups, lanes);
  }
  // A batch of one tile keeps one thread busy, where that of single images keeps several. On one thread that is no loss.
  if (padded == lanes && batch > 1) cost.batch *= 1.5;
  return cost;
}

void choose_layout(Graph& graph, const Machine& machine) {
  auto cost = layout_cost(graph, machine);
  graph.lanes = machine.force_lanes.value_or(cost.features < cost.batch ? Lanes::features : Lanes::batch);
}

bool whole_weight_gradient(const Graph& graph, const Type& kernel) {
  return graph.lanes == Lanes::features && kernel.elements() * kFloat > kL1;
}

std::vector<std::int64_t> tile_images(const Graph& graph, const Machine& machine) {
  if (graph.lanes == Lanes::batch) return std::vector<std::int64_t>(graph.kernels.size(), machine.lanes);
  std::int64_t weights = 0;
  for (const auto& op : graph.ops)
    if (op.kind == OpKind::dense) weights = std::max(weights, graph.type(op.operands[1]).elements());
  // Weights that do not stay in a core's cache from one tile to the next are worth a larger tile.
  const std::int64_t most = weights * kFloat > machine.cache_bytes && machine.batch >= 64 ? 32 : 16;
  std::vector<std::int64_t> images(graph.kernels.size(),
                                   machine.force_images > 0 ? machine.force_images : std::clamp<std::int64_t>(machine.batch, 1, most));
  // Modelled cycles for one image: of kernels on images of several dimensions, and of the others if their tiles were of one image too, when
  // each image reads all weights from L2 or beyond.
  constexpr double kBytesFromL2 = 32, kBytesFromBeyond = 8, kCall = 200;
  double of_images = 0, of_rows = 0;
  std::vector<bool> on_images(graph.kernels.size(), false);
  for (const auto& op : graph.ops) {
    if (op.kernel < 0) continue;
    for (const auto* list : {&op.operands, &op.results})
      for (auto value : *list)
        if (graph.type(value).batched() && graph.type(value).rank() > 2) on_images[op.kernel] = true;
  }
  for (const auto& op : graph.ops) {
    if (op.kernel < 0 || !graph.kernels[op.kernel].tiled) continue;
    if (on_images[op.kernel])
      of_images += static_cast<double>(graph.flops(op)) / (4 * machine.lanes);
    else if (is_dense(op.kind)) {
      const auto& weights = graph.type(op.kind == OpKind::dense_weight_grad ? op.result() : op.operands[1]);
      const auto bytes = weights.elements() * kFloat;
      of_rows += static_cast<double>(bytes) / (bytes > machine.cache_bytes / 2 ? kBytesFromBeyond : kBytesFromL2);
    }
  }
  for (std::size_t k = 0; k < images.size(); ++k)
    if (graph.kernels[k].tiled && !on_images[k]) of_rows += kCall;
  // Tiles of one size let a tile go forward and backward while it is in the cache.
  const bool all = machine.force_images == 0 && of_rows < 0.05 * of_images;
  for (std::size_t k = 0; k < images.size(); ++k)
    if (on_images[k] || all) images[k] = 1;
  return images;
}

}  // namespace gradc
