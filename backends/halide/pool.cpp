// Poolings and their gradients. Arguments are (n, channel, x, y).
#include <limits>

#include "backends/halide/emitter.h"
#include "backends/halide/nan.h"

namespace gradc {
namespace {

using namespace Halide;

struct Geometry {
  int rows, columns, stride_y, stride_x, top, left, height, width;  // height and width of the unpooled images

  Geometry(const Op& op, std::int64_t input_height, std::int64_t input_width) {
    const auto &window = op.attributes.ints("window"), &strides = op.attributes.ints("strides"), &padding = op.attributes.ints("padding");
    rows = static_cast<int>(window[0]);
    columns = static_cast<int>(window[1]);
    stride_y = static_cast<int>(strides[0]);
    stride_x = static_cast<int>(strides[1]);
    top = static_cast<int>(padding[0]);
    left = static_cast<int>(padding[2]);
    height = static_cast<int>(input_height);
    width = static_cast<int>(input_width);
  }
  bool inside_always(const Op& op) const {
    for (auto p : op.attributes.ints("padding"))
      if (p > 0) return false;
    return true;
  }
  Expr inside(const Expr& x, const Expr& y) const { return x >= 0 && x < width && y >= 0 && y < height; }
  /// How many pixels of the images a window holds.
  Expr count(const Expr& px, const Expr& py) const {
    auto span = [](const Expr& at, int size, int limit) { return min(at + size, limit) - max(at, 0); };
    return cast<float>(span(px * stride_x - left, columns, width) * span(py * stride_y - top, rows, height));
  }
};

/// Calls visit(pooled x, pooled y, place in the window, whether there is such a window) for every window that may hold pixel (x, y): with
/// stride s and size k these are at most ceil(k / s) a direction.
template <class Visit>
void for_each_window(const Geometry& g, const Expr& x, const Expr& y, int pooled_width, int pooled_height, Visit visit) {
  for (int i = 0; i < (g.rows + g.stride_y - 1) / g.stride_y; ++i)
    for (int j = 0; j < (g.columns + g.stride_x - 1) / g.stride_x; ++j) {
      Expr py = (y + g.top) / g.stride_y - i, px = (x + g.left) / g.stride_x - j;
      Expr ky = y + g.top - py * g.stride_y, kx = x + g.left - px * g.stride_x;
      Expr is = ky < g.rows && kx < g.columns && py >= 0 && py < pooled_height && px >= 0 && px < pooled_width;
      visit(clamp(px, 0, pooled_width - 1), clamp(py, 0, pooled_height - 1), ky * g.columns + kx, is);
    }
}

}  // namespace

void halide_max_pool2d(Emitter& e, const Op& op) {
  const auto& x = e.type(op.operands[0]).dims;
  Geometry g(op, x[1], x[2]);
  bool inside = g.inside_always(op);
  auto index_type = e.type(op.results[1]).dtype == DType::u8 ? UInt(8) : Int(32);
  Var c("c"), px("px"), py("py");
  auto pixel = [&](const Expr& kx, const Expr& ky) {
    Expr at_x = px * g.stride_x - g.left + kx, at_y = py * g.stride_y - g.top + ky;
    auto value = e.at(op.operands[0], e.n, {c, inside ? at_x : clamp(at_x, 0, g.width - 1), inside ? at_y : clamp(at_y, 0, g.height - 1)});
    return inside ? value : select(g.inside(at_x, at_y), value, Float(32).min());
  };
  Func pool("max_pool");
  if (g.rows * g.columns <= 4) {
    // Small windows are one expression: pairwise, which keeps the first of equals as a chain would, as each half is in order.
    std::vector<std::pair<Expr, Expr>> candidates;
    Expr largest_bits;
    for (int ky = 0; ky < g.rows; ++ky)
      for (int kx = 0; kx < g.columns; ++kx) {
        candidates.push_back({pixel(kx, ky), cast(index_type, ky * g.columns + kx)});
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
    pool(e.n, c, px, py) = Tuple(largest, candidates[0].second);
  } else {
    RDom r(0, g.columns, 0, g.rows, "r");
    // The index starts at the first pixel inside the image, so that an index is inside whatever the values are.
    Expr first_y = max(g.top - py * g.stride_y, 0), first_x = max(g.left - px * g.stride_x, 0);
    pool(e.n, c, px, py) = Tuple(Float(32).min(), cast(index_type, first_y * g.columns + first_x));
    auto value = pixel(r.x, r.y);
    Expr best = pool(e.n, c, px, py)[0];
    Expr better = !is_nan_by_bits(best) && (value > best || is_nan_by_bits(value));
    pool(e.n, c, px, py) =
        Tuple(select(better, value, best), select(better, cast(index_type, r.y * g.columns + r.x), pool(e.n, c, px, py)[1]));
    e.store(pool, x[3]);
  }
  e.define(op.results[0], pool, 0);
  e.define(op.results[1], pool, 1);
}

void halide_max_pool2d_grad(Emitter& e, const Op& op) {
  const auto& dx = e.type(op.result()).dims;
  const auto& dy = e.type(op.operands[0]).dims;
  Geometry g(op, dx[1], dx[2]);
  Var c("c"), x("x"), y("y");
  Expr sum;
  for_each_window(g, x, y, static_cast<int>(dy[2]), static_cast<int>(dy[1]),
                  [&](const Expr& px, const Expr& py, const Expr& place, const Expr& is) {
                    auto chosen = cast<int>(e.at(op.operands[1], e.n, {c, px, py})) == place;
                    auto part = select(is && chosen, e.at(op.operands[0], e.n, {c, px, py}), 0.0f);
                    sum = sum.defined() ? sum + part : part;
                  });
  Func f("max_pool_grad");
  f(e.n, c, x, y) = sum;
  e.define(op.result(), f);
}

void halide_avg_pool2d(Emitter& e, const Op& op) {
  const auto& x = e.type(op.operands[0]).dims;
  Geometry g(op, x[1], x[2]);
  Var c("c"), px("px"), py("py");
  RDom r(0, g.columns, 0, g.rows, "r");
  Expr at_x = px * g.stride_x - g.left + r.x, at_y = py * g.stride_y - g.top + r.y;
  auto value = e.at(op.operands[0], e.n, {c, clamp(at_x, 0, g.width - 1), clamp(at_y, 0, g.height - 1)});
  Func sum("pool_sum"), pool("avg_pool");
  sum(e.n, c, px, py) = 0.0f;
  sum(e.n, c, px, py) += select(g.inside(at_x, at_y), value, 0.0f);
  e.store(sum, x[3]);
  pool(e.n, c, px, py) = sum(e.n, c, px, py) / g.count(px, py);
  e.define(op.result(), pool);
}

void halide_avg_pool2d_grad(Emitter& e, const Op& op) {
  const auto& dx = e.type(op.result()).dims;
  const auto& dy = e.type(op.operands[0]).dims;
  Geometry g(op, dx[1], dx[2]);
  Var c("c"), x("x"), y("y");
  Expr sum = 0.0f;
  for_each_window(g, x, y, static_cast<int>(dy[2]), static_cast<int>(dy[1]),
                  [&](const Expr& px, const Expr& py, const Expr&, const Expr& is) {
                    sum = sum + select(is, e.at(op.operands[0], e.n, {c, px, py}) / g.count(px, py), 0.0f);
                  });
  Func f("avg_pool_grad");
  f(e.n, c, x, y) = sum;
  e.define(op.result(), f);
}

}  // namespace gradc
