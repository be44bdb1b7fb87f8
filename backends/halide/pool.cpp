// Poolings and their gradients. Arguments are (n, channel, x, y, z), as many of the last as there are spatial dimensions.
#include <functional>
#include <limits>

#include "backends/halide/emitter.h"
#include "backends/halide/nan.h"
#include "backends/halide/windows.h"
#include "ir/op.h"

namespace gradc {
namespace {

using namespace Halide;

using Place = std::vector<Expr>;  ///< Columns first.

struct Geometry {
  std::vector<Window> along;  ///< Columns first.

  /// `images`: those that are not pooled.
  Geometry(const Op& op, const gradc::Type& images)
      : along(columns_first(windows_of({{}, op.attributes}, spatial_dims(images), op.attributes.ints("window")))) {}

  std::size_t spatial() const { return along.size(); }
  bool inside_always() const {
    return std::all_of(along.begin(), along.end(), [](const Window& window) { return window.before == 0 && window.after == 0; });
  }
  Expr inside(const Place& at) const {
    Expr all;
    for (std::size_t d = 0; d < spatial(); ++d) also(all, at[d] >= 0 && at[d] < static_cast<int>(along[d].input));
    return all;
  }
  Place clamped(Place at) const {
    for (std::size_t d = 0; d < spatial(); ++d) at[d] = clamp(at[d], 0, static_cast<int>(along[d].input) - 1);
    return at;
  }
  /// Where the window of a pooled pixel begins, perhaps before the image, moved by `k`.
  Place read(const std::vector<Var>& pooled, const Place& k) const {
    Place at;
    for (std::size_t d = 0; d < spatial(); ++d)
      at.push_back(pooled[d] * static_cast<int>(along[d].stride) - static_cast<int>(along[d].before) + k[d]);
    return at;
  }
  /// The number of a place within a window, row-major.
  Expr number(const Place& k) const {
    Expr number = k.back();
    for (auto d = spatial() - 1; d-- > 0;) number = number * static_cast<int>(along[d].size) + k[d];
    return number;
  }
  std::int64_t pixels() const {
    std::int64_t pixels = 1;
    for (const auto& window : along) pixels *= window.size;
    return pixels;
  }
  RDom domain() const {
    std::vector<Range> ranges;
    for (const auto& window : along) ranges.emplace_back(0, static_cast<int>(window.size));
    return {ranges, "r"};
  }
  /// How many pixels of the images a window holds.
  Expr count(const Place& pooled) const {
    Expr count;
    for (std::size_t d = 0; d < spatial(); ++d) {
      const Expr at = pooled[d] * static_cast<int>(along[d].stride) - static_cast<int>(along[d].before);
      const Expr span = min(at + static_cast<int>(along[d].size), static_cast<int>(along[d].input)) - max(at, 0);
      count = count.defined() ? count * span : span;
    }
    return cast<float>(count);
  }
};

Place places_of(const RDom& r) {
  Place places;
  for (int d = 0; d < r.dimensions(); ++d) places.emplace_back(r[d]);
  return places;
}

/// Calls visit(pooled place, place in the window, whether there is such a window) for every window that may hold the pixel at `at`: with
/// stride s and size k these are at most ceil(k / s) a direction.
void for_each_window(const Geometry& g, const std::vector<Var>& at,
                     const std::function<void(const Place& pooled, const Expr& number, const Expr& is)>& visit) {
  Place pooled(g.spatial()), clamped(g.spatial()), k(g.spatial());
  std::function<void(std::size_t)> along = [&](std::size_t dimensions) {
    if (dimensions == 0) {
      Expr is;
      for (auto d = g.spatial(); d-- > 0;) also(is, k[d] < static_cast<int>(g.along[d].size));
      for (auto d = g.spatial(); d-- > 0;) also(is, pooled[d] >= 0 && pooled[d] < static_cast<int>(g.along[d].output));
      return visit(clamped, g.number(k), is);
    }
    const auto d = dimensions - 1;
    const auto& window = g.along[d];
    const int stride = static_cast<int>(window.stride), before = static_cast<int>(window.before);
    for (int i = 0; i < (window.size + stride - 1) / stride; ++i) {
      pooled[d] = (at[d] + before) / stride - i;
      k[d] = at[d] + before - pooled[d] * stride;
      clamped[d] = clamp(pooled[d], 0, static_cast<int>(window.output) - 1);
      along(d);
    }
  };
  along(g.spatial());
}

}  // namespace

void halide_max_pool(Emitter& e, const Op& op) {
  const auto& x = e.type(op.operands[0]);
  const Geometry g(op, x);
  const bool inside = g.inside_always();
  auto index_type = e.type(op.results[1]).dtype == DType::u8 ? UInt(8) : Int(32);
  Var c("c");
  const auto pooled = place_variables(g.spatial(), "p");
  const auto args = followed_by<Var>({e.n, c}, pooled);
  auto pixel = [&](const Place& k) {
    const auto at = g.read(pooled, k);
    auto value = e.at(op.operands[0], e.n, followed_by<Expr>({c}, inside ? at : g.clamped(at)));
    return inside ? value : select(g.inside(at), value, Float(32).min());
  };
  Func pool("max_pool");
  if (g.pixels() <= 4) {
    // Small windows are one expression: pairwise, which keeps the first of equals as a chain would, as each half is in order.
    std::vector<std::pair<Expr, Expr>> candidates;
    Expr largest_bits;
    for (int number = 0; number < g.pixels(); ++number) {
      Place k;
      int rest = number;
      for (const auto& window : g.along) {
        k.emplace_back(rest % static_cast<int>(window.size));
        rest /= static_cast<int>(window.size);
      }
      candidates.push_back({pixel(k), cast(index_type, number)});
      auto bits = magnitude_bits(candidates.back().first);
      largest_bits = largest_bits.defined() ? max(largest_bits, bits) : bits;
    }
    while (candidates.size() > 1) {
      std::vector<std::pair<Expr, Expr>> winners;
      for (std::size_t i = 0; i + 1 < candidates.size(); i += 2) {
        auto &a = candidates[i], &b = candidates[i + 1];
        auto second = b.first > a.first;
        winners.push_back({select(second, b.first, a.first), select(second, b.second, a.second)});
      }
      if (candidates.size() % 2 == 1) winners.push_back(candidates.back());
      candidates = winners;
    }
    auto largest = select(largest_bits > kInfinityBits, std::numeric_limits<float>::quiet_NaN(), candidates[0].first);
    pool(args) = Tuple(largest, candidates[0].second);
  } else {
    const auto r = g.domain();
    // The index starts at the first pixel inside the image, so that an index is inside whatever the values are.
    Place first;
    for (std::size_t d = 0; d < g.spatial(); ++d)
      first.push_back(max(static_cast<int>(g.along[d].before) - pooled[d] * static_cast<int>(g.along[d].stride), 0));
    pool(args) = Tuple(Float(32).min(), cast(index_type, g.number(first)));
    auto value = pixel(places_of(r));
    Expr best = pool(args)[0];
    Expr better = !is_nan_by_bits(best) && (value > best || is_nan_by_bits(value));
    pool(args) = Tuple(select(better, value, best), select(better, cast(index_type, g.number(places_of(r))), pool(args)[1]));
    e.store(pool, x.dims.back());
  }
  e.define(op.results[0], pool, 0);
  e.define(op.results[1], pool, 1);
}

void halide_max_pool_grad(Emitter& e, const Op& op) {
  const Geometry g(op, e.type(op.result()));
  Var c("c");
  const auto at = place_variables(g.spatial());
  Expr sum;
  for_each_window(g, at, [&](const Place& pooled, const Expr& number, const Expr& is) {
    const auto index = followed_by<Expr>({c}, pooled);
    auto chosen = cast<int>(e.at(op.operands[1], e.n, index)) == number;
    auto part = select(is && chosen, e.at(op.operands[0], e.n, index), 0.0f);
    sum = sum.defined() ? sum + part : part;
  });
  Func f("max_pool_grad");
  f(followed_by<Var>({e.n, c}, at)) = sum;
  e.define(op.result(), f);
}

void halide_avg_pool(Emitter& e, const Op& op) {
  const auto& x = e.type(op.operands[0]);
  const Geometry g(op, x);
  Var c("c");
  const auto pooled = place_variables(g.spatial(), "p");
  const auto args = followed_by<Var>({e.n, c}, pooled);
  const auto r = g.domain();
  const auto at = g.read(pooled, places_of(r));
  auto value = e.at(op.operands[0], e.n, followed_by<Expr>({c}, g.clamped(at)));
  Func sum("pool_sum"), pool("avg_pool");
  sum(args) = 0.0f;
  sum(args) += select(g.inside(at), value, 0.0f);
  e.store(sum, x.dims.back());
  pool(args) = sum(args) / g.count({pooled.begin(), pooled.end()});
  e.define(op.result(), pool);
}

void halide_avg_pool_grad(Emitter& e, const Op& op) {
  const Geometry g(op, e.type(op.result()));
  Var c("c");
  const auto at = place_variables(g.spatial());
  Expr sum = 0.0f;
  for_each_window(g, at, [&](const Place& pooled, const Expr&, const Expr& is) {
    sum = sum + select(is, e.at(op.operands[0], e.n, followed_by<Expr>({c}, pooled)) / g.count(pooled), 0.0f);
  });
  Func f("avg_pool_grad");
  f(followed_by<Var>({e.n, c}, at)) = sum;
  e.define(op.result(), f);
}

}  // namespace gradc
