#include "fuzz/graphs.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "ir/roles.h"
#include "ir/scan.h"
#include "ir/window.h"
#include "passes/differentiate.h"

namespace gradc::fuzz {
namespace {

/// Elements of an image beyond which no op makes it larger.
constexpr std::int64_t kMostElements = 5000;

/// Strides, padding and dilation of a window over spatial dimensions, and its size.
struct Geometry {
  Ints size, strides;
  Pairs padding;
  Ints dilation;

  int spatial() const { return static_cast<int>(size.size()); }
  std::int64_t extent(int axis) const { return (size[axis] - 1) * dilation[axis] + 1; }
  std::int64_t room(int axis) const { return padding[axis][0] + padding[axis][1] - extent(axis); }
  bool fits(std::int64_t input, int axis) const { return input + room(axis) >= 0; }
  std::int64_t output(std::int64_t input, int axis) const { return (input + room(axis)) / strides[axis] + 1; }
  Attributes attributes() const { return {{"strides", strides}, {"padding", padding}}; }
  Attributes dilated(std::int64_t groups) const {
    auto result = attributes();
    result.set("dilation", dilation);
    if (groups > 1) result.set("groups", groups);
    return result;
  }
};

Attributes with(Attributes attributes, const std::string& name, Attribute value) {
  attributes.set(name, std::move(value));
  return attributes;
}

class GraphGenerator {
 public:
  explicit GraphGenerator(Choices& choices) : c_(choices), b_(graph_) { graph_.name = "fuzz"; }

  Graph run() {
    bool trained = c_.coin();
    images_ = emit_input(b_, InputRole::data, {DType::f32, input_dims()}, "images");
    emit_input(b_, InputRole::batch_mask, {DType::f32, {kBatch}}, "valid");
    batch_size_ = emit_input(b_, InputRole::batch_size, {DType::f32, {}}, "batch_size");
    key_ = emit_input(b_, InputRole::step_key, {DType::i32, {}}, "random_key");
    index_ = emit_input(b_, InputRole::sample_index, {DType::i32, {kBatch}}, "image_index");
    batched_ = {images_};
    if (!trained && c_.coin()) batched_.push_back(emit_input(b_, InputRole::label, {DType::f32, input_dims()}, "labels"));
    if (!trained && c_.coin()) batched_.push_back(emit_input(b_, InputRole::sample_weight, {DType::f32, input_dims()}, "weights"));
    for (std::int64_t number = 1; number < 3 && c_.one_in(4); ++number)
      batched_.push_back(emit_input(b_, InputRole::data, {DType::f32, input_dims()}, fmt::format("images{}", number), number));
    if (trained) batched_.push_back(b_.emit(OpKind::mul, {images_, param(b_.type(images_).image_dims())}));
    for (int ops = 0; ops < 6 && (ops == 0 || c_.more()); ++ops) {
      Choices::Part part(c_);
      trained ? forward_op() : any_op();
    }
    if (trained) {
      add_loss();
      differentiate(graph_);
    } else {
      add_outputs();
    }
    return std::move(graph_);
  }

 private:
  ValueId param(Ints dims) {
    auto name = fmt::format("p{}", params_++);
    auto value = b_.emit_typed(OpKind::param, {DType::f32, std::move(dims)}, {{"name", name}, {"trainable", std::int64_t{1}}}, name);
    replicated_.push_back(value);
    return value;
  }

  Ints input_dims() {
    switch (c_.integer(0, 5)) {
      case 0: return {kBatch, random_channels(c_)};
      case 1: return {kBatch, random_side(c_), random_channels(c_)};
      case 2: return {kBatch, c_.integer(1, 7), c_.integer(1, 7), c_.integer(1, 7), random_channels(c_)};
      default: return {kBatch, random_side(c_), random_side(c_), random_channels(c_)};
    }
  }

  const Type type(ValueId value) const { return b_.type(value); }

