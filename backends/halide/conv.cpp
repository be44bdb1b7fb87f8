// Convolution and its gradients. Arguments are (n, channel, x, y, z) for images and (out channel, in channel, x, y, z) for kernels, as many
// of the last as there are spatial dimensions.
#include <functional>

#include "backends/halide/emitter.h"
#include "backends/halide/windows.h"
#include "passes/layout.h"

namespace gradc {
namespace {

using namespace Halide;
using Internal::const_true, Internal::is_const_one, Internal::simplify;

using Place = std::vector<Expr>;  ///< Columns first.
/// Whether something holds of each spatial dimension, columns first.
using Directions = std::vector<bool>;

/// `columns` for columns, and `others` for rows and planes.
Directions directions(std::size_t spatial, bool columns, bool others) {
  Directions all(spatial, others);
  all[0] = columns;
  return all;
}

bool any(const Directions& directions) { return std::find(directions.begin(), directions.end(), true) != directions.end(); }

struct Geometry {
  /// Windows over the images that the convolution reads forward, columns first.
  std::vector<Window> along;
  int groups;
  /// Elements of the vectors of features, which do not cross groups; 1 where lanes are images.
  int width = 1;

  /// `features`: the channels that lanes are of, where they are features.
  Geometry(const Emitter& e, const Op& op, std::int64_t features)
      : along(columns_first(e.graph().iteration(op).windows)), groups(static_cast<int>(op.attributes.integer_or("groups", 1))) {
    if (e.lanes_are_features()) width = group_width(e, features, groups);
  }
  std::size_t spatial() const { return along.size(); }
  int size(std::size_t d) const { return static_cast<int>(along[d].size); }
  std::vector<int> sizes() const {
    std::vector<int> sizes;
    for (const auto& window : along) sizes.push_back(static_cast<int>(window.size));
    return sizes;
  }
  int stride(std::size_t d) const { return static_cast<int>(along[d].stride); }
  int before(std::size_t d) const { return static_cast<int>(along[d].before); }
  int dilation(std::size_t d) const { return static_cast<int>(along[d].dilation); }
  /// Whether windows have this of 1 along all dimensions.
  bool ones(std::int64_t Window::* field) const {
    return std::all_of(along.begin(), along.end(), [&](const Window& window) { return window.*field == 1; });
  }
  /// Where the forward convolution reads for an output and a place in its kernel.
  Expr read(std::size_t d, const Expr& output, const Expr& k) const { return output * stride(d) - before(d) + k * dilation(d); }
  /// Where padding is.
  Directions padded() const {
    Directions padded;
    for (const auto& window : along) padded.push_back(window.before > 0 || window.after > 0);
    return padded;
  }
  /// Channel `i`, of `depth`, of the group that channel `c`, of `channels`, on the other side belongs to. The compiler can see that all
  /// lanes of a vector, which starts at a multiple of its width, have the same group.
  Expr channel(const Expr& c, const Expr& i, std::int64_t depth, std::int64_t channels) const {
    if (groups == 1) return i;
    auto of_group = static_cast<int>(channels / groups);
    auto group = of_group % width == 0 ? c / width / (of_group / width) : c / of_group;
    return group * static_cast<int>(depth) + i;
  }
  /// Where a kernel [...,F,C/G] holds the weight between input channel c and filter f.
  Place transposed_weight(const Expr& c, const Expr& f, const Place& k, std::int64_t in_of_group) const {
    auto of_group = static_cast<int>(in_of_group);
    if (groups == 1) return followed_by<Expr>({c, f}, k);
    if (of_group % width == 0) return followed_by<Expr>({c / width % (of_group / width) * width + c % width, f}, k);
    return followed_by<Expr>({c % of_group, f}, k);
  }
  /// Whether each channel is convolved alone; `weights` is the shape of the kernel, [...,1,F] or, transposed, [...,C,1].
  bool depthwise(const Ints& weights) const {
    const auto first = weights.end()[-2], second = weights.end()[-1];
    return groups > 1 && (first == 1 || (first == groups && second == 1));
  }
  /// Whether each pixel is read so few times that it is read where it lies, with tests at the border.
  bool reads_in_place(const Emitter& e, ValueId images, const Ints& weights) const { return depthwise(weights) && e.in_memory(images); }
};

/// The extents of images, columns first.
std::vector<int> extents_by_column(const gradc::Type& images) {
  const auto dims = columns_first(spatial_dims(images));
  return {dims.begin(), dims.end()};
}

/// The domain of a sum over the terms of a convolution: a kernel's columns, `terms` channels, the kernel's rows and planes. The order of
/// its loops is chosen by schedules.
RDom domain_of(const std::vector<int>& kernel, std::int64_t terms) {
  std::vector<Range> ranges = {{0, kernel[0]}, {0, static_cast<int>(terms)}};
  for (std::size_t d = 1; d < kernel.size(); ++d) ranges.emplace_back(0, kernel[d]);
  return {ranges, "r"};
}
RVar channel_step(const RDom& r) { return r[1]; }
/// The steps of such a sum along each spatial dimension.
std::vector<RVar> kernel_steps(const RDom& r) {
  std::vector<RVar> steps = {r[0]};
  for (int d = 2; d < r.dimensions(); ++d) steps.push_back(r[d]);
  return steps;
}

/// The images with zeros around them, copied to scratch: a copy costs far less than a test in the inner loop. Of rows and planes only
/// where `border` says so.
Func with_border(Emitter& e, ValueId images, const Directions& border) {
  const auto extents = extents_by_column(e.type(images));
  Var c("c");
  const auto at = place_variables(extents.size());
  Func padded("padded");
  Expr inside = at[0] >= 0 && at[0] < extents[0];
  Place read = {clamp(at[0], 0, extents[0] - 1)};
  for (std::size_t d = 1; d < extents.size(); ++d) {
    if (border[d]) inside = inside && at[d] >= 0 && at[d] < extents[d];
    read.push_back(border[d] ? clamp(at[d], 0, extents[d] - 1) : Expr(at[d]));
  }
  padded(followed_by<Var>({e.n, c}, at)) = select(inside, e.at(images, e.n, followed_by<Expr>({c}, read)), 0.0f);
  e.store(padded, e.type(images).dims.back());
  return padded;
}

/// The images with zeros around them, computed as they are read, for convolutions that read a pixel so few times that copying it would cost
/// as much. Halide makes loops of their own for the blocks of columns that never leave the images (that is what `likely` asks for), and of
/// rows; only the blocks at the border test where they are.
Func zero_outside(Emitter& e, ValueId images, const Directions& border) {
  const auto extents = extents_by_column(e.type(images));
  Var c("c");
  const auto at = place_variables(extents.size());
  Func surrounded("surrounded");
  Expr inside;
  Place read;
  for (std::size_t d = 0; d < extents.size(); ++d) {
    if (d == 0 || border[d]) also(inside, likely(at[d] >= 0) && likely(at[d] < extents[d]));
    read.push_back(clamp(at[d], 0, extents[d] - 1));
  }
  surrounded(followed_by<Var>({e.n, c}, at)) = select(inside, e.at(images, e.n, followed_by<Expr>({c}, read)), 0.0f);
  return surrounded;
}

/// The images as they are read several times: from memory, or computed once into scratch.
Func in_scratch(Emitter& e, ValueId images) {
  Var c("c");
  const auto at = place_variables(spatial_dims(e.type(images)).size());
  Func copy("copy");
  copy(followed_by<Var>({e.n, c}, at)) = e.at(images, e.n, followed_by<Expr>({c}, at));
  if (!e.in_memory(images)) e.store(copy, e.type(images).dims.back());
  return copy;
}

/// Images that a sum of a convolution's terms reads, also beyond their border, where they are zero.
class Surrounded {
 public:
  /// `outside`: where the sum reaches beyond. `skip`: where such terms are left out of it, instead of multiplied by zero.
  Surrounded(Emitter& e, const Geometry& g, ValueId images, const Ints& weights, const Directions& outside, const Directions& skip)
      : extents_(extents_by_column(e.type(images))), skip_(g.spatial()) {
    Directions border(g.spatial());
    for (std::size_t d = 0; d < g.spatial(); ++d) {
      skip_[d] = outside[d] && skip[d];
      border[d] = outside[d] && !skip[d];
    }
    if (!any(border))
      images_ = in_scratch(e, images);
    else if (g.reads_in_place(e, images, weights))
      images_ = zero_outside(e, images, border);
    else
      images_ = with_border(e, images, border);
  }

