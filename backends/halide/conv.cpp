// Convolution and its gradients. Arguments are (n, channel, x, y) for images and (out channel, in channel, x, y) for kernels.
#include <array>
#include <functional>

#include "backends/halide/emitter.h"
#include "passes/layout.h"

namespace gradc {
namespace {

using namespace Halide;
using Internal::const_true, Internal::is_const_one, Internal::simplify;

struct Geometry {
  int stride_y, stride_x, top, left, dilation_y, dilation_x, groups;
  /// Elements of the vectors of features, which do not cross groups; 1 where lanes are images.
  int width = 1;

  /// `features`: the channels that lanes are of, where they are features.
  Geometry(const Emitter& e, const Op& op, std::int64_t features) {
    const auto &strides = op.attributes.ints("strides"), &padding = op.attributes.ints("padding"),
               &dilation = op.attributes.ints("dilation");
    stride_y = static_cast<int>(strides[0]);
    stride_x = static_cast<int>(strides[1]);
    top = static_cast<int>(padding[0]);
    left = static_cast<int>(padding[2]);
    dilation_y = static_cast<int>(dilation[0]);
    dilation_x = static_cast<int>(dilation[1]);
    groups = static_cast<int>(op.attributes.integer_or("groups", 1));
    if (e.lanes_are_features()) width = group_width(e, features, groups);
  }
  /// Of `depth` channels that channel `c` of all `channels` on the other side is connected with, the one numbered `i`. Written so that
  /// the compiler sees that all lanes of a vector, which starts at a multiple of its width, have the same.
  Expr channel(const Expr& c, const Expr& i, std::int64_t depth, std::int64_t channels) const {
    if (groups == 1) return i;
    auto of_group = static_cast<int>(channels / groups);
    auto group = of_group % width == 0 ? c / width / (of_group / width) : c / of_group;
    return group * static_cast<int>(depth) + i;
  }
  /// Where a kernel [KH,KW,F,C/G] holds the weight between input channel c and filter f.
  std::vector<Expr> transposed_weight(const Expr& c, const Expr& f, const Expr& kx, const Expr& ky, std::int64_t in_of_group) const {
    auto of_group = static_cast<int>(in_of_group);
    if (groups == 1) return {c, f, kx, ky};
    if (of_group % width == 0) return {c / width % (of_group / width) * width + c % width, f, kx, ky};
    return {c % of_group, f, kx, ky};
  }
  /// Whether each channel is convolved alone; `weights` is the shape of the kernel, [KH,KW,1,F] or, transposed, [KH,KW,C,1].
  bool depthwise(const Ints& weights) const { return groups > 1 && (weights[2] == 1 || (weights[2] == groups && weights[3] == 1)); }
  /// Whether each pixel is read so few times that it is read where it lies, with tests at the border.
  bool reads_in_place(const Emitter& e, ValueId images, const Ints& weights) const { return depthwise(weights) && e.in_memory(images); }
};

/// The images with zeros around them, copied to scratch: a copy costs far less than a test in the inner loop. Above and below only if
/// `rows`.
Func with_border(Emitter& e, ValueId images, bool rows) {
  const auto& dims = e.type(images).dims;
  auto height = static_cast<int>(dims[1]), width = static_cast<int>(dims[2]);
  Var c("c"), x("x"), y("y");
  Func padded("padded");
  auto inside = x >= 0 && x < width;
  if (rows) inside = inside && y >= 0 && y < height;
  padded(e.n, c, x, y) = select(inside, e.at(images, e.n, {c, clamp(x, 0, width - 1), rows ? clamp(y, 0, height - 1) : y}), 0.0f);
  e.store(padded, e.type(images).dims[3]);
  return padded;
}

/// The images with zeros around them, computed as they are read, for convolutions that read a pixel so few times that copying it would cost
/// as much. Halide makes loops of their own for the blocks of columns that never leave the images (that is what `likely` asks for), and of
/// rows; only the blocks at the border test where they are.
Func zero_outside(Emitter& e, ValueId images, bool rows) {
  const auto& dims = e.type(images).dims;
  auto height = static_cast<int>(dims[1]), width = static_cast<int>(dims[2]);
  Var c("c"), x("x"), y("y");
  Func surrounded("surrounded");
  auto inside = likely(x >= 0) && likely(x < width);
  if (rows) inside = inside && likely(y >= 0) && likely(y < height);
  surrounded(e.n, c, x, y) = select(inside, e.at(images, e.n, {c, clamp(x, 0, width - 1), clamp(y, 0, height - 1)}), 0.0f);
  return surrounded;
}

/// The images as they are read several times: from memory, or computed once into scratch.
Func in_scratch(Emitter& e, ValueId images) {
  Var c("c"), x("x"), y("y");
  Func copy("copy");
  copy(e.n, c, x, y) = e.at(images, e.n, {c, x, y});
  if (!e.in_memory(images)) e.store(copy, e.type(images).dims[3]);
  return copy;
}

/// Rows, columns, or both.
struct Directions {
  bool rows = false, columns = false;
};

/// The loops of a sum that move along rows and columns.
struct Steps {
  RVar rows, columns;
};

/// Images that a sum of a convolution's terms reads, also beyond their border, where they are zero.
class Surrounded {
 public:
  /// `outside`: where the sum reaches beyond. `skip`: where such terms are left out of it, instead of multiplied by zero.
  Surrounded(Emitter& e, const Geometry& g, ValueId images, const Ints& weights, Directions outside, Directions skip)
      : height_(static_cast<int>(e.type(images).dims[1])),
        width_(static_cast<int>(e.type(images).dims[2])),
        skip_{outside.rows && skip.rows, outside.columns && skip.columns} {
    const bool rows = outside.rows && !skip.rows, columns = outside.columns && !skip.columns;
    if (!rows && !columns)
      images_ = in_scratch(e, images);
    else if (g.reads_in_place(e, images, weights))
      images_ = zero_outside(e, images, rows);
    else
      images_ = with_border(e, images, rows);
  }

