// Sums over axes, argmax, one-hot, and the reduction of partial sums.
#include <algorithm>
#include <functional>
#include <string>

#include "backends/halide/emitter.h"
#include "gradc/error.h"

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
  auto chains = sum.update().rfactor(member, turn);
  auto args = sum.args();
  sum.compute_root().vectorize(channel, width);
  first_outermost(sum);
  sum.update().split(channel, outer, lane, width).reorder(lane, member, outer).vectorize(lane).unroll(member);
  chains.compute_at(sum, outer).bound_extent(channel, width).bound_extent(turn, 8);
  chains.reorder_storage(channel, turn).vectorize(channel).unroll(turn);
  std::vector<VarOrRVar> order = {channel, turn, group};
  for (int i = 1; i < pixels.dimensions(); ++i) order.push_back(pixels[i]);
  chains.update().reorder(order).vectorize(channel).unroll(turn);
  return true;
}

/// The most terms that one accumulator adds up where a sum has more: rounding errors grow with them, and each addition waits for the last.
constexpr std::int64_t kMostTerms = 64;

/// A sum along several ranges, a range at a time, and long ranges in blocks, so that no accumulator adds up many more than kMostTerms.
/// `read` gives the term at a place along each range. Returns what remains to be summed, by a sum of one range of this extent.
struct LongSum {
  int extent = 1;
  std::function<Expr(const Expr&)> term;
};

LongSum sum_by_ranges(Emitter& e, std::vector<int> extents, std::function<Expr(std::vector<Expr>)> read, const std::vector<Var>& args) {
  const std::vector<Expr> same(args.begin(), args.end());
  while (extents.size() > 1 || extents[0] > kMostTerms) {
    const int extent = extents[0],
              terms = static_cast<int>(std::min<std::int64_t>(extent, extents.size() > 1 ? 4 * kMostTerms : kMostTerms));
    const int blocks = (extent + terms - 1) / terms;
    std::vector<Var> rest;
    for (std::size_t i = 0; i < extents.size(); ++i) rest.emplace_back("rest" + std::to_string(i));
    RDom r(0, terms);
    std::vector<Expr> at(rest.begin(), rest.end());
    const Expr place = rest[0] * terms + r;
    at[0] = blocks * terms == extent ? place : min(place, extent - 1);
    const Expr term = blocks * terms == extent ? read(at) : select(place < extent, read(at), 0.0f);
    Func sum("sum_of_some");
    auto all = args;
    all.insert(all.end(), rest.begin(), rest.end());
    sum(all) = 0.0f;
    sum(all) += term;
    const bool of_images = !args.empty() && args[0].name() == e.n.name();
    if (of_images)
      e.store(sum, 0);
    else
      sum.compute_root();
    if (const int width = e.width(terms); (e.lanes_are_features() || !of_images) && width > 1 && terms % width == 0) {
      RVar outer("outer"), lane("lane");
      sum.update().split(r, outer, lane, width).atomic().vectorize(lane);
    }
    // What is left of a range in blocks are its blocks.
    extents[0] = blocks;
    const bool done = blocks == 1 && extents.size() > 1;
    if (done) extents.erase(extents.begin());
    read = [=](std::vector<Expr> places) {
      if (done) places.insert(places.begin(), 0);
      places.insert(places.begin(), same.begin(), same.end());
      return sum(places);
    };
  }
  return {extents[0], [=](const Expr& place) { return read({place}); }};
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
  auto read = [&](const std::vector<Expr>& places) {
    std::vector<Expr> index;
    std::size_t next_range = 0, next_var = 0;
    for (int d = x.rank(); d-- > (x.batched() ? 1 : 0);) {
      if (contains(axes, d)) {
        index.push_back(places[next_range++]);
        if (keep) ++next_var;
      } else {
        index.push_back(vars[next_var++]);
      }
    }
    return e.at(op.operands[0], e.n, index);
  };
  auto args = e.arguments_of(y);
  if (over_batch) args.insert(args.begin(), e.n);
  Func lanes("sum");
  // Where the last dimension stays, its elements are summed side by side.
  auto features = !contains(axes, x.rank() - 1) && x.rank() > 1 && !y.dims.empty() ? y.dims.back() : 0;
  std::int64_t terms = 1;
  std::vector<int> extents;
  for (const auto& range : ranges) extents.push_back(static_cast<int>(*as_const_int(range.extent)));
  for (auto extent : extents) terms *= extent;
  RDom r;
  if (ranges.empty()) {
    lanes(args) = read({});
  } else if (features == 0 && terms > kMostTerms) {
    auto last = sum_by_ranges(e, extents, read, args);
    r = RDom(0, last.extent);
    lanes(args) = 0.0f;
    lanes(args) += last.term(r);
  } else {
    r = RDom(ranges, "r");
    std::vector<Expr> places;
    for (int i = 0; i < r.dimensions(); ++i) places.emplace_back(r[i]);
    lanes(args) = 0.0f;
    lanes(args) += read(places);
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
      for (int i = 0; i < r.dimensions(); ++i) order.push_back(r[i]);
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

void halide_reduce(Emitter& e, const Op& op) {
  auto vars = e.indices(e.type(op.result()));
  std::vector<Expr> index(vars.begin(), vars.end());
  Func f("reduce");
  f(e.arguments_of(e.type(op.result()))) = e.partial_sum(op.operands[0], index);
  e.define(op.result(), f);
}

}  // namespace gradc
