// Sums over axes, argmax, one-hot, and the reduction of partial sums.
#include <algorithm>

#include "backends/halide/emitter.h"
#include "passes/shard.h"
#include "support/error.h"

namespace gradc {
namespace {

using namespace Halide;

bool contains(const Ints& list, std::int64_t value) { return std::find(list.begin(), list.end(), value) != list.end(); }

/// Schedules a sum over the pixels of an image with channels as lanes: eight sums side by side, each of every eighth pixel of a row, hide
/// the latency of an addition. Returns false where channels are not made up of whole vectors, or of very few small ones.
bool sum_pixels_side_by_side(const Emitter& e, Func sum, const Var& channel, const RDom& pixels, std::int64_t channels) {
  int width = e.width(channels);
  while (channels % width != 0) width /= 2;
  if (width < 4 && channels / width > 3) return false;
  Var outer("outer"), lane("lane"), turn("turn");
  RVar group("group"), member("member");
  sum.update().split(pixels[0], group, member, 8);
  auto turns = sum.update().rfactor(member, turn);
  auto args = sum.args();
  sum.compute_root().vectorize(channel, width);
  first_outermost(sum);
  sum.update().split(channel, outer, lane, width).reorder(lane, member, outer).vectorize(lane).unroll(member);
  turns.compute_at(sum, outer).bound_extent(channel, width).bound_extent(turn, 8);
  turns.reorder_storage(channel, turn).vectorize(channel).unroll(turn);
  std::vector<VarOrRVar> order = {channel, turn, group};
  for (int i = 1; i < pixels.dimensions(); ++i) order.push_back(pixels[i]);
  turns.update().reorder(order).vectorize(channel).unroll(turn);
  return true;
}

}  // namespace

void halide_reduce_sum(Emitter& e, const Op& op) {
  const auto &x = e.type(op.operands[0]), &y = e.type(op.result());
  const auto& axes = op.attributes.ints("axes");
  bool keep = op.attributes.integer("keep_dims") != 0, over_batch = sums_over_batch(e.graph(), op);
  // The summed dimensions make the reduction domain, fastest first; the others keep their place.
  std::vector<Range> ranges;
  for (int d = x.rank(); d-- > (x.batched() ? 1 : 0);)
    if (contains(axes, d)) ranges.push_back({0, static_cast<int>(x.dims[d])});
  auto vars = e.indices(y);
  std::vector<Expr> index;
  RDom r;
  if (!ranges.empty()) r = RDom(ranges, "r");
  std::size_t next_range = 0, next_var = 0;
  for (int d = x.rank(); d-- > (x.batched() ? 1 : 0);) {
    if (contains(axes, d)) {
      index.push_back(Expr(r[static_cast<int>(next_range++)]));
      if (keep) ++next_var;
    } else {
      index.push_back(vars[next_var++]);
    }
  }
  auto args = e.arguments_of(y);
  if (over_batch) args.insert(args.begin(), e.n);
  Func lanes("sum");
  // Where the last dimension stays, its elements are summed side by side.
  auto features = !contains(axes, x.rank() - 1) && x.rank() > 1 && !y.dims.empty() ? y.dims.back() : 0;
  if (ranges.empty()) {
    lanes(args) = e.at(op.operands[0], e.n, index);
  } else {
    lanes(args) = 0.0f;
    lanes(args) += e.at(op.operands[0], e.n, index);
  }
  const bool of_pixels = e.lanes_are_features() && x.batched() && features > 0 && args.size() > 1 && !ranges.empty() &&
                         x.dims[x.rank() - 2] >= 8 && contains(axes, x.rank() - 2);
  const bool scheduled = of_pixels && sum_pixels_side_by_side(e, lanes, vars[0], r, features);
  if (!over_batch) {
    if (scheduled) return e.define(op.result(), lanes);
    if (!x.batched())
      lanes.compute_root();
    else if (!ranges.empty())
      e.store(lanes, features);
    e.define(op.result(), lanes);
    return;
  }
  if (!scheduled) e.store(lanes, features);
  // Channels that are summed over pixels: eight of them side by side hide the latency of an addition.
  if (!ranges.empty() && !vars.empty() && !e.lanes_are_features()) {
    auto channels = static_cast<int>(y.dims.back());
    int block = 1;
    for (int b : {8, 6, 5, 4, 7, 3, 2})
      if (block == 1 && channels % b == 0) block = b;
    if (block > 1) {
      Var outer, inner;
      std::vector<VarOrRVar> order = {e.n, inner};
      for (std::size_t i = 0; i < ranges.size(); ++i) order.push_back(r[static_cast<int>(i)]);
      order.push_back(outer);
      lanes.update().split(vars[0], outer, inner, block).reorder(order).unroll(inner);
    }
  }
  e.accumulate(op.result(), sum_images(e, lanes, vars, y));
}

void halide_argmax(Emitter& e, const Op& op) {
  const auto &x = e.type(op.operands[0]), &y = e.type(op.result());
  auto vars = e.indices(y);
  RDom r(0, static_cast<int>(x.dims.back()), "r");
  std::vector<Expr> index(vars.begin(), vars.end()), args;
  for (const auto& var : e.arguments_of(y)) args.push_back(var);
  index.insert(index.begin(), r);
  Func best("argmax");
  best(e.arguments_of(y)) = Tuple(Float(32).min(), 0.0f);
  auto value = e.at(op.operands[0], e.n, index);
  Expr better = value > best(args)[0];
  best(e.arguments_of(y)) = Tuple(select(better, value, best(args)[0]), select(better, cast<float>(r), best(args)[1]));
  if (y.batched())
    e.store(best, 0);
  else
    best.compute_root();
  e.define(op.result(), best, 1);
}

void halide_one_hot(Emitter& e, const Op& op) {
  const auto& y = e.type(op.result());
  auto vars = e.indices(y);
  std::vector<Expr> index(vars.begin() + 1, vars.end());
  Func f("one_hot");
  f(e.arguments_of(y)) = select(e.at(op.operands[0], e.n, index) == cast<float>(vars[0]), 1.0f, 0.0f);
  e.define(op.result(), f);
}

void halide_batch_moments(Emitter&, const Op&) { throw InternalError("batch_moments is decomposed before kernels are made"); }

void halide_reduce(Emitter& e, const Op& op) {
  auto vars = e.indices(e.type(op.result()));
  std::vector<Expr> index(vars.begin(), vars.end());
  Func f("reduce");
  f(e.arguments_of(e.type(op.result()))) = e.partial_sum(op.operands[0], index);
  e.define(op.result(), f);
}

}  // namespace gradc
