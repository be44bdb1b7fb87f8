#include "passes/layout.h"

#include <algorithm>

namespace gradc {
namespace {

constexpr std::int64_t kFloat = 4;
constexpr std::int64_t kL1 = 32 << 10;

/// Bytes of the weights that a contraction reads, or whose gradient it makes.
std::int64_t weight_bytes(const Graph& graph, const Op& op) {
  const auto &second = graph.type(op.operands[1]), &result = graph.type(op.result());
  return std::max(result.batched() ? 0 : result.elements(), second.batched() ? 0 : second.elements()) * kFloat;
}

/// Cycles of an image's arithmetic, at two multiply-adds a cycle.
double cycles_to_compute(const Graph& graph, const Op& op, const Machine& machine) {
  return static_cast<double>(graph.flops(op)) / (4 * machine.lanes);
}

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

/// The part of a vector that an inner product along channels uses, and of its time that does not go into adding up lanes.
double use_of_inner_product(const Iteration& loops, int width, int lanes) {
  auto vectors = static_cast<double>(loops.extent(LoopKind::kernel) * loops.extent(LoopKind::depth) / width);
  // Where windows slide over the result with strides, each of its pixels meets a part of the kernel.
  if (loops.slides_over_result)
    for (const auto& window : loops.windows) vectors /= static_cast<double>(window.stride);
  constexpr double kAddUp = 8;  // Instructions for each sum of lanes.
  return width * vectors / (vectors + kAddUp) / lanes;
}

int lanes_of_inner_product(const Iteration& loops, int lanes) {
  if (!loops.is_convolution() || !loops.makes_images() || loops.groups > 1) return 0;
  // What strides and dilation leave out together is filled with zeros, for lanes of features alone.
  auto any = [&](std::int64_t Window::* field) {
    return std::any_of(loops.windows.begin(), loops.windows.end(), [&](const Window& window) { return window.*field != 1; });
  };
  if (loops.slides_over_result && any(&Window::stride) && any(&Window::dilation)) return 0;
  int width = lanes;
  while (loops.extent(LoopKind::depth) % width != 0) width /= 2;
  const auto features = loops.extent(LoopKind::feature);
  if (width < 4 || features > lanes / 2) return 0;
  return use_of_inner_product(loops, width, lanes) > use_of_lanes(features, 1, lanes) ? width : 0;
}

}  // namespace

int lanes_of_inner_product(const Graph& graph, const Op& op, int lanes) {
  return is_contraction(op.kind) ? lanes_of_inner_product(graph.iteration(op), lanes) : 0;
}

bool has_code_for_each_column(const Graph& graph, std::int64_t columns, std::int64_t kernel_columns) {
  return graph.lanes == Lanes::features ? columns <= 8 : columns <= 16 && columns * kernel_columns <= 80;
}

LayoutCost layout_cost(const Graph& graph, const Machine& machine) {
  LayoutCost cost;
  const auto lanes = static_cast<std::int64_t>(machine.lanes);
  const auto batch = machine.batch, padded = (batch + lanes - 1) / lanes * lanes;
  // Shares of the two multiply-adds a cycle, as measured. Good kernels reach 0.75; with images as lanes those that stream from beyond L2
  // less than half of that. Where weights of a dense layer do not stay in L1, reading them for 16 images only costs a part, and adding to a
  // gradient as large as the weights once a tile costs half.
  // With a single vector of features most multiply-adds load their own scalar; inner products load two vectors for each. Depthwise
  // convolutions do little with what they read.
  constexpr double kGood = 0.75, kStreaming = 0.3, kOneVector = 0.65, kInnerProduct = 0.45, kDepthwise = 0.5, kDepthwiseImages = 0.4,
                   kDepthwiseStreaming = 0.25, kDenseStreaming = 0.65, kDenseGradient = 0.4;
  for (const auto& op : graph.ops) {
    if (!is_contraction(op.kind)) continue;
    const auto loops = graph.iteration(op);
    const bool is_dense = !loops.is_convolution();
    const auto multiply_adds = static_cast<double>(loops.multiply_adds());
    const auto &first = graph.type(op.operands[0]), &second = graph.type(op.operands[1]), &result = graph.type(op.result());
    auto largest = std::max(
        {first.batched() ? first.elements() : 0, second.batched() ? second.elements() : 0, result.batched() ? result.elements() : 0});
    bool fits = is_dense ? weight_bytes(graph, op) <= kL1 : 4 * largest * lanes * kFloat <= machine.cache_bytes;
    const auto features = loops.extent(loops.contiguous), groups = loops.groups;
    const bool depthwise = loops.is_depthwise();
    // Where a vector takes more channels than features, those are its lanes.
    const int inner_product = lanes_of_inner_product(loops, machine.lanes);
    auto use = inner_product > 0 ? use_of_inner_product(loops, inner_product, machine.lanes) : use_of_lanes(features, groups, lanes);
    // A kernel's gradient may have the channels that are read as lanes.
    if (!is_dense && !loops.makes_images() && groups == 1) use = std::max(use, use_of_lanes(loops.extent(LoopKind::depth), 1, lanes));
    const double streaming = !is_dense              ? kStreaming
                             : loops.makes_images() ? kDenseStreaming
                                                    : kDenseGradient,
                 images_rate = depthwise ? (fits ? kDepthwiseImages : kDepthwiseStreaming) : (fits ? kGood : streaming),
                 features_rate = depthwise                   ? kDepthwise
                                 : inner_product > 0         ? kInnerProduct
                                 : features / groups > lanes ? kGood
                                                             : kOneVector;
    cost.batch += multiply_adds * static_cast<double>(padded) / static_cast<double>(2 * lanes) / images_rate;
    cost.features += multiply_adds * static_cast<double>(batch) / static_cast<double>(2 * lanes) / features_rate / use;
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

namespace {

constexpr double kBytesFromL2 = 32, kBytesFromBeyond = 8;  // a cycle

/// Cycles to read bytes once.
double cycles_to_read(std::int64_t bytes, const Machine& machine) {
  return static_cast<double>(bytes) / (bytes > machine.cache_bytes / 2 ? kBytesFromBeyond : kBytesFromL2);
}

/// The tile of kernels that read weights, or write their gradient, for several images at once.
std::int64_t images_of_rows(const Graph& graph, const Machine& machine) {
  std::int64_t weights = 0;
  for (const auto& op : graph.ops)
    if (is_contraction(op.kind) && graph.type(op.result()).batched() && !graph.iteration(op).is_convolution())
      weights = std::max(weights, graph.type(op.operands[1]).elements());
  // Weights that do not stay in a core's cache from one tile to the next are worth a larger tile.
  const std::int64_t most = weights * kFloat > machine.cache_bytes && machine.batch >= 64 ? 32 : 16;
  return std::clamp<std::int64_t>(machine.batch, 1, most);
}

/// Whether kernels touch images of several dimensions.
std::vector<bool> kernels_on_images(const Graph& graph) {
  std::vector<bool> on_images(graph.kernels.size(), false);
  for (const auto& op : graph.ops) {
    if (op.kernel < 0) continue;
    for (const auto* list : {&op.operands, &op.results})
      for (auto value : *list)
        if (graph.type(value).batched() && graph.type(value).rank() > 2) on_images[op.kernel] = true;
  }
  return on_images;
}

/// Gives kernels that stand between others whose tiles have several images as many, except those that are decided.
void join_larger_tiles(const Graph& graph, std::int64_t several, const std::vector<bool>& decided, std::vector<std::int64_t>& images) {
  auto definers = graph.definers();
  std::vector<std::pair<int, int>> edges;
  for (const auto& op : graph.ops)
    for (auto operand : op.operands) {
      auto value = storage_of(graph, definers, operand);
      int from = graph.ops[definers[value]].kernel;
      if (op.kernel >= 0 && from >= 0 && from != op.kernel && graph.type(value).batched()) edges.emplace_back(from, op.kernel);
    }
  for (std::size_t k = 0; k < images.size(); ++k)
    if (!decided[k] && graph.kernels[k].tiled) images[k] = several;
  // Whoever stands beside a kernel of one image has one too.
  for (bool changed = true; changed;) {
    changed = false;
    for (auto [a, b] : edges)
      for (auto [own, other] : {std::pair(a, b), std::pair(b, a)})
        if (!decided[own] && images[own] != 1 && images[other] == 1) {
          images[own] = 1;
          changed = true;
        }
  }
}

}  // namespace

std::int64_t images_for_weights(const Graph& graph, const Op& op, const Machine& machine) {
  if (graph.lanes != Lanes::features || !is_contraction(op.kind)) return 1;
  const auto loops = graph.iteration(op);
  if (!loops.is_convolution()) return 1;
  if (machine.force_images > 0) return machine.force_images;
  // Each of a group's channels has few weights.
  if (loops.groups > 1) return 1;
  // Several tiles for several threads; of a small batch two.
  const std::int64_t tiles = machine.batch < 32 ? 2 : 4;
  const auto most = std::min((machine.batch + tiles - 1) / tiles, images_of_rows(graph, machine));
  constexpr double kMuch = 0.1;
  return most > 1 && cycles_to_read(weight_bytes(graph, op), machine) > kMuch * cycles_to_compute(graph, op, machine) ? most : 1;
}

double cycles_to_read_weights(const Graph& graph, const Machine& machine) {
  double cycles = 0;
  for (const auto& op : graph.ops) {
    if (op.kernel < 0 || !graph.kernels[op.kernel].tiled || !is_contraction(op.kind)) continue;
    cycles += cycles_to_read(weight_bytes(graph, op), machine) / static_cast<double>(graph.kernels[op.kernel].images);
  }
  return cycles;
}

std::vector<std::int64_t> tile_images(const Graph& graph, const Machine& machine, bool for_weights) {
  if (graph.lanes == Lanes::batch) return std::vector<std::int64_t>(graph.kernels.size(), machine.lanes);
  std::int64_t several = 1;
  if (for_weights)
    for (const auto& op : graph.ops) several = std::max(several, images_for_weights(graph, op, machine));
  auto rows = machine.force_images > 0 ? machine.force_images : images_of_rows(graph, machine);
  // One size for all makes fewer phases.
  if (several > 1 && several >= rows / 2) rows = several;
  const auto on_images = kernels_on_images(graph);
  // Modelled cycles for one image: of kernels on images of several dimensions, and of the others if their tiles were of one image too, when
  // each image reads all weights from L2 or beyond.
  constexpr double kCall = 200;
  double image_cycles = 0, row_cycles = 0;
  std::vector<std::int64_t> images(graph.kernels.size(), 1);
  std::vector<bool> decided(graph.kernels.size(), false);  // Of kernels on rows, and of those that work most.
  for (std::size_t k = 0; k < images.size(); ++k) {
    if (on_images[k] || !graph.kernels[k].tiled) continue;
    images[k] = rows;
    decided[k] = true;
    row_cycles += kCall;
  }
  for (const auto& op : graph.ops) {
    if (op.kernel < 0 || !graph.kernels[op.kernel].tiled) continue;
    if (on_images[op.kernel]) {
      image_cycles += cycles_to_compute(graph, op, machine);
      if (!is_contraction(op.kind) || graph.iteration(op).groups > 1) continue;
      if (for_weights) images[op.kernel] = images_for_weights(graph, op, machine);
      decided[op.kernel] = true;
    } else if (is_contraction(op.kind)) {
      row_cycles += cycles_to_read(weight_bytes(graph, op), machine);
    }
  }
  if (several > 1)
    join_larger_tiles(graph, several, decided, images);
  else if (row_cycles < 0.05 * image_cycles)
    // Tiles of one size let a tile go forward and backward while it is in the cache.
    std::fill(images.begin(), images.end(), 1);
  return images;
}

}  // namespace gradc
