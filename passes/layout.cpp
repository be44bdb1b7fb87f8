#include "passes/layout.h"

#include <algorithm>

#include "target/cost.h"

namespace gradc {
namespace {

constexpr std::int64_t kFloat = 4;

/// Bytes of the weights that a contraction reads, or whose gradient it makes.
std::int64_t weight_bytes(const Graph& graph, const Op& op) {
  const auto &second = graph.type(op.operands[1]), &result = graph.type(op.result());
  return std::max(result.batched() ? 0 : result.elements(), second.batched() ? 0 : second.elements()) * kFloat;
}

/// Cycles of an image's arithmetic.
double cycles_to_compute(const Graph& graph, const Op& op) {
  return cost::arithmetic_cycles(static_cast<double>(graph.flops(op)), graph.target_or_default());
}

/// Which part of their lanes vectors along this many features use: whole vectors, the last one shifted back; below one vector's worth the
/// next smaller power of two. Vectors of a convolution with groups of several channels do not cross groups.
double lane_utilization(std::int64_t features, std::int64_t groups, std::int64_t lanes) {
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
  return width * vectors / (vectors + cost::kAddUpLanes) / lanes;
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
  return use_of_inner_product(loops, width, lanes) > lane_utilization(features, 1, lanes) ? width : 0;
}

}  // namespace

int lanes_of_inner_product(const Graph& graph, const Op& op) {
  return is_contraction(op.kind) ? lanes_of_inner_product(graph.iteration(op), graph.target_or_default().lanes) : 0;
}

bool reads_dense_kernel(const Graph& graph, const Op& op) {
  if (!is_contraction(op.kind)) return false;
  const auto loops = graph.iteration(op);
  return !loops.is_convolution() && !loops.is_of_images() && loops.makes_images();
}

bool has_code_for_each_column(const Graph& graph, std::int64_t columns, std::int64_t kernel_columns) {
  if (graph.lanes == Lanes::features) return columns <= cost::kColumnsOfFeatures;
  return columns <= cost::kColumnsOfImages && columns * kernel_columns <= cost::kTapsOfImages;
}

namespace {

void add_layout_cost(const Graph& graph, const Workload& workload, double times, LayoutCost& sum) {
  const auto& target = graph.target_or_default();
  const auto lanes = static_cast<std::int64_t>(target.lanes);
  const auto batch = workload.batch, padded = (batch + lanes - 1) / lanes * lanes;
  for (const auto& op : graph.ops) {
    if (op.body) add_layout_cost(*op.body, workload, times * static_cast<double>(op.attributes.integer("steps")), sum);
    if (const auto use = definition(op.kind).rows; use != RowUse::none) {
      const auto elements = static_cast<double>(graph.type(use == RowUse::reads ? op.result() : op.operands.back()).elements());
      sum.batch += times * cost::kRowOfImages * elements * static_cast<double>(padded);
      sum.features += times * cost::kRowOfFeatures * elements * static_cast<double>(batch);
    }
    if (!is_contraction(op.kind)) continue;
    const auto loops = graph.iteration(op);
    const bool is_dense = !loops.is_convolution();
    const auto cycles = times * cost::arithmetic_cycles(2 * static_cast<double>(loops.multiply_adds()), target);
    const auto &first = graph.type(op.operands[0]), &second = graph.type(op.operands[1]), &result = graph.type(op.result());
    auto largest = std::max(
        {first.batched() ? first.elements() : 0, second.batched() ? second.elements() : 0, result.batched() ? result.elements() : 0});
    // What meets weights needs them in cache; images that meet each other lie there for all lanes.
    const bool on_weights = is_dense && !loops.is_of_images();
    bool fits = on_weights ? weight_bytes(graph, op) <= target.l1 : cost::kMapsInCache * largest * lanes * kFloat <= target.l2;
    const auto features = loops.extent(loops.contiguous), groups = loops.groups;
    const bool depthwise = loops.is_depthwise();
    // Where a vector takes more channels than features, those are its lanes.
    const int inner_product = lanes_of_inner_product(loops, target.lanes);
    auto use = inner_product > 0 ? use_of_inner_product(loops, inner_product, target.lanes) : lane_utilization(features, groups, lanes);
    // A kernel's gradient may have the channels that are read as lanes.
    if (!is_dense && !loops.makes_images() && groups == 1) use = std::max(use, lane_utilization(loops.extent(LoopKind::depth), 1, lanes));
    const bool rows = on_weights && (times > 1 || loops.extent(LoopKind::row) >= cost::kRowsOfInnerProducts);
    const double streaming = !is_dense              ? cost::kStreaming
                             : loops.makes_images() ? cost::kDenseStreaming
                             : rows                 ? cost::kGood
                                                    : cost::kDenseGradient,
                 images_rate = depthwise ? (fits ? cost::kDepthwiseImages : cost::kDepthwiseStreaming) : (fits ? cost::kGood : streaming),
                 features_rate = depthwise                   ? cost::kDepthwise
                                 : inner_product > 0         ? cost::kInnerProduct
                                 : rows && !fits             ? cost::kDenseRows
                                 : features / groups > lanes ? cost::kGood
                                                             : cost::kOneVector;
    sum.batch += cycles * static_cast<double>(padded) / images_rate;
    sum.features += cycles * static_cast<double>(batch) / features_rate / use;
  }
}

}  // namespace

LayoutCost layout_cost(const Graph& graph, const Workload& workload) {
  LayoutCost sum;
  add_layout_cost(graph, workload, 1, sum);
  const auto lanes = static_cast<std::int64_t>(graph.target_or_default().lanes);
  // One tile is all of the batch.
  if (workload.batch > 1 && workload.batch <= lanes) sum.batch *= cost::kOneTile;
  return sum;
}

void choose_layout(Graph& graph, const Workload& workload) {
  auto cost = layout_cost(graph, workload);
  graph.lanes = workload.force_lanes.value_or(cost.features < cost.batch ? Lanes::features : Lanes::batch);
}

bool whole_weight_gradient(const Graph& graph, const Type& kernel) {
  return graph.lanes == Lanes::features && kernel.elements() * kFloat > graph.target_or_default().l1;
}

namespace {

/// Cycles to read an op's weights once.
double cycles_to_read(const Graph& graph, const Op& op) { return cost::read_cycles(weight_bytes(graph, op), graph.target_or_default()); }

/// Cycles in which a loop reads the weights of its contractions, in all its steps.
double cycles_to_read_in_loop(const Op& loop) {
  double cycles = 0;
  for (const auto& op : loop.body->ops)
    if (is_contraction(op.kind)) cycles += cycles_to_read(*loop.body, op);
  return cycles * static_cast<double>(loop.attributes.integer("steps"));
}

/// The most elements of a dense layer's weights.
std::int64_t largest_weights(const Graph& graph) {
  std::int64_t weights = 0;
  for (const auto& op : graph.ops) {
    if (op.body) weights = std::max(weights, largest_weights(*op.body));
    if (reads_dense_kernel(graph, op)) weights = std::max(weights, graph.type(op.operands[1]).elements());
  }
  return weights;
}

/// The tile of kernels that read weights, or write their gradient, for several images at once.
std::int64_t dense_tile(const Graph& graph, const Workload& workload) {
  const auto weights = largest_weights(graph);
  // Weights that do not stay in a core's cache from one tile to the next are worth a larger tile.
  const bool large = weights * kFloat > graph.target_or_default().l2 && workload.batch >= cost::kBatchOfLargeRows;
  return std::clamp<std::int64_t>(workload.batch, 1, large ? cost::kImagesOfLargeRows : cost::kImagesOfRows);
}

/// Whether kernels touch images of several dimensions. A loop works on a step of them at a time.
std::vector<bool> kernels_on_images(const Graph& graph) {
  std::vector<bool> on_images(graph.kernels.size(), false);
  for (const auto& op : graph.ops) {
    if (op.kernel < 0 || is_loop(op.kind)) continue;
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
    if (!decided[k] && graph.kernels[k].tiled()) images[k] = several;
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

std::int64_t images_for_weights(const Graph& graph, const Op& op, const Workload& workload) {
  if (graph.lanes != Lanes::features || !is_contraction(op.kind)) return 1;
  const auto loops = graph.iteration(op);
  if (!loops.is_convolution()) return 1;
  if (workload.force_images > 0) return workload.force_images;
  // Each of a group's channels has few weights.
  if (loops.groups > 1) return 1;
  const auto tiles = workload.batch < cost::kSmallBatch ? cost::kTilesOfSmallBatch : cost::kTilesOfBatch;
  const auto most = std::min((workload.batch + tiles - 1) / tiles, dense_tile(graph, workload));
  return most > 1 && cycles_to_read(graph, op) > cost::kMuchReading * cycles_to_compute(graph, op) ? most : 1;
}

double cycles_to_read_weights(const Graph& graph) {
  double cycles = 0;
  for (const auto& op : graph.ops) {
    if (op.kernel < 0 || !graph.kernels[op.kernel].tiled()) continue;
    const auto images = static_cast<double>(graph.kernels[op.kernel].size);
    if (op.body) cycles += cycles_to_read_in_loop(op) / images;
    if (is_contraction(op.kind)) cycles += cycles_to_read(graph, op) / images;
  }
  return cycles;
}

std::vector<std::int64_t> tile_sizes(const Graph& graph, const Workload& workload, bool for_weights) {
  if (graph.lanes == Lanes::batch) return std::vector<std::int64_t>(graph.kernels.size(), graph.target_or_default().lanes);
  std::int64_t several = 1;
  if (for_weights)
    for (const auto& op : graph.ops) several = std::max(several, images_for_weights(graph, op, workload));
  auto rows = workload.force_images > 0 ? workload.force_images : dense_tile(graph, workload);
  // One size for all makes fewer phases.
  if (several > 1 && several >= rows / 2) rows = several;
  const auto on_images = kernels_on_images(graph);
  // Modelled cycles for one image: of kernels on images of several dimensions, and of the others if their tiles were of one image too, when
  // each image reads all weights from L2 or beyond.
  double image_cycles = 0, row_cycles = 0;
  std::vector<std::int64_t> images(graph.kernels.size(), 1);
  std::vector<bool> decided(graph.kernels.size(), false);  // Whether a kernel is on rows, or among those that work most.
  for (std::size_t k = 0; k < images.size(); ++k) {
    if (on_images[k] || !graph.kernels[k].tiled()) continue;
    images[k] = rows;
    decided[k] = true;
    row_cycles += cost::kCallOfTile;
  }
  for (const auto& op : graph.ops) {
    if (op.kernel < 0 || !graph.kernels[op.kernel].tiled()) continue;
    if (on_images[op.kernel]) {
      image_cycles += cycles_to_compute(graph, op);
      if (!is_contraction(op.kind) || graph.iteration(op).groups > 1) continue;
      if (for_weights) images[op.kernel] = images_for_weights(graph, op, workload);
      decided[op.kernel] = true;
    } else if (op.body) {
      row_cycles += cycles_to_read_in_loop(op);
    } else if (is_contraction(op.kind)) {
      row_cycles += cycles_to_read(graph, op);
    }
  }
  if (several > 1)
    join_larger_tiles(graph, several, decided, images);
  else if (row_cycles < cost::kFewRows * image_cycles)
    // Tiles of one size let a tile go forward and backward while it is in the cache.
    std::fill(images.begin(), images.end(), 1);
  return images;
}

}  // namespace gradc
