// Schedules of products whose lanes are features: a vector holds neighbouring channels or features of one image, weights are loaded as
// vectors, and inputs are scalars that meet each vector of weights.
#include <algorithm>
#include <cmath>

#include "backends/halide/emitter.h"
#include "support/ceil_div.h"
#include "target/cost.h"

namespace gradc {
namespace {

using namespace Halide;

/// Inner products along the lanes: a block of features × rows holds a vector for each, whose lanes are summed at the end.
void schedule_dot(Emitter& e, Func sink, const Product& product, const Var& row, std::int64_t rows) {
  auto args = sink.args();
  auto [part, domain] = product.parts[0];
  auto [sum, lane] = product.lane_sums[0];
  const int features = e.width(std::min<std::int64_t>(8, e.type(product.op->result()).dims.back()));
  const int most = std::max(1, (e.target().registers - 8) / features);
  int block = 1;
  for (int b = 1; b <= most; ++b)
    if (rows % b == 0) block = b;
  Var fo("fo"), fi("fi"), ro("ro"), ri("ri");
  sink.split(args[1], fo, fi, features, TailStrategy::ShiftInwards).split(row, ro, ri, block, TailStrategy::ShiftInwards);
  std::vector<VarOrRVar> order = {fi, ri, ro};
  for (const auto& arg : args)
    if (arg.name() != args[1].name() && arg.name() != row.name()) order.push_back(arg);
  order.push_back(fo);
  sink.reorder(order).vectorize(fi).unroll(ri);
  auto own = sum.args();
  sum.compute_at(sink, ro);
  first_outermost(sum);
  auto lanes = sum.update();
  lanes.atomic().vectorize(lane.x);
  auto accumulators = part;
  accumulators.compute_at(sink, ro);
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

/// The outermost loops of a sink: the image and the feature block; each split with its tail shifted back, as the sink only writes what it
/// computes.
void schedule_dense(Emitter& e, Func sink, const gradc::Type& type, const Product& product) {
  auto args = sink.args();
  auto features = type.dims.back();
  const auto width = e.width(features);
  // Images share a vector of weights, or, where a tile is one image, the rows of an input of several dimensions.
  const bool of_images = e.images() > 1 || args.size() < 3;
  if (!product.parts.empty())
    return schedule_dot(e, sink, product, of_images ? args[0] : args[2],
                        of_images ? e.images() : type.image_dims()[type.image_dims().size() - 2]);
  auto others = of_images ? e.images() : type.image_dims()[type.image_dims().size() - 2];
  auto depth = e.type(product.op->operands[1]).dims[0];
  auto block = choose_feature_tile(e, {features, width}, others, depth);
  Var fo("fo"), fi("fi"), vo("vo"), vi("vi"), ro("ro"), ri("ri");
  auto& row = of_images ? args[0] : args[2];
  sink.split(args[1], fo, fi, block.vectors * width, TailStrategy::ShiftInwards)
      .split(fi, vo, vi, width)
      .split(row, ro, ri, block.others, TailStrategy::ShiftInwards);
  std::vector<VarOrRVar> order = {vi, vo, ri, ro};
  for (std::size_t d = 2; d < args.size(); ++d)
    if (of_images || d != 2) order.push_back(args[d]);
  if (!of_images) order.push_back(args[0]);
  order.push_back(fo);
  sink.reorder(order).vectorize(vi).unroll(vo).unroll(ri);
  auto acc = product.accumulator;
  acc.compute_at(sink, ro);
  // Too few accumulators to hide the latency of a multiply-add are split into chains, which take turns. Rows of so few weights lie close
  // together.
  int turns = 1;
  while (turns * block.vectors * block.others < e.target().enough_accumulators() && depth % (2 * turns) == 0 &&
         depth >= cost::kStepsOfChain * turns)
    turns *= 2;
  if (turns > 1) {
    RVar outer("outer"), inner("inner");
    Var turn("turn");
    acc.update().split(product.domain.x, outer, inner, turns);
    auto part = acc.update().rfactor(inner, turn);
    part.compute_at(sink, ro).bound_extent(turn, turns);
    keep_in_registers(part, part.args()[1], width, {outer});
    keep_in_registers(acc, acc.args()[1], width, {inner});
    return;
  }
  keep_in_registers(acc, acc.args()[1], width, {product.domain.x});
  if (auto weights = product.op->operands[1]; e.in_memory(weights))
    acc.update().prefetch(e.memory(weights), product.domain.x, product.domain.x, cost::kRowsAhead, PrefetchBoundStrategy::NonFaulting);
}

void schedule_whole_gradient(Emitter& e, Func sink, const gradc::Type& type, const Product& product) {
  // (feature, row) of a block of rows of the kernel. What follows updates params in place, so that nothing may be computed twice: the last
  // vectors are cut instead of shifted back, while their accumulators stay whole.
  auto args = sink.args();
  auto features = type.dims[1], rows = type.dims[0];
  const auto width = e.width(features);
  auto block = choose_feature_tile(e, {features, width}, rows, 64);
  while (rows % block.others != 0) --block.others;
  while (features % (block.vectors * width) != 0 && block.vectors > 1) --block.vectors;
  sink.bound(args[0], 0, static_cast<int>(features)).bound(args[1], 0, static_cast<int>(rows));
  Var fo("fo"), fi("fi"), vo("vo"), vi("vi"), ro("ro"), ri("ri");
  sink.split(args[0], fo, fi, block.vectors * width, TailStrategy::GuardWithIf)
      .split(fi, vo, vi, width, TailStrategy::GuardWithIf)
      .split(args[1], ro, ri, block.others)
      .reorder({vi, vo, ri, ro, fo})
      .vectorize(vi)
      .unroll(vo)
      .unroll(ri);
  auto acc = product.accumulator;
  auto acc_args = acc.args();
  acc.compute_at(sink, ro).bound_extent(acc_args[0], block.vectors * width);
  keep_in_registers(acc, acc_args[0], width, {product.domain.x});
}

/// Convolutions whose lanes are the channels that they read: a block of all features × columns holds a vector for each, whose lanes are
/// summed at the end.
void schedule_inner_product(Emitter& e, Func sink, const gradc::Type& type, const Product& product) {
  auto args = sink.args();  // (n, feature, x, y)
  // The sums that a strided input gradient is put together from take turns by column and row.
  const auto& strides = product.op->attributes.ints("strides");
  const bool turns = product.op->kind == OpKind::conv2d_input_grad && strides != Ints{1, 1};
  const auto period_x = turns ? strides[1] : 1, period_y = turns ? strides[0] : 1;
  const auto features = type.dims[3], columns = ceil_div(type.dims[2], period_x);
  // The rest of the registers is for a vector of weights each and what they meet.
  const auto block = std::clamp<std::int64_t>((e.target().registers - 1 - features) / features, 1, std::min<std::int64_t>(columns, 16));
  Var xo("xo"), xi("xi"), yo("yo"), yi("yi");
  sink.split(args[2], xo, xi, static_cast<int>(block * period_x), turns ? TailStrategy::GuardWithIf : TailStrategy::ShiftInwards)
      .split(args[3], yo, yi, static_cast<int>(period_y), turns ? TailStrategy::GuardWithIf : TailStrategy::ShiftInwards)
      .reorder({args[1], xi, yi, xo, yo, args[0]});
  if (features > 1)
    sink.vectorize(args[1], e.width(features), TailStrategy::ShiftInwards).unroll(xi);
  else if (turns)
    sink.unroll(args[1]).unroll(xi);
  else
    sink.unroll(args[1]).vectorize(xi, e.width(block), TailStrategy::ShiftInwards);
  sink.unroll(yi);
  auto packed = product.weights;
  packed.compute_root();
  for (auto [sum, lane] : product.lane_sums) {
    auto own = sum.args();
    sum.compute_at(sink, xo);
    first_outermost(sum);
    if (turns) sum.bound_extent(own[2], static_cast<int>(block)).bound_extent(own[3], 1);
    auto add_up = sum.update();
    add_up.atomic().vectorize(lane.x);
    for (const auto& arg : own) {
      sum.unroll(arg);
      add_up.unroll(arg);
    }
  }
  for (auto [part, r] : product.parts) {
    auto own = part.args();
    part.compute_at(sink, xo).vectorize(own[0]);
    auto update = part.update();
    update.reorder({own[0], own[1], own[2], own[3], own[4], r.y, r.x, r.z}).vectorize(own[0]);
    for (std::size_t d = 1; d < own.size(); ++d) {
      part.unroll(own[d]);
      update.unroll(own[d]);
    }
  }
}

}  // namespace

void keep_in_registers(Func acc, const Var& feature, int width, std::vector<VarOrRVar> reduction, std::int64_t depth) {
  auto args = acc.args();
  std::vector<Var> storage = {feature};
  for (const auto& arg : args)
    if (arg.name() != feature.name()) storage.push_back(arg);
  acc.reorder_storage(storage);
  Var vector("vector");
  acc.split(feature, feature, vector, width, TailStrategy::RoundUp).vectorize(vector);
  auto update = acc.update();
  update.split(feature, feature, vector, width, TailStrategy::RoundUp).vectorize(vector);
  // A loop of three steps LLVM unrolls by two, leaves in the middle, and then no longer keeps the accumulators in registers.
  for (int unroll : {8, 4, 2})
    if (depth > 0 && depth % unroll == 0 && depth / unroll != 3) {
      RVar outer("outer"), inner("inner");
      update.split(reduction[0].rvar, outer, inner, unroll).unroll(inner);
      reduction[0] = outer;
      reduction.insert(reduction.begin(), inner);
      break;
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

void schedule_product_of_features(Emitter& e, Func sink, const gradc::Type& type, const Product& product, const Op* pool) {
  const auto& op = *product.op;
  if (op.kind == OpKind::dense_weight_grad_whole) return schedule_whole_gradient(e, sink, type, product);
  bound_all(sink, type, e.images());
  if (op.kind == OpKind::dense || op.kind == OpKind::dense_input_grad) return schedule_dense(e, sink, type, product);
  if (!product.lane_sums.empty()) return schedule_inner_product(e, sink, type, product);

  // Convolutions: (n, feature, x, y). With a pooling in the kernel an output column is a window of the product's columns and rows.
  auto args = sink.args();
  auto features = type.dims[3], columns = type.dims[2];
  std::int64_t pool_rows = 1, pool_columns = 1;
  if (pool != nullptr) {
    pool_rows = pool->attributes.ints("window")[0];
    pool_columns = pool->attributes.ints("window")[1];
  }
  FeatureLanes lanes{features, group_width(e, features, product.groups), product.groups};
  // The input gradient of a depthwise convolution with strides does little for each vector that it writes: half vectors that make up the
  // features lie in one cache line each, and write nothing twice.
  if (lanes.depthwise() && !product.parts.empty() && fill_half_vectors(features, lanes.width)) lanes.width /= 2;
  const auto width = lanes.width;
  const auto& weights = e.type(op.operands[1]).dims;
  // Of an input gradient's transposed kernel the third dimension has the filters of all groups.
  const auto terms = op.kind == OpKind::conv2d ? weights[2] : weights[2] / product.groups;
  auto depth = weights[0] * weights[1] * terms;
  Var fo("fo"), fi("fi"), vo("vo"), vi("vi"), xo("xo"), xi("xi"), yo("yo"), yi("yi");
  const auto& strides = op.attributes.ints("strides");
  const bool parts = !product.parts.empty();
  // The sums that a strided input gradient is put together from take turns by column and row.
  auto period_x = parts ? strides[1] : 1, period_y = parts ? strides[0] : 1;
  const bool share = product.images_share;
  const auto others = share ? e.images() : ceil_div(columns, period_x);
  auto block = lanes.depthwise() ? choose_depthwise_tile(lanes, others,
                                                         {.rows = ceil_div(weights[0], period_y),
                                                          .columns = ceil_div(weights[1], period_x),
                                                          .stride = op.kind == OpKind::conv2d ? strides[1] * pool_columns : 1,
                                                          .dilation = op.attributes.ints("dilation")[1],
                                                          .sums = pool_rows * pool_columns * period_x * period_y},
                                                         e.target(), e.candidate())
                                 : choose_feature_tile(e, lanes, others, depth / (period_x * period_y) + 1, pool_rows * pool_columns);
  sink.split(args[1], fo, fi, block.vectors * width, TailStrategy::ShiftInwards).split(fi, vo, vi, width);
  // Neighbours that share each vector of weights.
  auto& neighbour = share ? args[0] : args[2];
  const bool shifts = share || !parts;  // Columns that parts take turns by stay where they are.
  sink.split(neighbour, xo, xi, static_cast<int>(share ? block.others : block.others * period_x),
             shifts ? TailStrategy::ShiftInwards : TailStrategy::GuardWithIf);
  std::vector<VarOrRVar> order = {vi, vo, xi};
  Var column_turn("column_turn"), column = args[2], row = args[3];
  if (parts) {
    row = yo;
    sink.split(args[3], yo, yi, static_cast<int>(period_y), TailStrategy::GuardWithIf);
    order.push_back(yi);
  }
  if (parts && share) {
    column = Var("column");
    sink.split(args[2], column, column_turn, static_cast<int>(period_x), TailStrategy::GuardWithIf);
    order.push_back(column_turn);
  }
  // Loops over blocks, the innermost first. Feature blocks outermost: their weights stay in the cache while the images pass, or, in groups,
  // where they are few, while one does. Depthwise convolutions have hardly any, and make all features of a row, or of a few columns where
  // blocks of features end within a cache line, while its lines are there.
  constexpr std::int64_t kFloatsOfLine = kLineBytes / 4;
  std::vector<Var> loops;
  if (share)
    loops = {column, row, xo, fo};
  else if (lanes.depthwise() && features % kFloatsOfLine != 0)
    loops = {fo, xo, row, args[0]};
  else if (lanes.depthwise())
    loops = {xo, fo, row, args[0]};
  else if (lanes.groups > 1)
    loops = {xo, row, fo, args[0]};
  else
    loops = {xo, row, args[0], fo};
  order.insert(order.end(), loops.begin(), loops.end());
  sink.reorder(order).vectorize(vi).unroll(vo).unroll(xi);
  if (parts) sink.unroll(yi);
  if (parts && share) sink.unroll(column_turn);
  if (product.unroll_columns) sink.unroll(xo);
  auto in_registers = [&](Func acc, const RDom& r) {
    acc.compute_at(sink, loops[0]);
    if (lanes.groups > 1 && !lanes.depthwise()) acc.align_bounds(acc.args()[1], width).bound_extent(acc.args()[1], block.vectors * width);
    // The terms of a sum are added by kernel row, kernel column and depth, as tf.js's CPU backend adds them: where a relu or pooling
    // decides between nearly equal values, it then decides as tf.js does, rounding for rounding.
    keep_in_registers(acc, acc.args()[1], width, {r.y, r.x, r.z}, terms);
    // The columns of a depthwise kernel share what they read.
    if (product.unroll_columns || (terms == 1 && weights[1] <= 7)) acc.update().unroll(r.x);
    if (parts && terms == 1 && ceil_div(weights[0], period_y) <= 2) acc.update().unroll(r.z);
  };
  // Rows of a block's weights lie a whole row of the kernel apart, so that they meet in few of a cache's sets. Where the kernel is larger
  // than L2, the block does not stay there while the images pass, unless it is copied to where it lies dense. That pays where it is read
  // often.
  const auto reads = (share ? columns : e.images()) * ceil_div(type.dims[1], period_y) * ceil_div(others, block.others);
  const bool large = e.type(op.operands[1]).elements() * 4 > e.target().l2 && features % width == 0;
  if (product.groups == 1 && large && reads >= cost::kReadsOfPackedWeights) {
    auto packed = product.weights;
    auto own = packed.args();
    packed.compute_at(sink, fo).bound_extent(own[0], block.vectors * width).vectorize(own[0], width);
  }
  if (!parts) return in_registers(product.accumulator, product.domain);
  for (const auto& [acc, domain] : product.parts) {
    auto part = acc;
    part.bound_extent(part.args()[2], share ? 1 : block.others).bound_extent(part.args()[3], 1);
    in_registers(part, domain);
  }
}

}  // namespace gradc