  ValueId any(const std::vector<ValueId>& values) {
    // The newest first, so that graphs become deep rather than wide.
    auto back = c_.coin() ? 0 : c_.integer(0, static_cast<std::int64_t>(values.size()) - 1);
    return values[values.size() - 1 - static_cast<std::size_t>(back)];
  }

  ValueId batched() { return any(batched_); }

  /// A batched value of one to three spatial dimensions and channels.
  ValueId image() {
    std::vector<ValueId> fitting;
    for (auto value : batched_)
      if (type(value).rank() >= 3 && type(value).rank() <= 5) fitting.push_back(value);
    if (!fitting.empty()) return any(fitting);
    auto x = batched();
    auto elements = type(x).elements();
    std::int64_t side = 1;
    for (std::int64_t d : {2, 3, 4, 5, 6, 7, 8, 9, 10})
      if (elements % d == 0) side = d;
    return b_.emit(OpKind::reshape, {x}, {{"dims", Ints{kBatch, side, 1, elements / side}}});
  }

  /// A batched value with features.
  ValueId features() {
    auto x = batched();
    return type(x).rank() > 1 ? x : b_.emit(OpKind::reshape, {x}, {{"dims", Ints{kBatch, 1}}});
  }

  void keep(ValueId value) { (type(value).batched() ? batched_ : replicated_).push_back(value); }

  Geometry geometry(const Type& x, bool dilated, bool pooling) {
    const auto spatial = static_cast<std::size_t>(x.rank()) - 2;
    Geometry g{Ints(spatial, 1), Ints(spatial, 1), Pairs(spatial), Ints(spatial, 1)};
    for (int axis = 0; axis < g.spatial(); ++axis) {
      g.size[axis] = c_.of({1, 2, 3, 3, 4, 5, 7});
      g.strides[axis] = c_.of({1, 1, 2, 2, 3, 4});
      g.dilation[axis] = dilated ? c_.of({1, 1, 1, 2, 3}) : 1;
      // A pooling's window has to hold a pixel.
      auto most = pooling ? g.size[axis] - 1 : g.extent(axis);
      for (auto& side : g.padding[axis]) side = c_.integer(0, std::min<std::int64_t>(most, 4));
    }
    return g;
  }

  /// Makes a window no larger than such an input with its padding.
  void fit(Geometry& g, const Type& x) {
    for (int axis = 0; axis < g.spatial(); ++axis)
      while (!g.fits(x.dims[axis + 1], axis)) {
        if (g.dilation[axis] > 1)
          --g.dilation[axis];
        else
          --g.size[axis];
        for (auto& side : g.padding[axis]) side = std::min(side, g.extent(axis) - (g.size[axis] > 1 ? 0 : 1));
      }
  }

  std::int64_t divisor(std::int64_t n) {
    std::vector<std::int64_t> divisors;
    for (std::int64_t d = 1; d <= n; ++d)
      if (n % d == 0) divisors.push_back(d);
    return c_.of(divisors);
  }

  /// The spatial dimensions of images that windows of this geometry turn into so many outputs. Some have rows and columns that no window
  /// reaches.
  std::optional<Ints> input_of(const Geometry& g, const Type& dy) {
    Ints input;
    for (int axis = 0; axis < g.spatial(); ++axis) {
      auto rest = c_.integer(0, g.strides[axis] - 1);
      input.push_back((dy.dims[axis + 1] - 1) * g.strides[axis] - g.room(axis) + rest);
      if (input.back() < 1) return {};
    }
    return input;
  }

  static Ints kernel(const Geometry& g, std::int64_t in, std::int64_t out) {
    auto dims = g.size;
    dims.insert(dims.end(), {in, out});
    return dims;
  }

  ValueId conv(ValueId x, const Geometry& g, std::int64_t groups) {
    auto channels = type(x).dims.back();
    auto filters = groups > 1 ? groups * c_.integer(1, std::max<std::int64_t>(1, 40 / groups)) : random_channels(c_);
    return b_.emit(OpKind::conv, {x, param(kernel(g, channels / groups, filters))}, g.dilated(groups));
  }