  /// What a sum over `r`, whose loops along each dimension are `steps`, reads at a place. Those outside are no term of it; where the sum
  /// has a single step in that direction, they are zeros.
  Expr at(RDom& r, const std::vector<RVar>& steps, const Expr& lane, const Expr& channel, Place place) const {
    Expr inside = const_true();
    for (auto d = extents_.size(); d-- > 0;)
      if (skip_[d]) place[d] = only_inside(r, steps[d], place[d], extents_[d], inside);
    Expr pixel = images_(followed_by<Expr>({lane, channel}, place));
    return is_const_one(inside) ? pixel : select(inside, pixel, 0.0f);
  }
  bool skips_columns() const { return skip_[0]; }

 private:
  /// Limits a sum to the steps that are inside. A loop of one step gets no condition: that would be one on the loops around the sum alone,
  /// from which Halide concludes that it may write accumulators of any of their steps.
  static Expr only_inside(RDom& r, const RVar& step, const Expr& at, int extent, Expr& inside) {
    const Expr here = at >= 0 && at < extent;
    if (is_const_one(simplify(step.extent())))
      inside = inside && here;
    else
      r.where(here);
    return clamp(at, 0, extent - 1);
  }

  std::vector<int> extents_;
  Directions skip_;
  Func images_;
};

/// Whether images, instead of columns, share each vector of weights: where lanes are features and a tile has more images than columns.
bool images_share(const Emitter& e, const Geometry& g, std::int64_t made_columns) {
  return e.lanes_are_features() && g.groups == 1 && e.images() > made_columns && !e.has(OpKind::max_pool);
}

/// Where terms outside are left out of the sums that make pixels. Of rows and planes always: the loop over kernel rows is shorter at the
/// border. Of columns where each is made by itself, or where there are so few that each, of sums and of the kernel, is unrolled into code
/// of its own; of more a border costs less.
Directions skipped(const Emitter& e, const Geometry& g, bool share, std::int64_t made_columns, std::int64_t kernel_columns) {
  // The rows of a pooling's window are made by one loop, which meets all kernel rows for all of them.
  if (e.has(OpKind::max_pool)) return Directions(g.spatial(), false);
  return directions(g.spatial(), share || has_code_for_each_column(e.graph(), made_columns, kernel_columns), true);
}

/// The kernel that the op reads, as (feature, other channel, column, row, plane), which is read where it lies unless a schedule copies it.
Func kernel_of(Emitter& e, const Op& op, std::size_t spatial) {
  Var feature("feature"), channel("channel");
  const auto at = followed_by<Var>({feature, channel}, place_variables(spatial, "k"));
  Func weights("weights");
  weights(at) = e.at(op.operands[1], Expr(), {at.begin(), at.end()});
  return weights;
}

/// Defines the op's result as `sum` over `r` of weights times what is read for them, at (n, feature, x, y, z). `weight`: which one, as
/// kernel_of has them.
void define_sum(Emitter& e, const Op& op, Func sum, const std::vector<Var>& at, const RDom& r, const Place& weight, const Expr& read,
                Contraction product) {
  auto weights = kernel_of(e, op, at.size() - 2);
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
  if (!e.lanes_are_features() || e.has(OpKind::max_pool)) return 0;
  return lanes_of_inner_product(e.graph(), op);
}

/// The kernel that an inner product reads, as (lane, feature, vector of channels, column, row, plane).
Func kernel_of_lanes(Emitter& e, const Op& op, std::size_t spatial, int width) {
  Var l("l"), feature("feature"), group("group");
  const auto k = place_variables(spatial, "k");
  Func weights("weights");
  weights(followed_by<Var>({l, feature, group}, k)) = e.at(op.operands[1], Expr(), followed_by<Expr>({feature, group * width + l}, k));
  return weights;
}

/// Adds to a product the sum of `width` lanes, each a sum over `r`, whose channels are vectors of them. `at`: image, feature, and place.
/// `k`: the place in the kernel. `read`: what is read there of a channel.
Func add_inner_product(Contraction& product, const std::string& name, const std::vector<Var>& at, const RDom& r, int width, const Place& k,
                       const std::function<Expr(const Expr& channel)>& read) {
  Var l("l");
  Func part("part"), sum(name);
  auto part_at = at;
  part_at.insert(part_at.begin(), l);
  part(part_at) = 0.0f;
  part(part_at) += product.weights(followed_by<Expr>({l, at[1], channel_step(r)}, k)) * read(channel_step(r) * width + l);
  RDom lane(0, width, "lane");
  std::vector<Expr> of_lane(at.begin(), at.end());
  of_lane.insert(of_lane.begin(), lane);
  sum(at) = 0.0f;
  sum(at) += part(of_lane);
  product.parts.emplace_back(part, r);
  product.horizontal_sums.emplace_back(sum, lane);
  return sum;
}

/// Defines the op's result at (n, feature, x, y, z) as one inner product.
void define_inner_product(Emitter& e, const Op& op, const std::string& name, const std::vector<Var>& at, const RDom& r, int width,
                          const std::function<Expr(const Expr& channel)>& read) {
  Contraction product{.op = &op, .weights = kernel_of_lanes(e, op, at.size() - 2, width)};
  const auto steps = kernel_steps(r);
  product.accumulator = add_inner_product(product, name, at, r, width, {steps.begin(), steps.end()}, read);
  e.define(op.result(), product.accumulator);
  e.set_product(std::move(product));
}

}  // namespace

void halide_conv(Emitter& e, const Op& op) {
  const auto& w = e.type(op.operands[1]);
  const auto depth = w.dims.end()[-2], features = w.dims.end()[-1];
  const Geometry g(e, op, features);
  Var f("f");
  const auto place = place_variables(g.spatial());
  const auto at = followed_by<Var>({e.n, f}, place);
  auto read_at = [&](const std::vector<RVar>& steps) {
    Place read;
    for (std::size_t d = 0; d < g.spatial(); ++d) read.push_back(g.read(d, place[d], steps[d]));
    return read;
  };
  if (const int width = inner_product_width(e, op); width > 0) {
    Surrounded in(e, g, op.operands[0], w.dims, g.padded(), directions(g.spatial(), false, true));
    RDom r = domain_of(g.sizes(), depth / width);
    const auto steps = kernel_steps(r);
    return define_inner_product(e, op, "conv", at, r, width,
                                [&](const Expr& channel) { return in.at(r, steps, e.n, channel, read_at(steps)); });
  }
  const auto columns = g.along[0].output;
  const bool share = images_share(e, g, columns);
  Surrounded in(e, g, op.operands[0], w.dims, g.padded(), skipped(e, g, share, columns, g.size(0)));
  RDom r = domain_of(g.sizes(), depth);
  const auto steps = kernel_steps(r);
  auto read = in.at(r, steps, e.n, g.channel(f, channel_step(r), depth, features), read_at(steps));
  define_sum(e, op, Func("conv"), at, r, followed_by<Expr>({f, channel_step(r)}, steps), read,
             {.unroll_columns = in.skips_columns() && !share, .images_share = share, .groups = g.groups});
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
  const auto filters = w.end()[-2], in_of_group = w.end()[-1], channels = e.type(op.result()).dims.back();
  const auto spatial = g.spatial();
  auto by_stride = [&](std::int64_t extent) { return (extent + g.stride(0) - 1) / g.stride(0); };
  const int width = inner_product_width(e, op);
  const bool share = width == 0 && images_share(e, g, by_stride(g.along[0].input));
  // What is read in place tests its borders outside of the inner loops instead.
  Directions skip = g.reads_in_place(e, op.operands[0], w) ? Directions(spatial, false)
                    : width > 0                            ? directions(spatial, false, true)
                                                           : skipped(e, g, share, by_stride(g.along[0].input), by_stride(g.along[0].size));
  for (std::size_t d = 0; d < spatial; ++d)
    skip[d] = skip[d] && every_sum_has_terms(g.along[d].size, g.stride(d), g.before(d), g.along[d].input, g.along[d].output);
  Surrounded dy(e, g, op.operands[0], w, Directions(spatial, true), skip);
  Var c("c");
  const auto at = place_variables(spatial), quotient = place_variables(spatial, "q");
  Contraction product{.op = &op,
                      .unroll_columns = dy.skips_columns() && !share,
                      .images_share = share,
                      .groups = g.groups,
                      .weights = width > 0 ? kernel_of_lanes(e, op, spatial, width) : kernel_of(e, op, spatial)};
  Expr value;
  // The sum of the pixels of one remainder along each dimension.
  auto add_part = [&](const std::vector<int>& remainder) {
    // x = q * stride + remainder meets kernel column k where x + before - k is a multiple of the stride.
    std::vector<int> first, steps_of;
    for (std::size_t d = 0; d < spatial; ++d) {
      first.push_back((remainder[d] + g.before(d)) % g.stride(d));
      steps_of.push_back((g.size(d) - first[d] + g.stride(d) - 1) / g.stride(d));
    }
    Expr part = 0.0f;
    if (std::all_of(steps_of.begin(), steps_of.end(), [](int steps) { return steps > 0; })) {
      const auto terms = width > 0 ? filters / width : filters / g.groups;
      RDom r = domain_of(steps_of, terms);
      const auto steps = kernel_steps(r);
      // The last columns may lie beyond the pixels of this remainder, and so may the last row, which no loop of the sum's own leaves out.
      if (product.unroll_columns) r.where(quotient[0] * g.stride(0) + remainder[0] < static_cast<int>(g.along[0].input));
      Place k, read_at, of_pixel;
      for (std::size_t d = 0; d < spatial; ++d) {
        k.push_back(first[d] + steps[d] * g.stride(d));
        read_at.push_back(quotient[d] + (remainder[d] + g.before(d)) / g.stride(d) - steps[d]);
        of_pixel.push_back(at[d] / g.stride(d));
      }
      auto read = [&](const Expr& filter) { return dy.at(r, steps, e.n, filter, read_at); };
      const auto own = followed_by<Var>({e.n, c}, quotient);
      Func acc;
      if (width > 0) {
        acc = add_inner_product(product, "input_grad_part", own, r, width, k, read);
      } else {
        acc = Func("input_grad_part");
        Expr filter = g.channel(c, channel_step(r), terms, channels);
        acc(own) = 0.0f;
        acc(own) += product.weights(g.transposed_weight(c, filter, k, in_of_group)) * read(filter);
        product.parts.emplace_back(acc, r);
      }
      part = acc(followed_by<Expr>({e.n, c}, of_pixel));
    }
    if (!value.defined()) {
      value = part;
      return;
    }
    Expr is;
    for (std::size_t d = 0; d < spatial; ++d) also(is, at[d] % g.stride(d) == remainder[d]);
    value = select(is, part, value);
  };
  int remainders = 1;
  for (std::size_t d = 0; d < spatial; ++d) remainders *= g.stride(d);
  for (int i = 0; i < remainders; ++i) {
    std::vector<int> remainder;
    int rest = i;
    for (std::size_t d = 0; d < spatial; rest /= g.stride(d++)) remainder.push_back(rest % g.stride(d));
    add_part(remainder);
  }
  product.accumulator = Func("input_grad");
  product.accumulator(followed_by<Var>({e.n, c}, at)) = value;
  e.define(op.result(), product.accumulator);
  e.set_product(product);
}

/// The input gradient of a convolution with strides and dilation: dy with zeros in the places that strides left out, and around it.
Func spread_out(Emitter& e, const Op& op, const Geometry& g) {
  Var c("c");
  const auto at = place_variables(g.spatial());
  Func spread("spread");
  Expr inside;
  Place read;
  for (std::size_t d = 0; d < g.spatial(); ++d) also(inside, at[d] % g.stride(d) == 0);
  for (std::size_t d = 0; d < g.spatial(); ++d) {
    const auto extent = static_cast<int>(g.along[d].output);
    const Expr pixel = at[d] / g.stride(d);
    also(inside, pixel >= 0 && pixel < extent);
    read.push_back(clamp(pixel, 0, extent - 1));
  }
  spread(followed_by<Var>({e.n, c}, at)) = select(inside, e.at(op.operands[0], e.n, followed_by<Expr>({c}, read)), 0.0f);
  e.store(spread, e.type(op.operands[0]).dims.back());
  return spread;
}

}  // namespace