  /// What a sum over `r` reads at a column and row. Those outside are no term of it; where the sum has a single step in that direction,
  /// they are zeros.
  Expr at(RDom& r, const Steps& steps, const Expr& lane, const Expr& channel, Expr x, Expr y) const {
    Expr inside = const_true();
    if (skip_.rows) y = only_inside(r, steps.rows, y, height_, inside);
    if (skip_.columns) x = only_inside(r, steps.columns, x, width_, inside);
    Expr pixel = images_(lane, channel, x, y);
    return is_const_one(inside) ? pixel : select(inside, pixel, 0.0f);
  }
  const Directions& skips() const { return skip_; }

 private:
  /// Of a loop of one step a condition would be one on the loops around the sum alone, from which Halide concludes that it may write
  /// accumulators of any of their steps.
  static Expr only_inside(RDom& r, const RVar& step, const Expr& at, int extent, Expr& inside) {
    const Expr here = at >= 0 && at < extent;
    if (is_const_one(simplify(step.extent())))
      inside = inside && here;
    else
      r.where(here);
    return clamp(at, 0, extent - 1);
  }

  int height_, width_;
  Directions skip_;
  Func images_;
};

/// Whether images, instead of columns, share each vector of weights: where lanes are features and a tile has more images than columns.
bool images_share(const Emitter& e, const Geometry& g, std::int64_t made_columns) {
  return e.lanes_are_features() && g.groups == 1 && e.images() > made_columns && !e.has(OpKind::max_pool2d);
}

/// Where terms outside are left out of the sums that make pixels. Of rows always: the loop over kernel rows is shorter at the border. Of
/// columns where each is made by itself, or where there are so few that each, of sums and of the kernel, is unrolled into code of its own;
/// of more a border costs less.
Directions skipped(const Emitter& e, bool share, std::int64_t made_columns, std::int64_t kernel_columns) {
  // The rows of a pooling's window are made by one loop, which meets all kernel rows for all of them.
  if (e.has(OpKind::max_pool2d)) return {};
  if (share) return {true, true};
  return {true, has_code_for_each_column(e.graph(), made_columns, kernel_columns)};
}

/// Where padding is.
Directions padded(const Op& op) {
  const auto& padding = op.attributes.ints("padding");
  return {padding[0] > 0 || padding[1] > 0, padding[2] > 0 || padding[3] > 0};
}

/// The kernel that the op reads, as (feature, other channel, column, row), which is read where it lies unless a schedule copies it.
Func kernel_of(Emitter& e, const Op& op) {
  Var feature("feature"), channel("channel"), kx("kx"), ky("ky");
  Func weights("weights");
  weights(feature, channel, kx, ky) = e.at(op.operands[1], Expr(), {feature, channel, kx, ky});
  return weights;
}

/// Defines the op's result as `sum` over `r` of weights times what is read for them, at (n, feature, x, y). `weight`: which one, as
/// kernel_of has them.
void define_sum(Emitter& e, const Op& op, Func sum, const std::vector<Var>& at, const RDom& r, const std::vector<Expr>& weight,
                const Expr& read, Product product) {
  auto weights = kernel_of(e, op);
  sum(at) = 0.0f;
  sum(at) += weights(weight) * read;
  e.define(op.result(), sum);
  product.op = &op;
  product.accumulator = sum;
  product.domain = r;
  product.weights = weights;
  e.set_product(std::move(product));
}

/// How many channels of what a convolution reads are lanes instead of the features that it makes, or 0.
int inner_product_width(const Emitter& e, const Op& op) {
  if (!e.lanes_are_features() || e.has(OpKind::max_pool2d)) return 0;
  return lanes_of_inner_product(e.graph(), op);
}

/// The kernel that an inner product reads, as (lane, feature, vector of channels, column, row).
Func kernel_of_lanes(Emitter& e, const Op& op, int width) {
  Var l("l"), feature("feature"), group("group"), kx("kx"), ky("ky");
  Func weights("weights");
  weights(l, feature, group, kx, ky) = e.at(op.operands[1], Expr(), {feature, group * width + l, kx, ky});
  return weights;
}

/// Adds to a product the sum of `width` lanes, each a sum over `r`: kernel column, vector of channels, kernel row. `at`: image, feature,
/// column and row. `place`: column and row of the kernel. `read`: what is read there of a channel.
Func add_inner_product(Product& product, const std::string& name, const std::vector<Var>& at, const RDom& r, int width,
                       const std::array<Expr, 2>& place, const std::function<Expr(const Expr& channel)>& read) {
  Var l("l");
  Func part("part"), sum(name);
  auto part_at = at;
  part_at.insert(part_at.begin(), l);
  part(part_at) = 0.0f;
  part(part_at) += product.weights(l, at[1], r.y, place[0], place[1]) * read(r.y * width + l);
  RDom lane(0, width, "lane");
  std::vector<Expr> of_lane(at.begin(), at.end());
  of_lane.insert(of_lane.begin(), lane);
  sum(at) = 0.0f;
  sum(at) += part(of_lane);
  product.parts.emplace_back(part, r);
  product.lane_sums.emplace_back(sum, lane);
  return sum;
}

/// Defines the op's result at (n, feature, x, y) as one inner product.
void define_inner_product(Emitter& e, const Op& op, const std::string& name, const std::vector<Var>& at, const RDom& r, int width,
                          const std::function<Expr(const Expr& channel)>& read) {
  Product product{.op = &op, .weights = kernel_of_lanes(e, op, width)};
  product.accumulator = add_inner_product(product, name, at, r, width, {r.x, r.z}, read);
  e.define(op.result(), product.accumulator);
  e.set_product(std::move(product));
}

}  // namespace

void halide_conv2d(Emitter& e, const Op& op) {
  const auto& out = e.type(op.result()).dims;
  Geometry g(e, op, out[3]);
  const auto& w = e.type(op.operands[1]).dims;
  if (const int width = inner_product_width(e, op); width > 0) {
    Surrounded in(e, g, op.operands[0], w, padded(op), {.rows = true});
    Var f("f"), x("x"), y("y");
    RDom r(0, static_cast<int>(w[1]), 0, static_cast<int>(w[2]) / width, 0, static_cast<int>(w[0]), "r");
    auto at_x = x * g.stride_x - g.left + r.x * g.dilation_x, at_y = y * g.stride_y - g.top + r.z * g.dilation_y;
    return define_inner_product(e, op, "conv", {e.n, f, x, y}, r, width,
                                [&](const Expr& channel) { return in.at(r, {r.z, r.x}, e.n, channel, at_x, at_y); });
  }
  const bool share = images_share(e, g, out[2]);
  Surrounded in(e, g, op.operands[0], w, padded(op), skipped(e, share, out[2], w[1]));
  Var f("f"), x("x"), y("y");
  RDom r(0, static_cast<int>(w[1]), 0, static_cast<int>(w[2]), 0, static_cast<int>(w[0]), "r");  // kernel column, channel, kernel row
  auto read = in.at(r, {r.z, r.x}, e.n, g.channel(f, r.y, w[2], w[3]), x * g.stride_x - g.left + r.x * g.dilation_x,
                    y * g.stride_y - g.top + r.z * g.dilation_y);
  define_sum(e, op, Func("conv"), {e.n, f, x, y}, r, {f, r.y, r.x, r.z}, read,
             {.unroll_columns = in.skips().columns && !share, .images_share = share, .groups = g.groups});
}

namespace {

/// Whether the sums of a strided input gradient, by one direction, all have a term inside of what they read, also those of a last block
/// whose pixels do not exist. Where a sum of several steps has none, Halide concludes from the condition on its terms where it may be asked
/// for at all; and that one row is the only one is an equation, which it solves for the sum's place instead of the step.
bool every_sum_has_terms(std::int64_t kernel, int stride, int before, std::int64_t made, std::int64_t read) {
  if (read == 1) return false;
  const auto last = (made + stride - 1) / stride - 1;
  for (int remainder = 0; remainder < stride; ++remainder) {
    const std::int64_t first = (remainder + before) % stride, steps = (kernel - first + stride - 1) / stride;
    if (steps > 1 && last + (remainder + before) / stride - (steps - 1) >= read) return false;
  }
  return true;
}

/// The input gradient of a convolution with strides: output pixels of one remainder by the strides sum over the same kernel columns and
/// rows, those that lie a whole stride apart, so each remainder is a convolution of its own and no multiply-add is spent on the pixels that
/// the strides left out.
void strided_input_grad(Emitter& e, const Op& op, const Geometry& g) {
  const auto& w = e.type(op.operands[1]).dims;
  const auto& dx = e.type(op.result()).dims;
  auto by_stride = [&](std::int64_t extent) { return (extent + g.stride_x - 1) / g.stride_x; };
  const int width = inner_product_width(e, op);
  const bool share = width == 0 && images_share(e, g, by_stride(dx[2]));
  // What is read in place tests its borders outside of the inner loops instead.
  Directions skip = g.reads_in_place(e, op.operands[0], w) ? Directions{}
                    : width > 0                            ? Directions{.rows = true}
                                                           : skipped(e, share, by_stride(dx[2]), by_stride(w[1]));
  const auto& read_dims = e.type(op.operands[0]).dims;
  skip.rows = skip.rows && every_sum_has_terms(w[0], g.stride_y, g.top, dx[1], read_dims[1]);
  skip.columns = skip.columns && every_sum_has_terms(w[1], g.stride_x, g.left, dx[2], read_dims[2]);
  Surrounded dy(e, g, op.operands[0], w, {true, true}, skip);
  Var c("c"), x("x"), y("y"), q("q"), p("p");
  Product product{.op = &op,
                  .unroll_columns = dy.skips().columns && !share,
                  .images_share = share,
                  .groups = g.groups,
                  .weights = width > 0 ? kernel_of_lanes(e, op, width) : kernel_of(e, op)};
  Expr value;
  for (int b = 0; b < g.stride_y; ++b)
    for (int a = 0; a < g.stride_x; ++a) {
      // x = q * stride + a meets kernel column kx where x + left - kx is a multiple of the stride.
      int first_x = (a + g.left) % g.stride_x, first_y = (b + g.top) % g.stride_y;
      int columns = (static_cast<int>(w[1]) - first_x + g.stride_x - 1) / g.stride_x,
          rows = (static_cast<int>(w[0]) - first_y + g.stride_y - 1) / g.stride_y;
      Expr part = 0.0f;
      if (columns > 0 && rows > 0) {
        const auto terms = width > 0 ? w[2] / width : w[2] / g.groups;
        RDom r(0, columns, 0, static_cast<int>(terms), 0, rows, "r");
        // The last columns may lie beyond the pixels of this remainder, and so may the last row, which no loop of the sum's own leaves out.
        if (product.unroll_columns) r.where(q * g.stride_x + a < static_cast<int>(dx[2]));
        auto read = [&](const Expr& filter) {
          return dy.at(r, {r.z, r.x}, e.n, filter, q + (a + g.left) / g.stride_x - r.x, p + (b + g.top) / g.stride_y - r.z);
        };
        Expr kx = first_x + r.x * g.stride_x, ky = first_y + r.z * g.stride_y;
        Func acc;
        if (width > 0) {
          acc = add_inner_product(product, "input_grad_part", {e.n, c, q, p}, r, width, {kx, ky}, read);
        } else {
          acc = Func("input_grad_part");
          Expr filter = g.channel(c, r.y, terms, dx[3]);
          acc(e.n, c, q, p) = 0.0f;
          acc(e.n, c, q, p) += product.weights(g.transposed_weight(c, filter, kx, ky, w[3])) * read(filter);
          product.parts.emplace_back(acc, r);
        }
        part = acc(e.n, c, x / g.stride_x, y / g.stride_y);
      }
      value = value.defined() ? select(x % g.stride_x == a && y % g.stride_y == b, part, value) : part;
    }
  product.accumulator = Func("input_grad");
  product.accumulator(e.n, c, x, y) = value;
  e.define(op.result(), product.accumulator);
  e.set_product(product);
}

/// The input gradient of a convolution with strides and dilation: dy with zeros in the places that strides left out, and around it.
Func spread_out(Emitter& e, const Op& op, const Geometry& g) {
  const auto& dims = e.type(op.operands[0]).dims;
  auto height = static_cast<int>(dims[1]), width = static_cast<int>(dims[2]);
  Var c("c"), x("x"), y("y");
  Func spread("spread");
  auto sx = x / g.stride_x, sy = y / g.stride_y;
  auto inside = x % g.stride_x == 0 && y % g.stride_y == 0 && sx >= 0 && sx < width && sy >= 0 && sy < height;
  spread(e.n, c, x, y) = select(inside, e.at(op.operands[0], e.n, {c, clamp(sx, 0, width - 1), clamp(sy, 0, height - 1)}), 0.0f);
  e.store(spread, dims[3]);
  return spread;
}

}  // namespace

/// dx(x) gathers dy((x + left - kx * dilation) / stride) * w(kx).
void halide_conv2d_input_grad(Emitter& e, const Op& op) {
  Geometry g(e, op, e.type(op.result()).dims[3]);
  const auto& w = e.type(op.operands[1]).dims;  // rows, columns, out, in of a group
  const auto &dy = e.type(op.operands[0]).dims, &dx = e.type(op.result()).dims;
  const bool strided = g.stride_x > 1 || g.stride_y > 1, dilated = g.dilation_x > 1 || g.dilation_y > 1;
  if (strided && !dilated) return strided_input_grad(e, op, g);
  // Whether the sums meet pixels outside of dy.
  auto outside = [](std::int64_t kernel, int dilation, int before, std::int64_t made, std::int64_t extent) {
    return before - (kernel - 1) * dilation < 0 || made - 1 + before >= extent;
  };
  auto filters = w[2] / g.groups;
  RDom r(0, static_cast<int>(w[1]), 0, static_cast<int>(filters), 0, static_cast<int>(w[0]),
         "r");  // kernel column, out channel, kernel row
  Var c("c"), x("x"), y("y");
  Expr filter = g.channel(c, r.y, filters, dx[3]), at_x = x + g.left - r.x * g.dilation_x, at_y = y + g.top - r.z * g.dilation_y, read;
  const Directions reaches_outside = {outside(w[0], g.dilation_y, g.top, dx[1], dy[1]), outside(w[1], g.dilation_x, g.left, dx[2], dy[2])};
  if (const int width = inner_product_width(e, op); width > 0) {
    Surrounded in(e, g, op.operands[0], w, reaches_outside, {.rows = true});
    RDom vectors(0, static_cast<int>(w[1]), 0, static_cast<int>(filters) / width, 0, static_cast<int>(w[0]), "r");
    return define_inner_product(e, op, "input_grad", {e.n, c, x, y}, vectors, width, [&](const Expr& channel) {
      return in.at(vectors, {vectors.z, vectors.x}, e.n, channel, x + g.left - vectors.x * g.dilation_x,
                   y + g.top - vectors.z * g.dilation_y);
    });
  }
  const bool share = images_share(e, g, dx[2]);
  bool unroll_columns = false;
  if (strided) {
    read = spread_out(e, op, g)(e.n, filter, at_x, at_y);
  } else {
    Surrounded in(e, g, op.operands[0], w, reaches_outside, skipped(e, share, dx[2], w[1]));
    read = in.at(r, {r.z, r.x}, e.n, filter, at_x, at_y);
    unroll_columns = in.skips().columns && !share;
  }
  define_sum(e, op, Func("input_grad"), {e.n, c, x, y}, r, g.transposed_weight(c, filter, r.x, r.z, w[3]), read,
             {.unroll_columns = unroll_columns, .images_share = share, .groups = g.groups});
}

namespace {

/// For each weight a sum over the pixels, with neighbouring filters as lanes, or channels where they fill more of a vector.
void weight_grad_of_features(Emitter& e, const Op& op, const Geometry& g, Func dy) {
  const auto& w = e.type(op.result()).dims;  // rows, columns, in of a group, out
  const auto& out = e.type(op.operands[1]).dims;
  Var f("f"), c("c"), kx("kx"), ky("ky");
  RDom r(0, static_cast<int>(out[2]), 0, static_cast<int>(out[1]), 0, e.images(), "r");
  Func acc("acc"), sum("weight_grad");
  acc(f, c, kx, ky) = 0.0f;
  const bool of_channels = g.groups == 1 && e.width(w[2]) > e.width(w[3]), depthwise = g.depthwise(w);
  const auto lanes = of_channels ? w[2] : w[3], beside = of_channels ? w[3] : w[2];
  auto width = of_channels ? e.width(lanes) : g.width;
  auto block = choose_feature_tile(e, {.features = lanes, .width = width, .groups = g.groups}, beside, out[1] * out[2]);
  int tx = 1, ty = 1;
  auto fit = [&](std::int64_t extent, int accumulators) {
    return static_cast<int>(std::min<std::int64_t>(extent, std::max(1, (e.target().registers - 4) / accumulators)));
  };
  // Few channels, as the first layer and depthwise ones have, leave accumulators for the columns of the kernel, and for its rows. Else a
  // block has one column and row, and its loops over pixels end where that leaves the images.
  if (depthwise) {
    // Pixels are unrolled, so that neighbours share what they read; more vectors of features read more of a cache line in one go. Half
    // vectors that make up all features in one block read the pixels once instead of twice: with strides those are many.
    tx = fit(w[1], 1);
    ty = fit(w[0], tx);
    const int most = fit(3, tx * ty);
    if (g.stride_x > 1 && fill_half_vectors(lanes, width) && lanes / (width / 2) <= most) width /= 2;
    block.vectors = static_cast<int>(std::min<std::int64_t>(most, lanes / width));
    while (lanes / width % block.vectors != 0) --block.vectors;
  } else if (beside <= 4) {
    tx = fit(w[1], block.vectors * block.others);
    if (block.vectors * block.others * tx < e.target().enough_accumulators()) ty = fit(w[0], block.vectors * block.others * tx);
  }
  Surrounded in(e, g, op.operands[0], w, padded(op), {.rows = !depthwise && ty == 1, .columns = !depthwise && beside > 4});
  acc(f, c, kx, ky) +=
      dy(r.z, f, r.x, r.y) * in.at(r, {r.y, r.x}, r.z, g.channel(f, c, w[2], w[3]), r.x * g.stride_x - g.left + kx * g.dilation_x,
                                   r.y * g.stride_y - g.top + ky * g.dilation_y);
  sum(f, c, kx, ky) = acc(f, c, kx, ky);
  e.accumulate(op.result(), sum);

  const Var &lane = of_channels ? c : f, &other = of_channels ? f : c;
  Var fo("fo"), fi("fi"), vo("vo"), vi("vi"), co("co"), ci("ci"), xo("xo"), xi("xi"), yo("yo"), yi("yi");
  sum.compute_root()
      .bound(f, 0, static_cast<int>(w[3]))
      .bound(c, 0, static_cast<int>(w[2]))
      .bound(kx, 0, static_cast<int>(w[1]))
      .bound(ky, 0, static_cast<int>(w[0]))
      .split(lane, fo, fi, block.vectors * width, TailStrategy::ShiftInwards)
      .split(fi, vo, vi, width)
      .split(other, co, ci, block.others, TailStrategy::ShiftInwards)
      .split(kx, xo, xi, tx, TailStrategy::ShiftInwards)
      .split(ky, yo, yi, ty, TailStrategy::ShiftInwards)
      .reorder(vi, vo, ci, xi, yi, xo, co, yo, fo)
      .vectorize(vi)
      .unroll(vo)
      .unroll(ci)
      .unroll(xi)
      .unroll(yi);
  if (g.groups > 1 && w[3] > g.groups) acc.align_bounds(f, width).bound_extent(f, block.vectors * width);
  acc.compute_at(sum, xo);
  std::vector<VarOrRVar> reduction = {r.x, r.y, r.z};
  if (depthwise) {
    RVar outer("outer"), inner("inner");
    acc.update().split(r.x, outer, inner, 4, TailStrategy::GuardWithIf).unroll(inner);
    reduction = {inner, outer, r.y, r.z};
  }
  keep_in_registers(acc, lane, width, reduction);
}

/// For each weight a vector of per-image sums over the pixels, and then the sum of its lanes.
void weight_grad_of_images(Emitter& e, const Op& op, const Geometry& g, Func dy) {
  const auto& w = e.type(op.result()).dims;
  const auto& out = e.type(op.operands[1]).dims;
  Var f("f"), c("c"), kx("kx"), ky("ky");
  RDom r(0, static_cast<int>(out[2]), 0, static_cast<int>(out[1]), "r");
  Func part("part");
  part(e.n, f, c, kx, ky) = 0.0f;
  Surrounded in(e, g, op.operands[0], w, padded(op), {.rows = !g.depthwise(w)});
  part(e.n, f, c, kx, ky) +=
      dy(e.n, f, r.x, r.y) * in.at(r, {r.y, r.x}, e.n, g.channel(f, c, w[2], w[3]), r.x * g.stride_x - g.left + kx * g.dilation_x,
                                   r.y * g.stride_y - g.top + ky * g.dilation_y);
  RDom lane(0, e.images());
  Func lane_sum("lane_sum"), sum("weight_grad");
  lane_sum(f, c, kx, ky) = 0.0f;
  lane_sum(f, c, kx, ky) += part(lane, f, c, kx, ky);
  sum(f, c, kx, ky) = lane_sum(f, c, kx, ky);
  e.accumulate(op.result(), sum);

  // Schedule: a block of out channels × kernel columns × in channels of accumulators runs over all pixels; neighbouring columns of the
  // kernel share the inputs of pixels unrolled by 4, so that a block of 4 × 5 does 20 multiply-adds for about 4 + 1 loads.
  const int most = std::max(e.target().registers * 3 / 4, 4);
  int tx = static_cast<int>(std::min<std::int64_t>(w[1], 7)), ty = 1;
  if (g.depthwise(w)) ty = static_cast<int>(std::clamp<std::int64_t>(most / tx, 1, w[0]));
  int tf = std::max(1, static_cast<int>(std::min<std::int64_t>({w[3], 8, most / (tx * ty)})));
  // A block that divides the channels evenly wastes nothing, and in one group its filters share what they read.
  const auto of_group = g.depthwise(w) ? w[3] : w[3] / g.groups;
  while ((tf > 4 || g.groups > 1) && of_group % tf != 0) --tf;
  int tc = std::max(1, static_cast<int>(std::min<std::int64_t>({w[2], 4, most / (tx * ty * tf)})));
  Var fo("fo"), fi("fi"), co("co"), ci("ci"), xo("xo"), xi("xi"), yo("yo"), yi("yi");
  sum.compute_root()
      .bound(f, 0, static_cast<int>(w[3]))
      .bound(c, 0, static_cast<int>(w[2]))
      .bound(kx, 0, static_cast<int>(w[1]))
      .bound(ky, 0, static_cast<int>(w[0]))
      .split(f, fo, fi, tf, TailStrategy::ShiftInwards)
      .split(c, co, ci, tc, TailStrategy::ShiftInwards)
      .split(kx, xo, xi, tx, TailStrategy::ShiftInwards)
      .split(ky, yo, yi, ty, TailStrategy::ShiftInwards)
      .reorder(fi, ci, xi, yi, xo, co, yo, fo)
      .unroll(fi)
      .unroll(ci)
      .unroll(xi)
      .unroll(yi);
  lane_sum.compute_at(sum, xo).unroll(f).unroll(c).unroll(kx).unroll(ky);
  lane_sum.update().atomic().vectorize(lane).unroll(f).unroll(c).unroll(kx).unroll(ky);
  part.compute_at(sum, xo).vectorize(e.n).unroll(f).unroll(c).unroll(kx).unroll(ky);
  auto update = part.update();
  RVar ro("ro"), ri("ri");
  int unroll = 1;
  for (int u : {8, 6, 4, 7, 5, 3, 2})
    if (unroll == 1 && out[2] % u == 0 && u * tf * tx * ty * tc <= 200) unroll = u;
  if (unroll > 1)
    update.split(r.x, ro, ri, unroll).reorder(e.n, f, c, kx, ky, ri, ro, r.y).unroll(ri);
  else
    update.reorder(e.n, f, c, kx, ky, r.x, r.y);
  update.vectorize(e.n).unroll(f).unroll(c).unroll(kx).unroll(ky);
}

}  // namespace

void halide_conv2d_weight_grad(Emitter& e, const Op& op) {
  Geometry g(e, op, e.type(op.result()).dims[3]);
  Func dy = in_scratch(e, op.operands[1]);
  if (e.lanes_are_features())
    weight_grad_of_features(e, op, g, dy);
  else
    weight_grad_of_images(e, op, g, dy);
}

}  // namespace gradc