  void convolution() {
    auto x = image();
    auto g = geometry(type(x), true, false);
    fit(g, type(x));
    keep(conv(x, g, c_.one_in(3) ? divisor(type(x).dims.back()) : 1));
  }

  void convolution_input_grad() {
    auto dy = image();
    auto g = geometry(type(dy), true, false);
    auto input = input_of(g, type(dy));
    auto filters = type(dy).dims.back();
    auto groups = c_.one_in(3) ? divisor(filters) : 1;
    auto in_of_group = groups > 1 ? c_.integer(1, std::max<std::int64_t>(1, 40 / groups)) : random_channels(c_);
    if (!input || Type{DType::f32, *input}.elements() * in_of_group * groups > kMostElements) return;
    keep(b_.emit(OpKind::conv_input_grad, {dy, param(kernel(g, filters, in_of_group))}, with(g.dilated(groups), "input", *input)));
  }

  void convolution_weight_grad() {
    auto x = image();
    auto g = geometry(type(x), true, false);
    fit(g, type(x));
    auto groups = c_.one_in(3) ? divisor(type(x).dims.back()) : 1;
    auto dy = conv(x, g, groups);
    if (c_.coin()) dy = b_.emit(OpKind::tanh, {dy});
    keep(b_.emit(OpKind::conv_weight_grad, {x, dy}, with(g.dilated(groups), "kernel", g.size)));
    if (c_.coin()) keep(dy);
  }

  void pooling(OpKind kind) {
    auto x = image();
    auto g = geometry(type(x), false, true);
    fit(g, type(x));
    for (int axis = 0; axis < g.spatial(); ++axis) {
      for (auto& side : g.padding[axis]) side = std::min(side, g.size[axis] - 1);
      if (!g.fits(type(x).dims[axis + 1], axis)) return;
    }
    auto results = b_.emit_all(kind, {x}, with(g.attributes(), "window", g.size));
    keep(results[0]);
    if (trained_ops_only_ || c_.coin()) return;
    auto gradient = with(with(g.attributes(), "window", g.size), "input", spatial_dims(type(x)));
    auto dy = c_.coin() ? b_.emit(OpKind::tanh, {results[0]}) : results[0];
    keep(kind == OpKind::max_pool ? b_.emit(OpKind::max_pool_grad, {dy, results[1]}, gradient)
                                  : b_.emit(OpKind::avg_pool_grad, {dy}, gradient));
  }

  /// A dense layer's weights, some of them in blocks.
  ValueId dense_kernel(std::int64_t inputs) {
    if (c_.one_in(4)) return param({c_.integer(1, 3), inputs, c_.integer(1, 18)});
    return param({inputs, random_channels(c_)});
  }

  void dense() {
    auto x = features();
    keep(b_.emit(OpKind::dense, {x, dense_kernel(type(x).dims.back())}));
  }

  void dense_input_grad() {
    auto x = features();
    keep(b_.emit(OpKind::dense_input_grad, {x, dense_kernel(type(x).dims.back())}));
  }

  void dense_weight_grad() {
    auto x = features();
    auto dy = b_.emit(OpKind::dense, {x, param({type(x).dims.back(), random_channels(c_)})});
    if (c_.coin()) dy = b_.emit(OpKind::tanh, {dy});
    keep(b_.emit(OpKind::dense_weight_grad, {x, dy}));
    if (c_.coin()) keep(dy);
  }