/// dx(x) gathers dy((x + before - k * dilation) / stride) * w(k).
void halide_conv_input_grad(Emitter& e, const Op& op) {
  const auto& w = e.type(op.operands[1]);
  const auto in_of_group = w.dims.end()[-1], channels = e.type(op.result()).dims.back();
  const Geometry g(e, op, channels);
  const bool strided = !g.ones(&Window::stride), dilated = !g.ones(&Window::dilation);
  if (strided && !dilated) return strided_input_grad(e, op, g);
  const auto filters = w.dims.end()[-2] / g.groups;
  // Whether the sums meet pixels outside of dy.
  Directions reaches_outside;
  for (const auto& window : g.along)
    reaches_outside.push_back(window.before - (window.size - 1) * window.dilation < 0 || window.input - 1 + window.before >= window.output);
  Var c("c");
  const auto place = place_variables(g.spatial());
  const auto at = followed_by<Var>({e.n, c}, place);
  auto read_at = [&](const std::vector<RVar>& steps) {
    Place read;
    for (std::size_t d = 0; d < g.spatial(); ++d) read.push_back(place[d] + g.before(d) - steps[d] * g.dilation(d));
    return read;
  };
  if (const int width = inner_product_width(e, op); width > 0) {
    Surrounded in(e, g, op.operands[0], w.dims, reaches_outside, directions(g.spatial(), false, true));
    RDom r = domain_of(g.sizes(), filters / width);
    const auto steps = kernel_steps(r);
    return define_inner_product(e, op, "input_grad", at, r, width,
                                [&](const Expr& channel) { return in.at(r, steps, e.n, channel, read_at(steps)); });
  }
  RDom r = domain_of(g.sizes(), filters);
  const auto steps = kernel_steps(r);
  const Expr filter = g.channel(c, channel_step(r), filters, channels);
  const auto columns = g.along[0].input;
  const bool share = images_share(e, g, columns);
  bool unroll_columns = false;
  Expr read;
  if (strided) {
    read = spread_out(e, op, g)(followed_by<Expr>({e.n, filter}, read_at(steps)));
  } else {
    Surrounded in(e, g, op.operands[0], w.dims, reaches_outside, skipped(e, g, share, columns, g.size(0)));
    read = in.at(r, steps, e.n, filter, read_at(steps));
    unroll_columns = in.skips_columns() && !share;
  }
  define_sum(e, op, Func("input_grad"), at, r, g.transposed_weight(c, filter, {steps.begin(), steps.end()}, in_of_group), read,
             {.unroll_columns = unroll_columns, .images_share = share, .groups = g.groups});
}

