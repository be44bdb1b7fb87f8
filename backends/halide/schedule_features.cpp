// Schedules of products whose lanes are features: a vector holds neighbouring channels or features of one image, weights are loaded as
// vectors, and inputs are scalars that meet each vector of weights.
#include <algorithm>
#include <cmath>

#include "backends/halide/emitter.h"
#include "backends/halide/windows.h"
#include "ir/dense_kernel.h"
#include "support/ceil_div.h"
#include "target/cost.h"

namespace gradc {
namespace {

using namespace Halide;

/// Inner products along the lanes: a block of features × rows holds a vector for each, whose lanes are summed at the end.
void schedule_dot(Emitter& e, Func consumer, const Contraction& product, const Var& row, std::int64_t rows) {
  auto args = consumer.args();
  auto [part, domain] = product.parts[0];
  auto [sum, lane] = product.horizontal_sums[0];
  const int features = e.width(std::min<std::int64_t>(8, e.type(product.op->result()).dims.back()));
  const int most = std::max(1, (e.target().registers - 8) / features);
  int block = 1;
  for (int b = 1; b <= most; ++b)
    if (rows % b == 0) block = b;
  Var fo("fo"), fi("fi"), ro("ro"), ri("ri");
  consumer.split(args[1], fo, fi, features, TailStrategy::ShiftInwards).split(row, ro, ri, block, TailStrategy::ShiftInwards);
  std::vector<VarOrRVar> order = {fi, ri, ro};
  for (const auto& arg : args)
    if (arg.name() != args[1].name() && arg.name() != row.name()) order.push_back(arg);
  order.push_back(fo);
  consumer.reorder(order).vectorize(fi).unroll(ri);
  auto own = sum.args();
  sum.compute_at(consumer, ro);
  first_outermost(sum);
  auto lanes = sum.update();
  lanes.atomic().vectorize(lane.x);
  auto accumulators = part;
  accumulators.compute_at(consumer, ro);
  auto part_args = accumulators.args();
  accumulators.vectorize(part_args[0]);
  auto update = accumulators.update();
  std::vector<VarOrRVar> inner = {part_args[0]};
  for (std::size_t d = 1; d < part_args.size(); ++d) {
    accumulators.unroll(part_args[d]);
    inner.push_back(part_args[d]);
  }
  inner.push_back(domain.x);
  update.reorder(inner).vectorize(part_args[0]);
  for (std::size_t d = 1; d < part_args.size(); ++d) update.unroll(part_args[d]);
  for (const auto& arg : own) {
    sum.unroll(arg);
    lanes.unroll(arg);
  }
}

/// The chains that a tile's accumulators are split into.
int chains_of(const Emitter& e, const FeatureTile& tile, std::int64_t depth) {
  int chains = 1;
  while (chains * tile.vectors * tile.others < e.target().enough_accumulators() && depth % (2 * chains) == 0 &&
         depth >= cost::kStepsOfChain * chains)
    chains *= 2;
  return chains;
}

/// The outermost loops of a consumer: the image and the feature block; each split with its tail shifted back, as the consumer only writes
/// what it computes.
void schedule_dense(Emitter& e, Func consumer, const gradc::Type& type, const Contraction& product) {
  auto args = consumer.args();
  auto features = type.dims.back();
  const auto width = e.width(features);
  // Images share a vector of weights, or, where a tile is one image, the rows of an input of several dimensions.
  const bool of_images = e.images() > 1 || args.size() < 3;
  if (!product.parts.empty())
    return schedule_dot(e, consumer, product, of_images ? args[0] : args[2],
                        of_images ? e.images() : type.image_dims()[type.image_dims().size() - 2]);
  auto others = of_images ? e.images() : type.image_dims()[type.image_dims().size() - 2];
  const auto depth = DenseKernel(e.type(product.op->operands[1])).inputs;
  auto block = choose_feature_tile(e, {features, width}, others, depth);
  Var fo("fo"), fi("fi"), vo("vo"), vi("vi"), ro("ro"), ri("ri");
  auto& row = of_images ? args[0] : args[2];
  consumer.split(args[1], fo, fi, block.vectors * width, TailStrategy::ShiftInwards)
      .split(fi, vo, vi, width)
      .split(row, ro, ri, block.others, TailStrategy::ShiftInwards);
  std::vector<VarOrRVar> order = {vi, vo, ri, ro};
  for (std::size_t d = 2; d < args.size(); ++d)
    if (of_images || d != 2) order.push_back(args[d]);
  if (!of_images) order.push_back(args[0]);
  order.push_back(fo);
  consumer.reorder(order).vectorize(vi).unroll(vo).unroll(ri);
  sum_in_chains(e, consumer, ro, product, block, width, depth);
  // Rows of weights for few accumulators lie close together. Those that fit L2 are found there: lines that are fetched ahead go around it.
  auto acc = product.accumulator;
  const auto weights = product.op->operands[1];
  const bool stays = e.type(weights).elements() * 4 <= e.target().l2 / 2;
  if (e.in_memory(weights) && !stays && chains_of(e, block, depth) == 1)
    acc.update().prefetch(e.memory(weights), product.domain.x, product.domain.x, cost::kRowsAhead, PrefetchBoundStrategy::NonFaulting);
}

void schedule_whole_gradient(Emitter& e, Func consumer, const gradc::Type& type, const Contraction& product) {
  // (feature, row) of a block of rows of the kernel. What follows updates params in place, so that nothing may be computed twice: the last
  // vectors are cut instead of shifted back, while their accumulators stay whole.
  auto args = consumer.args();
  auto features = type.dims[1], rows = type.dims[0];
  const auto width = e.width(features);
  auto block = choose_feature_tile(e, {features, width}, rows, 64);
  while (rows % block.others != 0) --block.others;
  while (features % (block.vectors * width) != 0 && block.vectors > 1) --block.vectors;
  consumer.bound(args[0], 0, static_cast<int>(features)).bound(args[1], 0, static_cast<int>(rows));
  Var fo("fo"), fi("fi"), vo("vo"), vi("vi"), ro("ro"), ri("ri");
  consumer.split(args[0], fo, fi, block.vectors * width, TailStrategy::GuardWithIf)
      .split(fi, vo, vi, width, TailStrategy::GuardWithIf)
      .split(args[1], ro, ri, block.others)
      .reorder({vi, vo, ri, ro, fo})
      .vectorize(vi)
      .unroll(vo)
      .unroll(ri);
  auto acc = product.accumulator;
  auto acc_args = acc.args();
  acc.compute_at(consumer, ro).bound_extent(acc_args[0], block.vectors * width);
  keep_in_registers(acc, acc_args[0], width, {product.domain.x});
}

/// By how many columns, rows and planes the sums of a strided input gradient take turns: by its strides, or where there are no such `turns`
/// by one.
Ints periods_of(const Contraction& product, bool turns) {
  auto strides = columns_first(product.op->attributes.ints("strides"));
  return turns ? strides : Ints(strides.size(), 1);
}

/// Convolutions whose lanes are the channels that they read: a block of all features × columns holds a vector for each, whose lanes are
/// summed at the end.
void schedule_inner_product(Emitter& e, Func consumer, const gradc::Type& type, const Contraction& product) {
  auto args = consumer.args();  // (n, feature, x, y, z)
  // The sums that a strided input gradient is put together from take turns by column, row and plane.
  const auto periods = periods_of(product, product.op->kind == OpKind::conv_input_grad);
  const bool turns = periods != Ints(periods.size(), 1);
  const auto features = type.dims.back(), columns = ceil_div(type.dims.end()[-2], periods[0]);
  // The rest of the registers is for a vector of weights each and what they meet.
  const auto block = std::clamp<std::int64_t>((e.target().registers - 1 - features) / features, 1, std::min<std::int64_t>(columns, 16));
  Var xo("xo"), xi("xi");
  const auto tail = turns ? TailStrategy::GuardWithIf : TailStrategy::ShiftInwards;
  consumer.split(args[2], xo, xi, static_cast<int>(block * periods[0]), tail);
  const auto rows = cut_rows(consumer, periods, tail);
  auto order = followed_by<VarOrRVar>({args[1], xi}, rows.inner);
  order.emplace_back(xo);
  order = followed_by(std::move(order), rows.outer);
  order.emplace_back(args[0]);
  consumer.reorder(order);
  if (features > 1)
    consumer.vectorize(args[1], e.width(features), TailStrategy::ShiftInwards).unroll(xi);
  else if (turns)
    consumer.unroll(args[1]).unroll(xi);
  else
    consumer.unroll(args[1]).vectorize(xi, e.width(block), TailStrategy::ShiftInwards);
  for (const auto& each : rows.inner) consumer.unroll(each);
  auto packed = product.weights;
  packed.compute_root();
  for (auto [sum, lane] : product.horizontal_sums) {
    auto own = sum.args();
    sum.compute_at(consumer, xo);
    first_outermost(sum);
    if (turns) sum.bound_extent(own[2], static_cast<int>(block));
    for (std::size_t d = 3; turns && d < own.size(); ++d) sum.bound_extent(own[d], 1);
    auto add_up = sum.update();
    add_up.atomic().vectorize(lane.x);
    for (const auto& arg : own) {
      sum.unroll(arg);
      add_up.unroll(arg);
    }
  }
  for (auto [part, r] : product.parts) {
    auto own = part.args();
    part.compute_at(consumer, xo).vectorize(own[0]);
    auto update = part.update();
    update.reorder(followed_by<VarOrRVar>({own.begin(), own.end()}, loops_over_terms(r))).vectorize(own[0]);
    for (std::size_t d = 1; d < own.size(); ++d) {
      part.unroll(own[d]);
      update.unroll(own[d]);
    }
  }
}

/// How many turns of a loop over `depth` terms are unrolled where each is so many multiply-adds: enough that branches cost little, and no
/// more, as each is code to compile.
int unrolled_turns(std::int64_t depth, std::int64_t multiply_adds) {
  constexpr int kMultiplyAdds = 64;
  // A loop of three steps LLVM unrolls by two, leaves in the middle, and then no longer keeps the accumulators in registers.
  for (int turns : {8, 4, 2})
    if (depth % turns == 0 && depth / turns != 3 && (turns == 2 || turns * multiply_adds <= kMultiplyAdds)) return turns;
  return 1;
}

}  // namespace

void keep_in_registers(Func acc, const Var& feature, int width, std::vector<VarOrRVar> reduction, int turns) {
  auto args = acc.args();
  std::vector<Var> storage = {feature};
  for (const auto& arg : args)
    if (arg.name() != feature.name()) storage.push_back(arg);
  acc.reorder_storage(storage);
  Var vector("vector");
  acc.split(feature, feature, vector, width, TailStrategy::RoundUp).vectorize(vector);
  auto update = acc.update();
  update.split(feature, feature, vector, width, TailStrategy::RoundUp).vectorize(vector);
  if (turns > 1) {
    RVar outer("outer"), inner("inner");
    update.split(reduction[0].rvar, outer, inner, turns).unroll(inner);
    reduction[0] = outer;
    reduction.insert(reduction.begin(), inner);
  }
  std::vector<VarOrRVar> order = {vector};
  for (const auto& arg : storage) {
    acc.unroll(arg);
    update.unroll(arg);
    order.push_back(arg);
  }
  order.insert(order.end(), reduction.begin(), reduction.end());
  update.reorder(order);
}

void sum_in_chains(const Emitter& e, Func consumer, const Var& at, const Contraction& product, const FeatureTile& tile, int width,
                   std::int64_t depth) {
  auto acc = product.accumulator;
  acc.compute_at(consumer, at);
  const int chains = chains_of(e, tile, depth);
  if (chains == 1) return keep_in_registers(acc, acc.args()[1], width, {product.domain.x});
  RVar outer("outer"), inner("inner");
  Var turn("turn");
  acc.update().split(product.domain.x, outer, inner, chains);
  auto part = acc.update().rfactor(inner, turn);
  part.compute_at(consumer, at).bound_extent(turn, chains);
  keep_in_registers(part, part.args()[1], width, {outer});
  keep_in_registers(acc, acc.args()[1], width, {inner});
}

int group_width(const Emitter& e, std::int64_t features, std::int64_t groups) {
  auto of_group = features / groups;
  int width = e.width(features);
  if (groups == 1 || of_group == 1) return width;
  width = e.vector();
  while (of_group % width != 0) width /= 2;
  return width;
}

FeatureTile choose_feature_tile(const Emitter& e, const FeatureLanes& lanes, std::int64_t others, std::int64_t depth, std::int64_t repeat) {
  return choose_feature_tile(lanes, others, depth, repeat, e.target(), e.candidate());
}

void schedule_product_of_features(Emitter& e, Func consumer, const gradc::Type& type, const Contraction& product, const Op* pool) {
  const auto& op = *product.op;
  if (op.kind == OpKind::dense_weight_grad_whole) return schedule_whole_gradient(e, consumer, type, product);
  bound_all(consumer, type, e.images());
  if (op.kind == OpKind::matmul) return schedule_matrices_of_features(e, consumer, type, product);
  if (op.kind == OpKind::dense || op.kind == OpKind::dense_input_grad) return schedule_dense(e, consumer, type, product);
  if (!product.horizontal_sums.empty()) return schedule_inner_product(e, consumer, type, product);

  // Convolutions: (n, feature, x, y, z). With a pooling in the kernel an output column is a window of the product's columns and rows.
  auto args = consumer.args();
  const auto made = columns_first(spatial_dims(type));
  auto features = type.dims.back(), columns = made[0];
  const PooledPixels pooled(pool);
  FeatureLanes lanes{features, group_width(e, features, product.groups), product.groups};
  // The input gradient of a depthwise convolution with strides does little for each vector that it writes: half vectors that make up the
  // features lie in one cache line each, and write nothing twice.
  if (lanes.depthwise() && !product.parts.empty() && fill_half_vectors(features, lanes.width)) lanes.width /= 2;
  const auto width = lanes.width;
  const auto along = columns_first(e.graph().iteration(op).windows);
  const auto terms = terms_of_channels(e, product);
  Var fo("fo"), fi("fi"), vo("vo"), vi("vi"), xo("xo"), xi("xi");
  const bool parts = !product.parts.empty();
  // The sums that a strided input gradient is put together from take turns by column, row and plane.
  const auto periods = periods_of(product, parts);
  auto depth = terms, turns = std::int64_t{1}, kernel_rows = std::int64_t{1}, made_rows = std::int64_t{1};
  for (std::size_t d = 0; d < along.size(); ++d) {
    depth *= along[d].size;
    turns *= periods[d];
    if (d == 0) continue;
    kernel_rows *= ceil_div(along[d].size, periods[d]);
    made_rows *= ceil_div(made[d], periods[d]);
  }
  const bool share = product.images_share;
  const auto others = share ? e.images() : ceil_div(columns, periods[0]);
  auto block = lanes.depthwise() ? choose_depthwise_tile(lanes, others,
                                                         {.rows = kernel_rows,
                                                          .columns = ceil_div(along[0].size, periods[0]),
                                                          .stride = op.kind == OpKind::conv ? along[0].stride * pooled.columns : 1,
                                                          .dilation = along[0].dilation,
                                                          .sums = pooled.rows * pooled.columns * turns},
                                                         e.target(), e.candidate())
                                 : choose_feature_tile(e, lanes, others, depth / turns + 1, pooled.rows * pooled.columns);
  consumer.split(args[1], fo, fi, block.vectors * width, TailStrategy::ShiftInwards).split(fi, vo, vi, width);
  // Neighbours that share each vector of weights.
  auto& neighbour = share ? args[0] : args[2];
  const bool shifts = share || !parts;  // Columns that parts take turns by stay where they are.
  consumer.split(neighbour, xo, xi, static_cast<int>(share ? block.others : block.others * periods[0]),
                 shifts ? TailStrategy::ShiftInwards : TailStrategy::GuardWithIf);
  std::vector<VarOrRVar> order = {vi, vo, xi};
  Var column = args[2];
  std::vector<Var> rows(args.begin() + 3, args.end()), within_turns;
  if (parts) {
    auto cut = cut_rows(consumer, periods, TailStrategy::GuardWithIf);
    rows = std::move(cut.outer);
    within_turns = std::move(cut.inner);
  }
  if (parts && share) {
    Var column_turn("column_turn");
    column = Var("column");
    consumer.split(args[2], column, column_turn, static_cast<int>(periods[0]), TailStrategy::GuardWithIf);
    within_turns.push_back(column_turn);
  }
  order.insert(order.end(), within_turns.begin(), within_turns.end());
  // Loops over blocks, the innermost first. Feature blocks outermost: their weights stay in the cache while the images pass, or, in groups,
  // where they are few, while one does. Depthwise convolutions have hardly any, and make all features of a row, or of a few columns where
  // blocks of features end within a cache line, while its lines are there.
  constexpr std::int64_t kFloatsOfLine = kLineBytes / 4;
  std::vector<Var> inner_loops, outer_loops;
  if (share)
    inner_loops = {column}, outer_loops = {xo, fo};
  else if (lanes.depthwise() && features % kFloatsOfLine != 0)
    inner_loops = {fo, xo}, outer_loops = {args[0]};
  else if (lanes.depthwise())
    inner_loops = {xo, fo}, outer_loops = {args[0]};
  else if (lanes.groups > 1)
    inner_loops = {xo}, outer_loops = {fo, args[0]};
  else
    inner_loops = {xo}, outer_loops = {args[0], fo};
  const auto loops = followed_by(followed_by(inner_loops, rows), outer_loops);
  order.insert(order.end(), loops.begin(), loops.end());
  consumer.reorder(order).vectorize(vi).unroll(vo).unroll(xi);
  for (const auto& each : within_turns) consumer.unroll(each);
  if (product.unroll_columns) consumer.unroll(xo);
  auto in_registers = [&](Func acc, const RDom& r) {
    acc.compute_at(consumer, loops[0]);
    if (lanes.groups > 1 && !lanes.depthwise()) acc.align_bounds(acc.args()[1], width).bound_extent(acc.args()[1], block.vectors * width);
    keep_in_registers(acc, acc.args()[1], width, loops_over_terms(r), unrolled_turns(terms, block.vectors * block.others));
    // The columns of a depthwise kernel share what they read.
    if (product.unroll_columns || (terms == 1 && along[0].size <= 7)) acc.update().unroll(r.x);
    if (parts && terms == 1 && kernel_rows <= 2)
      for (int d = 2; d < r.dimensions(); ++d) acc.update().unroll(r[d]);
  };
  // Rows of a block's weights lie a whole row of the kernel apart, so that they meet in few of a cache's sets. Where the kernel is larger
  // than L2, the block does not stay there while the images pass, unless it is copied to where it lies dense. That pays where it is read
  // often.
  const auto reads = (share ? columns : e.images()) * made_rows * ceil_div(others, block.others);
  const bool large = e.type(op.operands[1]).elements() * 4 > e.target().l2 && features % width == 0;
  if (product.groups == 1 && large && reads >= cost::kReadsOfPackedWeights) {
    auto packed = product.weights;
    auto own = packed.args();
    packed.compute_at(consumer, fo).bound_extent(own[0], block.vectors * width).vectorize(own[0], width);
  }
  if (!parts) return in_registers(product.accumulator, product.domain);
  for (const auto& [acc, domain] : product.parts) {
    auto part = acc;
    const auto own = part.args();
    part.bound_extent(own[2], share ? 1 : block.others);
    for (std::size_t d = 3; d < own.size(); ++d) part.bound_extent(own[d], 1);
    in_registers(part, domain);
  }
}

}  // namespace gradc