  /// A value with itself, or with the rows and columns of a param that are the same for all images.
  void matmul() {
    const auto x = image();
    const auto& dims = type(x).dims;
    const auto rows = dims.end()[-2], columns = dims.back(), matrices = type(x).elements() / (rows * columns);
    Attributes attributes;
    const bool transpose_a = c_.coin(), transpose_b = c_.coin();
    if (transpose_a) attributes.set("transpose_a", std::int64_t{1});
    if (transpose_b) attributes.set("transpose_b", std::int64_t{1});
    const auto depth = transpose_a ? rows : columns, made = transpose_a ? columns : rows;
    if (transpose_a != transpose_b && c_.coin()) {
      if (matrices * made * made <= kMostElements) keep(b_.emit(OpKind::matmul, {x, x}, attributes));
      return;
    }
    const auto features = random_channels(c_);
    if (matrices * std::max(made, depth) * features > kMostElements) return;
    Ints other(dims.begin() + 1, dims.end() - 2);
    other.insert(other.end(), {transpose_b ? features : depth, transpose_b ? depth : features});
    auto second = dims;
    std::copy(other.end() - 2, other.end(), second.end() - 2);
    auto y = b_.emit(OpKind::broadcast, {param(other)}, {{"dims", second}});
    if (c_.coin()) {
      Ints one(second.size(), 1);
      one[0] = kBatch;
      auto number = b_.emit(OpKind::slice, {x}, {{"begin", Ints(second.size(), 0)}, {"size", one}});
      y = b_.emit(OpKind::add, {y, b_.emit(OpKind::softsign, {number})});
    }
    keep(b_.emit(OpKind::matmul, {x, y}, attributes));
  }

  /// A value with no element below 0.5.
  ValueId positive(ValueId x) { return b_.emit(OpKind::add, {b_.emit(OpKind::square, {x}), b_.constant(0.5)}); }

  ValueId source() { return replicated_.empty() || !c_.one_in(5) ? batched() : any(replicated_); }

  void unary() {
    std::vector<OpKind> kinds;
    for (auto kind : all_ops())
      if (is_pointwise(kind) && definition(kind).operands.size() == 1) kinds.push_back(kind);
    auto x = source();
    auto kind = c_.of(kinds);
    if (kind == OpKind::log || kind == OpKind::sqrt || kind == OpKind::rsqrt) x = positive(x);
    // Of large numbers a power has no room, and a wave no bits.
    const bool wants_small = kind == OpKind::exp || kind == OpKind::square || kind == OpKind::sin || kind == OpKind::cos;
    if (wants_small) x = b_.emit(OpKind::softsign, {x});
    keep(b_.emit(kind, {x}));
  }

  /// A number that arithmetic makes of a sum over a whole batch.
  ValueId number_of_batch(ValueId x) {
    Ints axes(static_cast<std::size_t>(type(x).rank()));
    std::iota(axes.begin(), axes.end(), 0);
    auto sum = x;
    if (!axes.empty()) sum = b_.emit(OpKind::reduce_sum, {x}, {{"axes", axes}, {"keep_dims", std::int64_t{0}}});
    return b_.emit(OpKind::softsign, {sum});
  }

  /// Something that broadcasts against a value: another of its type, a param along its last dimensions, or a number.
  ValueId other_operand(ValueId x) {
    auto dims = type(x).image_dims();
    switch (c_.integer(0, 5)) {
      case 0: return b_.constant(c_.of({2.0, -0.5, 1.0, 0.0}));
      case 5: return number_of_batch(x);
      case 1: {
        std::vector<ValueId> same;
        for (auto value : type(x).batched() ? batched_ : replicated_)
          if (type(value) == type(x)) same.push_back(value);
        return any(same);
      }
      case 2: {
        auto drop = c_.integer(0, static_cast<std::int64_t>(dims.size()));
        return param({dims.begin() + drop, dims.end()});
      }
      default:
        for (auto& dim : dims)
          if (c_.coin()) dim = 1;
        return param(dims);
    }
  }

