// Schedules of kernels whose lanes are images, and of pointwise kernels with either lanes. Where the lanes of a vector are the images of a
// tile, every element of an image is one vector, weights are broadcast scalars, and no loop has a remainder in its lanes.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "backends/halide/emitter.h"
#include "backends/halide/windows.h"
#include "ir/dense_kernel.h"

namespace gradc {
namespace {

using namespace Halide;

std::vector<std::int64_t> fast_dims(const gradc::Type& type) {
  auto dims = type.image_dims();
  std::reverse(dims.begin(), dims.end());
  return dims;
}

/// The sums that a strided input gradient is put together from, which take turns by column, row and plane: a block holds as many columns
/// and rows of each, so that which one a pixel takes is known at compile time.
void schedule_parts(Func consumer, const Contraction& product, std::int64_t channels, std::int64_t columns) {
  auto args = consumer.args();
  const auto strides = columns_first(product.op->attributes.ints("strides"));
  Var co("co"), ci("ci"), xo("xo"), xi("xi");
  consumer.split(args[1], co, ci, static_cast<int>(channels))
      .split(args[2], xo, xi, static_cast<int>(columns * strides[0]), TailStrategy::GuardWithIf);
  const auto rows = cut_rows(consumer, strides, TailStrategy::GuardWithIf);
  const auto unrolled = followed_by<VarOrRVar>({ci, xi}, rows.inner);
  auto order = followed_by<VarOrRVar>({args[0]}, unrolled);
  order.emplace_back(xo);
  order = followed_by(std::move(order), rows.outer);
  order.emplace_back(co);
  consumer.reorder(order).vectorize(args[0]);
  for (const auto& each : unrolled) consumer.unroll(each);
  if (product.unroll_columns) consumer.unroll(xo);
  for (const auto& [acc, domain] : product.parts) {
    auto part = acc;
    auto own = part.args();
    part.compute_at(consumer, xo).bound_extent(own[2], static_cast<int>(columns));
    for (std::size_t d = 3; d < own.size(); ++d) part.bound_extent(own[d], 1);
    part.vectorize(own[0]).unroll(own[1]).unroll(own[2]);
    part.update().reorder(followed_by<VarOrRVar>({own.begin(), own.end()}, loops_over_terms(domain)));
    part.update().vectorize(own[0]).unroll(own[1]).unroll(own[2]);
    if (product.unroll_columns) part.update().unroll(domain.x);
  }
}

/// Into how many features to cut the last dimension of a result so that of what is padded or joined along it each cut has one part: 0 where
/// that makes no whole vectors, or many cuts.
int features_of_part(const Emitter& e, std::int64_t features) {
  auto part = features;
  auto cut = [&](std::int64_t at) { part = std::gcd(part, at); };
  for (const auto& op : e.graph().ops) {
    if (op.kind != OpKind::pad && op.kind != OpKind::concat) continue;
    const auto& dims = e.type(op.result()).dims;
    if (dims.back() != features) continue;
    if (op.kind == OpKind::pad) {
      cut(op.attributes.ints("before").back());
      cut(op.attributes.ints("after").back());
    } else if (op.attributes.integer("axis") == static_cast<std::int64_t>(dims.size()) - 1) {
      for (auto operand : op.operands) cut(e.type(operand).dims.back());
    }
  }
  constexpr int kMostCuts = 8, kLeastFeatures = 4;
  const auto whole = e.lanes_are_features() ? e.vector() : kLeastFeatures;
  return part == features || part % whole != 0 || features / part > kMostCuts ? 0 : static_cast<int>(part);
}

/// The features of a part, whose parts are unrolled, or all of them.
Var cut_at_parts(const Emitter& e, Func consumer, const gradc::Type& type) {
  const auto all = consumer.args()[1];
  const auto part = features_of_part(e, fast_dims(type)[0]);
  if (part == 0) return all;
  Var outer("part"), inner("feature");
  consumer.split(all, outer, inner, part).unroll(outer);
  return inner;
}

}  // namespace

void bound_all(Func func, const gradc::Type& type, int images) {
  auto args = func.args();
  std::size_t d = 0;
  if (type.batched()) func.bound(args[d++], 0, images);
  for (auto extent : fast_dims(type)) func.bound(args[d++], 0, static_cast<int>(extent));
}

void schedule_map(const Emitter& e, Func consumer, const gradc::Type& type) {
  bound_all(consumer, type, e.images());
  auto args = consumer.args();
  if (type.batched() && e.lanes_are_features()) {
    if (args.size() == 1) return;
    std::vector<VarOrRVar> order(args.begin() + 1, args.end());
    order.push_back(args[0]);
    consumer.reorder(order);
    const auto feature = cut_at_parts(e, consumer, type);
    consumer.vectorize(feature, e.width(fast_dims(type)[0]), TailStrategy::ShiftInwards);
  } else if (type.batched()) {
    consumer.vectorize(args[0]);
    if (args.size() == 1) return;
    const auto feature = cut_at_parts(e, consumer, type);
    // Four vectors at a time keep loads in flight.
    if (fast_dims(type)[0] >= 4) {
      Var outer, inner;
      consumer.split(feature, outer, inner, 4).unroll(inner);
    }
  } else if (!args.empty() && fast_dims(type)[0] >= e.vector()) {
    if (args.size() > 1 && e.has(OpKind::transpose)) {
      // Rows that are read are columns that are written: a block of as many of both reads whole cache lines while they are in the cache.
      Var xo("xo"), xi("xi"), yo("yo"), yi("yi");
      consumer.tile(args[0], args[1], xo, yo, xi, yi, e.vector(), e.vector(), TailStrategy::GuardWithIf).vectorize(xi);
      return;
    }
    consumer.vectorize(args[0], e.vector(), TailStrategy::GuardWithIf);
  }
}

void schedule_product(Emitter& e, Func consumer, const gradc::Type& type, const Contraction& product, const Op* pool) {
  if (e.lanes_are_features()) return schedule_product_of_features(e, consumer, type, product, pool);
  bound_all(consumer, type, e.images());
  auto args = consumer.args();
  auto dims = fast_dims(type);
  auto acc = product.accumulator;
  auto acc_args = acc.args();
  const auto& op = *product.op;
  auto& r = product.domain;
  Var co("co"), ci("ci"), xo("xo"), xi("xi");

  if (op.kind == OpKind::matmul) return schedule_matrices(e, consumer, type, product);
  if (op.kind == OpKind::dense || op.kind == OpKind::dense_input_grad) {
    // One vector of inputs meets a column of weights.
    const DenseKernel kernel(e.type(op.operands[1]));
    const bool lines = kernel.in_blocks || !has_wide_rows(kernel.outputs);
    const auto block = choose_outputs_of_images(kernel.outputs, lines, e.target());
    consumer.split(args[1], co, ci, static_cast<int>(block)).unroll(ci).vectorize(args[0]);
    acc.compute_at(consumer, co).vectorize(acc_args[0]).unroll(acc_args[1]);
    std::vector<VarOrRVar> order = {acc_args[0], acc_args[1], r.x};
    acc.update().reorder(order).vectorize(acc_args[0]).unroll(acc_args[1]);
    return;
  }

  // Convolutions: (n, channel, x, y, z). With a pooling in the kernel an output column is a window of the product's columns and rows.
  const PooledPixels pooled(pool);
  const auto along = columns_first(e.graph().iteration(op).windows);
  const auto terms = terms_of_channels(e, product);
  auto depth = terms;
  for (std::size_t d = 1; d < along.size(); ++d) depth *= along[d].size;
  auto block = choose_image_tile({.channels = dims[0],
                                  .columns = dims[1],
                                  .depth = depth,
                                  .kernel_columns = along[0].size,
                                  .stride = op.kind == OpKind::conv ? along[0].stride : 1,
                                  .dilation = along[0].dilation,
                                  .pool_rows = pooled.rows,
                                  .pool_columns = pooled.columns,
                                  .groups = product.groups},
                                 e.target(), e.candidate());
  if (!product.parts.empty()) return schedule_parts(consumer, product, block.channels, block.columns);
  // Channel blocks outermost: their weights stay in L1 while the image passes.
  std::vector<VarOrRVar> order = {args[0], ci, xi, xo};
  order.insert(order.end(), args.begin() + 3, args.end());
  order.emplace_back(co);
  consumer.split(args[1], co, ci, static_cast<int>(block.channels))
      .split(args[2], xo, xi, static_cast<int>(block.columns))
      .reorder(order)
      .vectorize(args[0])
      .unroll(ci)
      .unroll(xi);
  if (product.unroll_columns) consumer.unroll(xo);
  acc.compute_at(consumer, xo).vectorize(acc_args[0]);
  auto update = acc.update();
  // The columns of a depthwise kernel share what they read.
  if (product.unroll_columns || (terms == 1 && product.groups > 1)) update.unroll(r.x);
  update.reorder(followed_by<VarOrRVar>({acc_args.begin(), acc_args.end()}, loops_over_terms(r))).vectorize(acc_args[0]);
  for (std::size_t d = 1; d < acc_args.size(); ++d) {
    acc.unroll(acc_args[d]);
    update.unroll(acc_args[d]);
  }
}

std::vector<VarOrRVar> loops_over_terms(const RDom& r) {
  std::vector<VarOrRVar> loops = {r.y, r.x};
  for (int d = 2; d < r.dimensions(); ++d) loops.emplace_back(r[d]);
  return loops;
}

PooledPixels::PooledPixels(const Op* pool) {
  if (pool == nullptr) return;
  const auto window = columns_first(pool->attributes.ints("window"));
  columns = window[0];
  for (std::size_t d = 1; d < window.size(); ++d) rows *= window[d];
}

std::int64_t terms_of_channels(const Emitter& e, const Contraction& product) {
  const auto channels = e.type(product.op->operands[1]).dims.end()[-2];
  return product.op->kind == OpKind::conv ? channels : channels / product.groups;
}

std::vector<Var> first_outermost(Func func) {
  auto args = func.args();
  std::rotate(args.begin(), args.begin() + 1, args.end());
  func.reorder_storage(args);
  return args;
}

Func sum_images(Emitter& e, Func of_images, const std::vector<Var>& index, const gradc::Type& type) {
  RDom image(0, e.images());
  Func sum("image_sum");
  std::vector<Expr> call(index.begin(), index.end());
  call.insert(call.begin(), image);
  if (e.lanes_are_features() && e.images() == 1) {
    call[0] = 0;
    sum(index) = of_images(call);
    return sum;
  }
  sum(index) = 0.0f;
  sum(index) += of_images(call);
  sum.compute_root();
  if (!e.lanes_are_features())
    sum.update().atomic().vectorize(image);
  else if (!index.empty())
    sum.update().reorder(index[0], image).vectorize(index[0], e.width(type.dims.back()), TailStrategy::GuardWithIf);
  return sum;
}

}  // namespace gradc
