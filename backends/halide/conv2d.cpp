// Convolution and its gradients. Arguments are (n, channel, x, y) for images and (out channel, in channel, x, y) for kernels.
#include "backends/halide/emitter.h"

namespace gradc {
namespace {

using namespace Halide;

struct Geometry {
  int stride_y, stride_x, top, left, dilation_y, dilation_x;

  explicit Geometry(const Op& op) {
    const auto &strides = op.attributes.ints("strides"), &padding = op.attributes.ints("padding"),
               &dilation = op.attributes.ints("dilation");
    stride_y = static_cast<int>(strides[0]);
    stride_x = static_cast<int>(strides[1]);
    top = static_cast<int>(padding[0]);
    left = static_cast<int>(padding[2]);
    dilation_y = static_cast<int>(dilation[0]);
    dilation_x = static_cast<int>(dilation[1]);
  }
  bool padded(const Op& op) const {
    for (auto p : op.attributes.ints("padding"))
      if (p > 0) return true;
    return false;
  }
};

/// The images with zeros around them, copied to scratch: a copy costs far less than a test in the inner loop.
Func with_border(Emitter& e, ValueId images) {
  const auto& dims = e.type(images).dims;
  auto height = static_cast<int>(dims[1]), width = static_cast<int>(dims[2]);
  Var c("c"), x("x"), y("y");
  Func padded("padded");
  auto inside = x >= 0 && x < width && y >= 0 && y < height;
  padded(e.n, c, x, y) = select(inside, e.at(images, e.n, {c, clamp(x, 0, width - 1), clamp(y, 0, height - 1)}), 0.0f);
  e.store(padded);
  return padded;
}

/// The images as they are read several times: from memory, or computed once into scratch.
Func in_scratch(Emitter& e, ValueId images) {
  Var c("c"), x("x"), y("y");
  Func copy("copy");
  copy(e.n, c, x, y) = e.at(images, e.n, {c, x, y});
  if (!e.in_memory(images)) e.store(copy);
  return copy;
}

}  // namespace

void halide_conv2d(Emitter& e, const Op& op) {
  Geometry g(op);
  const auto& w = e.type(op.operands[1]).dims;
  Func in = g.padded(op) ? with_border(e, op.operands[0]) : in_scratch(e, op.operands[0]);
  Var f("f"), x("x"), y("y");
  RDom r(0, static_cast<int>(w[1]), 0, static_cast<int>(w[2]), 0, static_cast<int>(w[0]), "r");  // kernel column, channel, kernel row
  Func acc("conv");
  acc(e.n, f, x, y) = 0.0f;
  acc(e.n, f, x, y) += e.at(op.operands[1], Expr(), {f, r.y, r.x, r.z}) *
                       in(e.n, r.y, x * g.stride_x - g.left + r.x * g.dilation_x, y * g.stride_y - g.top + r.z * g.dilation_y);
  e.define(op.result(), acc);
  e.set_product({&op, acc, r});
}

/// dx(x) gathers dy((x + left - kx * dilation) / stride) * w(kx). Strides are undone by zeros between the rows and columns of dy. Rows that
/// fall outside of dy are left out of the sum; columns too where all of a row is unrolled, and else they meet zeros at the border.
void halide_conv2d_input_grad(Emitter& e, const Op& op) {
  Geometry g(op);
  const auto& w = e.type(op.operands[1]).dims;
  const auto &dims = e.type(op.operands[0]).dims, &dx = e.type(op.result()).dims;
  auto height = static_cast<int>(dims[1]), width = static_cast<int>(dims[2]);
  const bool strided = g.stride_x > 1 || g.stride_y > 1;
  // Two dozen columns unrolled are some thousand instructions. A border of a few columns in more than that costs less.
  const bool unroll_columns = !strided && dx[2] <= 16 && dx[2] * w[1] <= 80;
  Var c("c"), x("x"), y("y");
  Func spread("spread");
  auto sx = x / g.stride_x, sy = y / g.stride_y;
  auto inside_x = sx >= 0 && sx < width, inside_y = sy >= 0 && sy < height;
  if (strided) {
    auto inside = x % g.stride_x == 0 && y % g.stride_y == 0 && inside_x && inside_y;
    spread(e.n, c, x, y) = select(inside, e.at(op.operands[0], e.n, {c, clamp(sx, 0, width - 1), clamp(sy, 0, height - 1)}), 0.0f);
    e.store(spread);
  } else if (unroll_columns) {
    spread(e.n, c, x, y) = e.at(op.operands[0], e.n, {c, x, y});
    if (!e.in_memory(op.operands[0])) e.store(spread);
  } else {
    spread(e.n, c, x, y) = select(inside_x, e.at(op.operands[0], e.n, {c, clamp(x, 0, width - 1), y}), 0.0f);
    e.store(spread);
  }
  RDom r(0, static_cast<int>(w[1]), 0, static_cast<int>(w[3]), 0, static_cast<int>(w[0]), "r");  // kernel column, out channel, kernel row
  Expr at_x = x + g.left - r.x * g.dilation_x, at_y = y + g.top - r.z * g.dilation_y;
  if (!strided) {
    r.where(at_y >= 0 && at_y < height);
    at_y = clamp(at_y, 0, height - 1);
  }
  if (unroll_columns) {
    r.where(at_x >= 0 && at_x < width);
    at_x = clamp(at_x, 0, width - 1);
  }
  Func acc("input_grad");
  acc(e.n, c, x, y) = 0.0f;
  acc(e.n, c, x, y) += e.at(op.operands[1], Expr(), {r.y, c, r.x, r.z}) * spread(e.n, r.y, at_x, at_y);
  e.define(op.result(), acc);
  e.set_product({&op, acc, r, unroll_columns});
}

void halide_conv2d_weight_grad(Emitter& e, const Op& op) {
  Geometry g(op);
  const auto& w = e.type(op.result()).dims;  // rows, columns, in, out
  const auto& out = e.type(op.operands[1]).dims;
  Func in = g.padded(op) ? with_border(e, op.operands[0]) : in_scratch(e, op.operands[0]);
  Func dy = in_scratch(e, op.operands[1]);

  // Algorithm: for each weight a vector of per-image sums over the pixels, and then the sum of its lanes.
  Var f("f"), c("c"), kx("kx"), ky("ky");
  RDom r(0, static_cast<int>(out[2]), 0, static_cast<int>(out[1]), "r");
  Func part("part");
  part(e.n, f, c, kx, ky) = 0.0f;
  part(e.n, f, c, kx, ky) +=
      dy(e.n, f, r.x, r.y) * in(e.n, c, r.x * g.stride_x - g.left + kx * g.dilation_x, r.y * g.stride_y - g.top + ky * g.dilation_y);
  RDom lane(0, e.lanes());
  Func lane_sum("lane_sum"), sum("weight_grad");
  lane_sum(f, c, kx, ky) = 0.0f;
  lane_sum(f, c, kx, ky) += part(lane, f, c, kx, ky);
  sum(f, c, kx, ky) = lane_sum(f, c, kx, ky);
  e.accumulate(op.result(), sum);

  // Schedule: a block of out channels × kernel columns × in channels of accumulators runs over all pixels; neighbouring columns of the
  // kernel share the inputs of pixels unrolled by 4, so that a block of 4 × 5 does 20 multiply-adds for about 4 + 1 loads.
  const int most = std::max(e.target().registers * 3 / 4, 4);
  int tx = static_cast<int>(std::min<std::int64_t>(w[1], 7));
  int tf = std::max(1, static_cast<int>(std::min<std::int64_t>({w[3], 8, most / tx})));
  // A block that divides the channels evenly wastes nothing.
  while (tf > 4 && w[3] % tf != 0) --tf;
  int tc = std::max(1, static_cast<int>(std::min<std::int64_t>({w[2], 4, most / (tx * tf)})));
  Var fo("fo"), fi("fi"), co("co"), ci("ci"), xo("xo"), xi("xi");
  sum.compute_root()
      .bound(f, 0, static_cast<int>(w[3]))
      .bound(c, 0, static_cast<int>(w[2]))
      .bound(kx, 0, static_cast<int>(w[1]))
      .bound(ky, 0, static_cast<int>(w[0]))
      .split(f, fo, fi, tf, TailStrategy::ShiftInwards)
      .split(c, co, ci, tc, TailStrategy::ShiftInwards)
      .split(kx, xo, xi, tx, TailStrategy::ShiftInwards)
      .reorder(fi, ci, xi, xo, co, ky, fo)
      .unroll(fi)
      .unroll(ci)
      .unroll(xi);
  lane_sum.compute_at(sum, xo).unroll(f).unroll(c).unroll(kx);
  lane_sum.update().atomic().vectorize(lane).unroll(f).unroll(c).unroll(kx);
  part.compute_at(sum, xo).vectorize(e.n).unroll(f).unroll(c).unroll(kx);
  auto update = part.update();
  RVar ro("ro"), ri("ri");
  int unroll = 1;
  for (int u : {8, 6, 4, 7, 5, 3, 2})
    if (unroll == 1 && out[2] % u == 0 && u * tf * tx * tc <= 200) unroll = u;
  if (unroll > 1)
    update.split(r.x, ro, ri, unroll).reorder(e.n, f, c, kx, ri, ro, r.y).unroll(ri);
  else
    update.reorder(e.n, f, c, kx, r.x, r.y);
  update.vectorize(e.n).unroll(f).unroll(c).unroll(kx);
}

}  // namespace gradc