  void binary_or_select() {
    std::vector<OpKind> kinds;
    for (auto kind : all_ops())
      if (is_pointwise(kind) && definition(kind).operands.size() > 1) kinds.push_back(kind);
    auto x = source();
    auto kind = c_.of(kinds);
    auto y = other_operand(x);
    if (kind == OpKind::select) {
      auto condition = b_.emit(OpKind::greater, {x, y});
      keep(b_.emit(kind, {condition, c_.coin() ? x : other_operand(x), other_operand(x)}));
      return;
    }
    const bool is_ordered = kind == OpKind::div || kind == OpKind::pow || kind == OpKind::atan2;
    if (kind == OpKind::div || kind == OpKind::atan2) y = positive(y);  // Behind it angles jump from -π to π.
    if (kind == OpKind::pow) x = positive(b_.emit(OpKind::softsign, {x})), y = b_.emit(OpKind::softsign, {y});
    if (c_.coin() && !is_ordered) std::swap(x, y);
    keep(b_.emit(kind, {x, y}));
  }

  void softmax() { keep(b_.emit(OpKind::softmax, {features()})); }

  void cross_entropy() {
    auto z = features();
    auto y = b_.emit(OpKind::softmax, {b_.emit(OpKind::mul, {z, param({type(z).dims.back()})})});
    auto loss = b_.emit(OpKind::softmax_cross_entropy, {z, y});
    keep(loss);
    if (!trained_ops_only_ && c_.coin()) keep(b_.emit(OpKind::softmax_cross_entropy_grad, {z, y, b_.emit(OpKind::tanh, {loss})}));
  }

  void reduce_sum() {
    auto x = source();
    Ints axes;
    for (int axis = 0; axis < type(x).rank(); ++axis) {
      bool batch = type(x).dims[axis] == kBatch;
      if (batch ? !trained_ops_only_ && c_.one_in(3) : c_.coin()) axes.push_back(axis);
    }
    // A sum over the batch that keeps it as 1 is no sharded value any more.
    bool over_batch = !axes.empty() && type(x).dims[axes[0]] == kBatch;
    keep(b_.emit(OpKind::reduce_sum, {x}, {{"axes", axes}, {"keep_dims", std::int64_t{!over_batch && c_.coin()}}}));
  }

  void batch_moments() {
    auto x = features();
    auto moments = b_.emit_all(OpKind::batch_moments, {x, batch_size_});
    auto centered = b_.emit(OpKind::sub, {x, moments[0]});
    keep(b_.emit(OpKind::mul, {centered, b_.emit(OpKind::rsqrt, {b_.emit(OpKind::add, {moments[1], b_.constant(0.1)})})}));
    if (!trained_ops_only_ && c_.coin()) keep(moments[1]);
  }

  void argmax() {
    auto x = features();
    auto place = b_.emit(OpKind::argmax, {x});
    keep(c_.coin() ? place
                   : b_.emit(OpKind::one_hot, {place}, {{"depth", std::max<std::int64_t>(1, type(x).dims.back() - c_.integer(0, 1))}}));
  }

  void reshape() {
    auto x = source();
    Ints dims = type(x).batched() ? Ints{kBatch} : Ints{};
    auto left = type(x).elements();
    for (auto rank = c_.integer(1, 3); rank > 1; --rank) {
      dims.push_back(divisor(left));
      left /= dims.back();
    }
    dims.push_back(left);
    keep(b_.emit(OpKind::reshape, {x}, {{"dims", dims}}));
  }

  void transpose() {
    auto x = source();
    Ints permutation(static_cast<std::size_t>(type(x).rank()));
    std::iota(permutation.begin(), permutation.end(), 0);
    for (std::size_t i = permutation.size(), first = type(x).batched() ? 1 : 0; i > first + 1; --i)
      std::swap(permutation[i - 1], permutation[static_cast<std::size_t>(c_.integer(0, static_cast<std::int64_t>(i - 1 - first))) + first]);
    keep(b_.emit(OpKind::transpose, {x}, {{"permutation", permutation}}));
  }

  void broadcast() {
    auto x = features();
    auto dims = type(x).dims;
    if (type(x).elements() * 3 > kMostElements || dims.size() > 4) return;
    auto narrow = c_.coin() ? b_.emit(OpKind::reduce_sum, {x}, {{"axes", Ints{type(x).rank() - 1}}, {"keep_dims", std::int64_t{1}}})
                            : param({1, dims.back()});
    keep(b_.emit(OpKind::broadcast, {narrow}, {{"dims", dims}}));
  }