namespace {

/// The domain of a sum over the pixels that a convolution makes, and over as many images, if that is not 0.
RDom pixels_of(const Geometry& g, int images) {
  std::vector<Range> ranges;
  for (const auto& window : g.along) ranges.emplace_back(0, static_cast<int>(window.output));
  if (images > 0) ranges.emplace_back(0, images);
  return {ranges, "r"};
}

/// A kernel's gradient as (f, c, kx, ky, kz), and a block of it whose accumulators are in registers: a number of each of filters, channels,
/// kernel columns and rows.
struct KernelBlock {
  Var f{"f"}, c{"c"};
  std::vector<Var> k;                          ///< Columns first.
  Var fo{"fo"}, fi{"fi"}, co{"co"}, ci{"ci"};  ///< Blocks of filters and channels, and what is within them.
  Var xo{"xo"}, xi{"xi"}, yo{"yo"}, yi{"yi"};  ///< Blocks of columns and rows, and what is within them.

  explicit KernelBlock(std::size_t spatial) : k(place_variables(spatial, "k")) {}
  bool has_rows() const { return k.size() > 1; }

  std::vector<Var> arguments() const { return followed_by<Var>({f, c}, k); }
  /// Tells the gradient's extents, and cuts columns and rows into blocks.
  void cut(Func gradient, const Geometry& g, const Ints& weights, int columns, int rows) const {
    gradient.bound(f, 0, static_cast<int>(weights.end()[-1])).bound(c, 0, static_cast<int>(weights.end()[-2]));
    for (std::size_t d = 0; d < k.size(); ++d) gradient.bound(k[d], 0, g.size(d));
    gradient.split(k[0], xo, xi, columns, TailStrategy::ShiftInwards);
    if (has_rows()) gradient.split(k[1], yo, yi, rows, TailStrategy::ShiftInwards);
  }
  /// The loops: `inner`, those within the block, then those over blocks, with the filters or channels that are lanes, `lanes`, outermost.
  std::vector<VarOrRVar> order(std::vector<VarOrRVar> inner, const Var& others, const Var& lanes) const {
    inner.push_back(xi);
    if (has_rows()) inner.push_back(yi);
    inner.insert(inner.end(), {xo, others});
    if (has_rows()) inner.push_back(yo);
    for (std::size_t d = 2; d < k.size(); ++d) inner.push_back(k[d]);
    inner.push_back(lanes);
    return inner;
  }
  void unroll_columns_and_rows(Func gradient) const {
    gradient.unroll(xi);
    if (has_rows()) gradient.unroll(yi);
  }
};

/// What a kernel's gradient multiplies dy by, at a pixel that the sum over `r` comes to and a place in the kernel.
Place pixel_for(const Geometry& g, const RDom& r, const std::vector<Var>& k) {
  Place place;
  for (std::size_t d = 0; d < g.spatial(); ++d) place.push_back(g.read(d, r[static_cast<int>(d)], k[d]));
  return place;
}

std::vector<RVar> pixel_steps(const Geometry& g, const RDom& r) {
  std::vector<RVar> steps;
  for (std::size_t d = 0; d < g.spatial(); ++d) steps.push_back(r[static_cast<int>(d)]);
  return steps;
}

/// For each weight a sum over the pixels, with neighbouring filters as lanes, or channels where they fill more of a vector.
void weight_grad_of_features(Emitter& e, const Op& op, const Geometry& g, Func dy) {
  const auto& w = e.type(op.result()).dims;
  const auto depth = w.end()[-2], filters = w.end()[-1];
  const KernelBlock of(g.spatial());
  const auto args = of.arguments();
  const int kernel_columns = g.size(0), kernel_rows = of.has_rows() ? g.size(1) : 1;
  RDom r = pixels_of(g, e.images());
  const auto steps = pixel_steps(g, r);
  const RVar image = r[static_cast<int>(g.spatial())];
  Func acc("acc"), sum("weight_grad");
  acc(args) = 0.0f;
  const bool of_channels = g.groups == 1 && e.width(depth) > e.width(filters), depthwise = g.depthwise(w);
  const auto lanes = of_channels ? depth : filters, beside = of_channels ? filters : depth;
  auto width = of_channels ? e.width(lanes) : g.width;
  std::int64_t pixels = 1;
  for (const auto& window : g.along) pixels *= window.output;
  auto block = choose_feature_tile(e, {.features = lanes, .width = width, .groups = g.groups}, beside, pixels);
  int tx = 1, ty = 1;
  auto fit = [&](std::int64_t extent, int accumulators) {
    return static_cast<int>(std::min<std::int64_t>(extent, std::max(1, (e.target().registers - 4) / accumulators)));
  };
  // Few channels, as the first layer and depthwise ones have, leave accumulators for the columns of the kernel, and for its rows. Else a
  // block has one column and row, and its loops over pixels end where that leaves the images.
  if (depthwise) {
    // Pixels are unrolled, so that neighbours share what they read; more vectors of features read more of a cache line in one go. Half
    // vectors that make up all features in one block read the pixels once instead of twice: with strides those are many.
    tx = fit(kernel_columns, 1);
    ty = fit(kernel_rows, tx);
    const int most = fit(3, tx * ty);
    if (g.stride(0) > 1 && fill_half_vectors(lanes, width) && lanes / (width / 2) <= most) width /= 2;
    block.vectors = static_cast<int>(std::min<std::int64_t>(most, lanes / width));
    while (lanes / width % block.vectors != 0) --block.vectors;
  } else if (beside <= 4) {
    tx = fit(kernel_columns, block.vectors * block.others);
    if (block.vectors * block.others * tx < e.target().enough_accumulators()) ty = fit(kernel_rows, block.vectors * block.others * tx);
  }
  // Planes come one at a time, whatever the block is.
  Directions skip(g.spatial(), !depthwise);
  skip[0] = !depthwise && beside > 4;
  if (of.has_rows()) skip[1] = !depthwise && ty == 1;
  Surrounded in(e, g, op.operands[0], w, g.padded(), skip);
  acc(args) +=
      dy(followed_by<Expr>({image, of.f}, steps)) * in.at(r, steps, image, g.channel(of.f, of.c, depth, filters), pixel_for(g, r, of.k));
  sum(args) = acc(args);
  e.accumulate(op.result(), sum);

  const Var &lane = of_channels ? of.c : of.f, &other = of_channels ? of.f : of.c;
  Var vo("vo"), vi("vi");
  sum.compute_root();
  sum.split(lane, of.fo, of.fi, block.vectors * width, TailStrategy::ShiftInwards)
      .split(of.fi, vo, vi, width)
      .split(other, of.co, of.ci, block.others, TailStrategy::ShiftInwards);
  of.cut(sum, g, w, tx, ty);
  sum.reorder(of.order({vi, vo, of.ci}, of.co, of.fo)).vectorize(vi).unroll(vo).unroll(of.ci);
  of.unroll_columns_and_rows(sum);
  if (g.groups > 1 && filters > g.groups) acc.align_bounds(of.f, width).bound_extent(of.f, block.vectors * width);
  acc.compute_at(sum, of.xo);
  std::vector<VarOrRVar> reduction = {steps.begin(), steps.end()};
  reduction.emplace_back(image);
  if (depthwise) {
    RVar outer("outer"), inner("inner");
    acc.update().split(steps[0], outer, inner, 4, TailStrategy::GuardWithIf).unroll(inner);
    reduction[0] = outer;
    reduction.insert(reduction.begin(), inner);
  }
  keep_in_registers(acc, lane, width, reduction);
}

/// For each weight a vector of per-image sums over the pixels, and then the sum of its lanes.
void weight_grad_of_images(Emitter& e, const Op& op, const Geometry& g, Func dy) {
  const auto& w = e.type(op.result()).dims;
  const auto depth = w.end()[-2], filters = w.end()[-1];
  const KernelBlock of(g.spatial());
  const auto args = of.arguments();
  const auto of_image = followed_by<Var>({e.n}, args);
  RDom r = pixels_of(g, 0);
  const auto steps = pixel_steps(g, r);
  Func part("part");
  part(of_image) = 0.0f;
  Surrounded in(e, g, op.operands[0], w, g.padded(), directions(g.spatial(), false, !g.depthwise(w)));
  part(of_image) +=
      dy(followed_by<Expr>({e.n, of.f}, steps)) * in.at(r, steps, e.n, g.channel(of.f, of.c, depth, filters), pixel_for(g, r, of.k));
  RDom lane(0, e.images());
  Func lane_sum("lane_sum"), sum("weight_grad");
  lane_sum(args) = 0.0f;
  lane_sum(args) += part(followed_by<Expr>({lane}, args));
  sum(args) = lane_sum(args);
  e.accumulate(op.result(), sum);

  // Schedule: a block of out channels × kernel columns × in channels of accumulators runs over all pixels; neighbouring columns of the
  // kernel share the inputs of pixels unrolled by 4, so that a block of 4 × 5 does 20 multiply-adds for about 4 + 1 loads.
  const int most = std::max(e.target().registers * 3 / 4, 4);
  int tx = std::min(g.size(0), 7), ty = 1;
  if (g.depthwise(w) && of.has_rows()) ty = std::clamp(most / tx, 1, g.size(1));
  int tf = std::max(1, static_cast<int>(std::min<std::int64_t>({filters, 8, most / (tx * ty)})));
  // A block that divides the channels evenly wastes nothing, and in one group its filters share what they read.
  const auto of_group = g.depthwise(w) ? filters : filters / g.groups;
  while ((tf > 4 || g.groups > 1) && of_group % tf != 0) --tf;
  int tc = std::max(1, static_cast<int>(std::min<std::int64_t>({depth, 4, most / (tx * ty * tf)})));
  sum.compute_root().split(of.f, of.fo, of.fi, tf, TailStrategy::ShiftInwards).split(of.c, of.co, of.ci, tc, TailStrategy::ShiftInwards);
  of.cut(sum, g, w, tx, ty);
  sum.reorder(of.order({of.fi, of.ci}, of.co, of.fo)).unroll(of.fi).unroll(of.ci);
  of.unroll_columns_and_rows(sum);
  lane_sum.compute_at(sum, of.xo);
  lane_sum.update().atomic().vectorize(lane);
  part.compute_at(sum, of.xo).vectorize(e.n);
  auto update = part.update();
  std::vector<VarOrRVar> order = {of_image.begin(), of_image.end()};
  RVar ro("ro"), ri("ri");
  int unroll = 1;
  const auto columns = g.along[0].output;
  for (int u : {8, 6, 4, 7, 5, 3, 2})
    if (unroll == 1 && columns % u == 0 && u * tf * tx * ty * tc <= 200) unroll = u;
  if (unroll > 1) {
    update.split(steps[0], ro, ri, unroll);
    order.insert(order.end(), {ri, ro});
  } else {
    order.emplace_back(steps[0]);
  }
  order.insert(order.end(), steps.begin() + 1, steps.end());
  update.reorder(order).vectorize(e.n);
  if (unroll > 1) update.unroll(ri);
  for (const auto& arg : args) {
    lane_sum.unroll(arg);
    lane_sum.update().unroll(arg);
    part.unroll(arg);
    update.unroll(arg);
  }
}

}  // namespace

void halide_conv_weight_grad(Emitter& e, const Op& op) {
  const Geometry g(e, op, e.type(op.result()).dims.back());
  Func dy = in_scratch(e, op.operands[1]);
  if (e.lanes_are_features())
    weight_grad_of_features(e, op, g, dy);
  else
    weight_grad_of_images(e, op, g, dy);
}

}  // namespace gradc
