#include "target/register_tile.h"

#include "support/ceil_div.h"
#include "target/cost.h"

namespace gradc {

namespace {

constexpr auto kFloat = static_cast<std::int64_t>(sizeof(float));

/// A quarter of the registers is left for inputs and broadcast weights.
std::int64_t most_accumulators(const Target& target) { return target.registers * 3 / 4; }

}  // namespace

bool has_wide_rows(std::int64_t outputs) { return outputs * kFloat > cost::kWideRow; }

std::int64_t line_of_outputs(std::int64_t outputs, const Target& target) {
  auto line = kLineBytes / kFloat;
  while (line > most_accumulators(target)) line /= 2;
  return outputs % line == 0 ? line : 0;
}

std::int64_t choose_outputs_of_images(std::int64_t outputs, bool lines, const Target& target) {
  if (const auto line = line_of_outputs(outputs, target); lines && line > 0) return line;
  const auto most = std::min(most_accumulators(target), outputs);
  return ceil_div(outputs, ceil_div(outputs, most));
}

ImageTile choose_image_tile(const ConvolutionLoops& loops, const Target& target, int candidate) {
  const auto most = std::max<std::int64_t>(most_accumulators(target), 4);
  const auto pool = loops.pool_rows * loops.pool_columns;
  const bool depthwise = loops.groups > 1 && loops.channels == loops.groups;
  const auto of_group = depthwise ? loops.channels : loops.channels / loops.groups;
  TileCandidates<ImageTile> candidates;
  for (std::int64_t tc = 1; tc <= std::min<std::int64_t>(of_group, 16); ++tc)
    for (std::int64_t tx = 1; tx <= std::min<std::int64_t>(loops.columns, 16); ++tx) {
      const auto accumulators = tc * tx * pool;
      if (accumulators > most && accumulators > pool) continue;
      if (loops.groups > 1 && of_group % tc != 0) continue;
      const auto columns = tx * loops.pool_columns;
      const auto inputs =
          std::min((columns - 1) * loops.stride + (loops.kernel_columns - 1) * loops.dilation + 1, columns * loops.kernel_columns) *
          loops.pool_rows;
      candidates.add(cost::cycles({.blocks = static_cast<double>(ceil_div(loops.channels, tc) * ceil_div(loops.columns, tx)),
                                   .depth = static_cast<double>(loops.depth),
                                   .accumulators = static_cast<double>(accumulators),
                                   .multiply_adds = static_cast<double>(accumulators * loops.kernel_columns),
                                   .loads = static_cast<double>(inputs + tc * loops.kernel_columns),
                                   .chain = static_cast<double>(loops.kernel_columns)},
                                  target),
                     {tc, tx});
    }
  return candidates.pick(candidate);
}

MatrixTile choose_matrix_tile(std::int64_t rows, std::int64_t columns, std::int64_t depth, const Target& target, int candidate) {
  TileCandidates<MatrixTile> candidates;
  for (std::int64_t m = 1; m <= std::min<std::int64_t>(rows, 16); ++m)
    for (std::int64_t n = 1; n <= std::min<std::int64_t>(columns, 16); ++n) {
      // Beside the accumulators one side's elements stay in registers, and one of the other side at a time.
      if (m * n + std::min(m, n) + 1 > target.registers && m * n > 1) continue;
      candidates.add(cost::cycles({.blocks = static_cast<double>(ceil_div(rows, m) * ceil_div(columns, n)),
                                   .depth = static_cast<double>(depth),
                                   .accumulators = static_cast<double>(m * n),
                                   .multiply_adds = static_cast<double>(m * n),
                                   .loads = static_cast<double>(m + n)},
                                  target),
                     {m, n});
    }
  return candidates.pick(candidate);
}

FeatureTile choose_feature_tile(const FeatureLanes& lanes, std::int64_t others, std::int64_t depth, std::int64_t repeat,
                                const Target& target, int candidate) {
  const bool cut = lanes.groups > 1 && !lanes.depthwise();
  const auto features = cut ? lanes.features / lanes.groups : lanes.features;
  const auto vectors = ceil_div(features, lanes.width);
  const auto whole_vectors = features / lanes.width;  // A tile is not larger than what it is a tile of.
  // The rest of the registers is for a vector of weights each and a scalar.
  const auto registers = static_cast<std::int64_t>(target.registers) - 1;
  TileCandidates<FeatureTile> candidates;
  for (std::int64_t v = 1; v <= std::min<std::int64_t>(whole_vectors, 8); ++v) {
    if (cut && whole_vectors % v != 0) continue;
    for (std::int64_t o = 1; o <= std::min<std::int64_t>(others, 28); ++o) {
      const auto accumulators = v * o * repeat;
      if (accumulators + v > registers && v * o > 1) continue;
      candidates.add(cost::cycles({.blocks = static_cast<double>(ceil_div(vectors, v) * ceil_div(others, o)),
                                   .depth = static_cast<double>(depth),
                                   .accumulators = static_cast<double>(accumulators),
                                   .multiply_adds = static_cast<double>(accumulators),
                                   .loads = static_cast<double>(v + o * repeat)},
                                  target),
                     {static_cast<int>(v), static_cast<int>(o)});
    }
  }
  return candidates.pick(candidate);
}

FeatureTile choose_depthwise_tile(const FeatureLanes& lanes, std::int64_t others, const PixelWindow& window, const Target& target,
                                  int candidate) {
  const auto vectors = ceil_div(lanes.features, lanes.width);
  const auto whole_vectors = std::max<std::int64_t>(lanes.features / lanes.width, 1);
  const auto registers = static_cast<std::int64_t>(target.registers);
  TileCandidates<FeatureTile> candidates;
  for (std::int64_t v = 1; v <= std::min<std::int64_t>(whole_vectors, 4); ++v)
    for (std::int64_t o = 1; o <= std::min<std::int64_t>(others, 16); ++o) {
      const auto accumulators = v * o * window.sums;
      const auto pixels = std::min((o - 1) * window.stride + (window.columns - 1) * window.dilation + 1, o * window.columns);
      // A tile of all columns has no part of one behind it, which is worth a few accumulators in L1.
      const auto in_l1 = v == 1 && o == others ? 4 : 0;
      if (accumulators + v * pixels > registers + in_l1 && v * o > 1) continue;
      candidates.add(cost::cycles({.blocks = static_cast<double>(ceil_div(vectors, v) * ceil_div(others, o)),
                                   .depth = static_cast<double>(window.rows),
                                   .accumulators = static_cast<double>(accumulators),
                                   .multiply_adds = static_cast<double>(accumulators * window.columns),
                                   .loads = static_cast<double>(v * (pixels + window.columns)),
                                   .chain = static_cast<double>(window.columns)},
                                  target),
                     {static_cast<int>(v), static_cast<int>(o)});
    }
  return candidates.pick(candidate);
}

}  // namespace gradc