  void pad() {
    auto x = source();
    Ints before, after;
    for (auto dim : type(x).dims) {
      before.push_back(dim == kBatch ? 0 : c_.of({0, 0, 1, 2, 3}));
      after.push_back(dim == kBatch ? 0 : c_.of({0, 0, 1, 2, 3}));
    }
    if (type(x).elements() < kMostElements / 4) keep(b_.emit(OpKind::pad, {x}, {{"before", before}, {"after", after}}));
  }

  void slice() {
    auto x = source();
    Ints begin, size;
    for (auto dim : type(x).dims) {
      begin.push_back(dim == kBatch ? 0 : c_.integer(0, dim - 1));
      size.push_back(dim == kBatch ? kBatch : c_.integer(1, dim - begin.back()));
    }
    keep(b_.emit(OpKind::slice, {x}, {{"begin", begin}, {"size", size}}));
  }

  void reverse() {
    auto x = features();
    Ints axes;
    for (int axis = 1; axis < type(x).rank(); ++axis)
      if (c_.coin()) axes.push_back(axis);
    keep(b_.emit(OpKind::reverse, {x}, {{"axes", axes}}));
  }

  /// A loop whose carries stay small, and forget: rounding does not grow in it.
  void scan() {
    auto x = features();
    if (type(x).rank() < 3) {
      const auto elements = type(x).elements();
      std::int64_t steps = 1;
      for (std::int64_t each : {2, 3, 4, 5, 6, 7})
        if (elements % each == 0) steps = each;
      x = b_.emit(OpKind::reshape, {x}, {{"dims", Ints{kBatch, steps, elements / steps}}});
    }
    const auto steps = type(x).dims[1], in = type(x).elements() / steps, units = c_.integer(1, 20);
    x = b_.emit(OpKind::reshape, {x}, {{"dims", Ints{kBatch, steps, in}}});
    const Type state{DType::f32, {kBatch, units}};
    auto first = b_.constant(c_.coin() ? 0 : 0.5, state);
    if (c_.coin()) first = b_.emit(OpKind::add, {first, param({units})});
    ScanBuilder loop(b_, steps, c_.coin());
    auto& body = loop.body;
    const auto h = loop.carry(first, "h"), other = c_.coin() ? loop.carry(first, "other") : -1;
    const auto step = loop.scan(x, "x");
    const auto of_input = body.emit(OpKind::dense, {step, loop.constant(param({in, units}))});
    auto of_state = body.emit(OpKind::dense, {h, loop.constant(param({units, units}))});
    of_state = body.emit(OpKind::mul, {of_state, body.constant(0.5 / static_cast<double>(units))});
    auto z = body.emit(OpKind::add, {of_input, of_state});
    if (c_.coin()) z = body.emit(OpKind::add, {z, loop.constant(param({units}))});
    const auto next = body.emit(c_.of({OpKind::tanh, OpKind::sigmoid, OpKind::softsign}), {z});
    loop.output(next, "next");
    if (other >= 0) loop.output(body.emit(OpKind::mul, {other, body.emit(OpKind::sigmoid, {next})}), "next_other");
    const bool stacks = c_.coin();
    if (stacks) loop.output(c_.coin() ? next : h, "stack");
    const auto results = loop.finish("loop");
    keep(results.front());
    if (stacks) keep(results.back());
    if (other >= 0 && c_.coin()) keep(results[1]);
  }

  void concat() {
    auto x = features();
    auto axis = c_.integer(1, type(x).rank() - 1);
    std::vector<ValueId> parts = {x};
    for (auto count = c_.integer(1, 2); count > 0 && type(x).elements() < kMostElements / 3; --count) {
      auto part = b_.emit(c_.of({OpKind::tanh, OpKind::square, OpKind::relu}), {x});
      auto dims = type(x).dims;
      dims[static_cast<std::size_t>(axis)] = c_.integer(1, dims[static_cast<std::size_t>(axis)]);
      part = b_.emit(OpKind::slice, {part}, {{"begin", Ints(dims.size(), 0)}, {"size", dims}});
      parts.insert(c_.coin() ? parts.begin() : parts.end(), part);
    }
    keep(b_.emit(OpKind::concat, parts, {{"axis", axis}}));
  }

  void random_uniform() {
    auto x = batched();
    auto random = b_.emit(OpKind::random_uniform, {key_, index_}, {{"dims", type(x).dims}, {"stream", c_.integer(0, 3)}});
    keep(b_.emit(OpKind::select, {b_.emit(OpKind::greater, {b_.constant(0.3), random}), b_.constant(0), x}));
  }

  void iota() {
    auto x = features();
    auto dims = type(x).dims;
    dims.erase(dims.begin());
    auto place = b_.emit(OpKind::iota, {}, {{"axis", c_.integer(0, static_cast<std::int64_t>(dims.size()) - 1)}, {"dims", dims}});
    place = b_.emit(OpKind::mul, {place, b_.constant(0.125)});
    keep(b_.emit(c_.of({OpKind::add, OpKind::mul}), {x, c_.coin() ? b_.emit(OpKind::sin, {place}) : place}));
  }

  /// Numbers of rows, also beyond a table's ends, that are the same however a backend rounds.
  ValueId row_numbers() {
    switch (c_.integer(0, 2)) {
      case 0: return index_;
      case 1: return b_.emit(OpKind::argmax, {features()});
      default: return b_.emit(OpKind::mul, {images_, b_.constant(4)});
    }
  }

  void gather() {
    auto numbers = row_numbers();
    if (type(numbers).rank() > 4 || type(numbers).elements() > kMostElements / 8) numbers = index_;
    Ints table = {c_.integer(1, 40)};
    for (auto most = kMostElements / type(numbers).elements(); table.size() < 3 && c_.coin(); most /= table.back())
      table.push_back(std::min(most, random_channels(c_)));
    keep(b_.emit(OpKind::gather, {param(table), numbers}));
  }

  void gather_grad() {
    auto dy = features();
    auto numbers = c_.coin() ? index_ : b_.emit(OpKind::argmax, {dy});
    const auto size = type(dy).elements() / type(numbers).elements();
    keep(b_.emit(OpKind::gather_grad, {numbers, dy}, {{"rows", c_.integer(1, std::max<std::int64_t>(1, kMostElements / size))}}));
  }

  void scatter_add() {
    auto values = features();
    auto numbers = c_.coin() ? index_ : b_.emit(OpKind::argmax, {values});
    const auto row = type(values).elements() / type(numbers).elements();
    const auto shape = type(values).dims;
    Ints dims = {c_.integer(1, std::max<std::int64_t>(1, kMostElements / row))};
    dims.insert(dims.end(), shape.begin() + type(numbers).rank(), shape.end());
    const auto table = param(dims);
    b_.emit(OpKind::update, {table, b_.emit(OpKind::scatter_add, {table, numbers, values})});
  }

  /// Ops that have a gradient, or need none.
  void forward_op() {
    trained_ops_only_ = true;
    shared_op(c_.integer(0, 19));
  }

  void any_op() {
    switch (auto op = c_.integer(0, 29)) {
      case 20:
      case 21: return convolution_input_grad();
      case 22:
      case 23: return convolution_weight_grad();
      case 24: return dense_input_grad();
      case 25: return dense_weight_grad();
      case 26: return update();
      case 27: return argmax();
      case 28: return gather_grad();
      case 29: return scatter_add();
      default: return shared_op(op);
    }
  }

  void shared_op(std::int64_t op) {
    switch (op) {
      case 0:
      case 1:
      case 2: return convolution();
      case 3: return pooling(OpKind::max_pool);
      case 4: return pooling(OpKind::avg_pool);
      case 5: return c_.one_in(3) ? matmul() : dense();
      case 6: return unary();
      case 7: return binary_or_select();
      case 8: return softmax();
      case 9: return cross_entropy();
      case 10: return reduce_sum();
      case 11: return batch_moments();
      case 12: return reshape();
      case 13: return transpose();
      case 14: return broadcast();
      case 15: return c_.coin() ? pad() : c_.coin() ? slice() : reverse();
      case 16: return concat();
      case 17: return scan();
      case 18: return gather();
      default: return c_.coin() ? random_uniform() : iota();
    }
  }

  /// Gives a param a new value, made of a sum over the batch or of the param itself.
  void update() {
    std::vector<ValueId> params;
    for (const auto& op : graph_.ops)
      if (op.kind == OpKind::param && std::none_of(graph_.ops.begin(), graph_.ops.end(), [&](const Op& other) {
            return other.kind == OpKind::update && other.operands[0] == op.result();
          }))
        params.push_back(op.result());
    if (params.empty()) return;
    auto target = c_.of(params);
    std::vector<ValueId> same;
    for (auto value : replicated_)
      if (type(value) == type(target)) same.push_back(value);
    auto value = any(same);
    switch (c_.integer(0, 5)) {
      case 0: value = b_.emit(OpKind::neg, {value}); break;
      case 1: value = b_.emit(OpKind::stop_gradient, {value}); break;
      case 2: value = b_.constant(0.5, type(target)); break;
      default: value = b_.emit(OpKind::sub, {target, b_.emit(OpKind::mul, {value, b_.constant(0.1)})});
    }
    b_.emit(OpKind::update, {target, value});
    if (c_.one_in(4)) keep(value);
  }

  std::vector<ValueId> unused() const {
    std::vector<ValueId> values;
    auto users = graph_.users();
    for (const auto& op : graph_.ops)
      for (auto result : op.results)
        if (op.kind != OpKind::input && op.kind != OpKind::param && users[result].empty()) values.push_back(result);
    return values;
  }

  void add_outputs() {
    int number = 0;
    auto values = unused();
    for (const auto& op : graph_.ops)
      if (op.kind == OpKind::update && c_.one_in(8)) values.push_back(op.operands[0]);
    for (auto value : values) b_.emit(OpKind::output, {value}, {{"name", fmt::format("y{}", number++)}});
  }

  /// The mean over the batch of a weighted sum of every value that nothing uses, so that each of their elements has a gradient of its own.
  void add_loss() {
    auto valid = find_input(graph_, InputRole::batch_mask)->result();
    ValueId sum = -1;
    for (auto value : unused()) {
      if (type(value).dtype != DType::f32) continue;
      auto term = b_.emit(OpKind::mul, {value, param(type(value).image_dims())});
      Ints axes;
      for (int axis = type(value).batched() ? 1 : 0; axis < type(value).rank(); ++axis) axes.push_back(axis);
      if (!axes.empty()) term = b_.emit(OpKind::reduce_sum, {term}, {{"axes", axes}, {"keep_dims", std::int64_t{0}}});
      if (type(term).batched())
        term = b_.emit(OpKind::reduce_sum, {b_.emit(OpKind::mul, {term, valid})}, {{"axes", Ints{0}}, {"keep_dims", std::int64_t{0}}});
      sum = sum < 0 ? term : b_.emit(OpKind::add, {sum, term});
    }
    b_.emit(OpKind::output, {b_.emit(OpKind::div, {sum, batch_size_})}, {{"name", std::string("loss")}});
  }

  Choices& c_;
  Graph graph_;
  Builder b_;
  bool trained_ops_only_ = false;
  int params_ = 0;
  ValueId images_ = -1, batch_size_ = -1, key_ = -1, index_ = -1;
  std::vector<ValueId> batched_, replicated_;  ///< Values to compute with.
};

}  // namespace

Graph random_graph(Choices& choices) { return GraphGenerator(choices).run(); }

}  // namespace gradc::fuzz
