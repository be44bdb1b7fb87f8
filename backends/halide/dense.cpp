// dense and its gradients. Arguments are (n, feature, ...) for vectors and (out feature, in feature) for kernels.
#include "backends/halide/emitter.h"
#include "gradc/error.h"
#include "ir/dense_kernel.h"
#include "target/cost.h"

namespace gradc {
namespace {

using namespace Halide;

/// The index variables of a value, with its first (fastest) replaced.
std::vector<Expr> with_first(const std::vector<Var>& vars, const Expr& first) {
  std::vector<Expr> index(vars.begin(), vars.end());
  index[0] = first;
  return index;
}

/// A kernel's weight of an input for an output.
Expr weight_at(const Emitter& e, ValueId weights, const Expr& output, const Expr& input) {
  const DenseKernel kernel(e.type(weights));
  if (!kernel.in_blocks) return e.at(weights, Expr(), {output, input});
  const auto block = static_cast<int>(kernel.block);
  return e.at(weights, Expr(), {output % block, input, output / block});
}

}  // namespace

void halide_dense(Emitter& e, const Op& op) {
  const auto& type = e.type(op.result());
  auto vars = e.indices(type);
  RDom r(0, static_cast<int>(DenseKernel(e.type(op.operands[1])).inputs), "r");
  Func acc("dense");
  acc(e.arguments_of(type)) = 0.0f;
  acc(e.arguments_of(type)) += weight_at(e, op.operands[1], vars[0], r) * e.at(op.operands[0], e.n, with_first(vars, r));
  e.define(op.result(), acc);
  e.set_product({&op, acc, r});
}

void halide_dense_input_grad(Emitter& e, const Op& op) {
  const auto& type = e.type(op.result());
  auto vars = e.indices(type);
  const auto outputs = static_cast<int>(DenseKernel(e.type(op.operands[1])).inputs);
  Func dy("dy");
  auto dy_vars = e.indices(e.type(op.operands[0]));
  std::vector<Expr> own(dy_vars.begin(), dy_vars.end());
  dy(e.arguments_of(e.type(op.operands[0]))) = e.at(op.operands[0], e.n, own);
  if (!e.in_memory(op.operands[0])) e.store(dy, outputs);
  auto dy_at = [&](const Expr& output) {
    auto index = with_first(vars, output);
    index.insert(index.begin(), e.n);
    return dy(index);
  };
  Func acc("input_grad");
  auto args = e.arguments_of(type);
  acc(args) = 0.0f;
  if (e.lanes_are_features() && !e.in_memory(op.operands[1])) {
    // The kernel lies as [inputs, outputs]: vectors of neighbouring outputs meet those of dy, and their lanes are summed at the end.
    check(outputs % e.vector() == 0, "outputs fill whole vectors");
    RDom r(0, outputs / e.vector(), "r"), lane(0, e.vector(), "lane");
    Var l("l");
    auto part_args = args;
    part_args.insert(part_args.begin(), l);
    Func part("part");
    part(part_args) = 0.0f;
    part(part_args) += weight_at(e, op.operands[1], vars[0], r * e.vector() + l) * dy_at(r * e.vector() + l);
    std::vector<Expr> at(args.begin(), args.end());
    at.insert(at.begin(), lane);
    acc(args) += part(at);
    e.define(op.result(), acc);
    e.set_product({.op = &op, .accumulator = acc, .parts = {{part, r}}, .horizontal_sums = {{acc, lane}}});
    return;
  }
  RDom r(0, outputs, "r");
  acc(args) += weight_at(e, op.operands[1], vars[0], r) * dy_at(r);
  e.define(op.result(), acc);
  e.set_product({&op, acc, r});
}

namespace {

/// An element of a value, of images of several dimensions the row numbered `at_row` of them all.
Expr at_row(Emitter& e, ValueId value, const Expr& feature, const Expr& row, const Expr& image) {
  std::vector<Expr> index = {feature};
  auto dims = e.type(value).image_dims();
  Expr rest = row;
  for (std::size_t i = dims.size() - 1; i-- > 0;) {
    index.push_back(i == 0 ? rest : rest % static_cast<int>(dims[i]));
    rest = rest / static_cast<int>(dims[i]);
  }
  return e.at(value, image, index);
}

/// Both sides of a kernel's gradient: which has lanes, and how wide vectors of it are.
struct GradientLanes {
  bool of_outputs = true;
  std::int64_t features, others;
  int width;
};

/// Modelled cycles for each weight, of `terms` terms. With inputs as lanes the result is transposed before it is added to the gradient,
/// where that has several outputs.
GradientLanes choose_lanes(const Emitter& e, std::int64_t inputs, std::int64_t outputs, std::int64_t terms) {
  const auto vector = static_cast<std::int64_t>(e.vector());
  auto cycles = [&](std::int64_t features) {
    auto vectors = static_cast<double>((features + vector - 1) / vector);
    return vectors * static_cast<double>(terms) / e.target().fma_per_cycle / static_cast<double>(features);
  };
  const bool of_outputs = cycles(outputs) <= cycles(inputs) + (outputs > 1 ? cost::kTransposeWeight : 0);
  GradientLanes lanes{of_outputs, of_outputs ? outputs : inputs, of_outputs ? inputs : outputs, e.vector()};
  while (lanes.width / 2 >= lanes.features) lanes.width /= 2;
  return lanes;
}

/// Schedules `sum`, whose accumulators run over all images and rows: blocks of vectors × others stay in registers.
void schedule_outer_products(Emitter& e, Func sum, Func acc, const Var& lane, const Var& other, const GradientLanes& lanes, const RDom& r,
                             std::int64_t terms) {
  auto block = choose_feature_tile(e, {std::max<std::int64_t>(lanes.features, lanes.width), lanes.width}, lanes.others, terms);
  const int features = block.vectors * lanes.width;
  Var fo("fo"), fi("fi"), vo("vo"), vi("vi"), oo("oo"), oi("oi");
  sum.compute_root()
      .bound(lane, 0, static_cast<int>(lanes.features))
      .bound(other, 0, static_cast<int>(lanes.others))
      .split(lane, fo, fi, features, lanes.features < features ? TailStrategy::GuardWithIf : TailStrategy::ShiftInwards)
      .split(fi, vo, vi, lanes.width)
      .split(other, oo, oi, block.others, TailStrategy::ShiftInwards)
      .reorder(vi, vo, oi, oo, fo)
      .vectorize(vi)
      .unroll(vo)
      .unroll(oi);
  acc.compute_at(sum, oo).bound_extent(lane, features);
  keep_in_registers(acc, lane, lanes.width, {r.x, r.y});
}

/// One side of a kernel's gradient: (image, feature, row), and what counts its features.
struct Side {
  Func values;
  Var feature;
  std::int64_t features;
};

/// The sum over images and rows where lanes are images and rows are many: each weight has a vector of images, which runs over the rows, and
/// whose lanes are summed at the end. Blocks of the side with more features are copied to where they stay in the cache while the other side
/// passes: a value's rows lie so far apart that they meet in few of its sets.
Func sum_of_inner_products(Emitter& e, const Side& x, const Side& dy, std::int64_t rows) {
  const auto &copied = x.features > dy.features ? x : dy, &passing = x.features > dy.features ? dy : x;
  RDom row(0, static_cast<int>(rows), "row"), lane(0, e.images(), "lane");
  Func packed("packed"), acc("acc"), of_lanes("of_lanes"), sum("weight_grad");
  const auto &c = copied.feature, &p = passing.feature;
  Var r("r");
  packed(e.n, c, r) = copied.values(e.n, c, r);
  acc(e.n, c, p) = 0.0f;
  acc(e.n, c, p) += packed(e.n, c, row) * passing.values(e.n, p, row);
  of_lanes(c, p) = 0.0f;
  of_lanes(c, p) += acc(lane, c, p);
  sum(dy.feature, x.feature) = of_lanes(c, p);
  // A block's sums stay in registers, beside a vector of each of its copied features and one of another.
  std::int64_t block = 1;
  while ((block + 1) * (block + 2) + 1 <= e.target().registers) ++block;
  auto extent = [&](const Side& side) { return static_cast<int>(std::min(block, side.features)); };
  Var co("co"), ci("ci"), po("po"), pi("pi");
  sum.compute_root()
      .bound(c, 0, static_cast<int>(copied.features))
      .bound(p, 0, static_cast<int>(passing.features))
      .split(c, co, ci, extent(copied), TailStrategy::ShiftInwards)
      .split(p, po, pi, extent(passing), TailStrategy::ShiftInwards)
      .reorder(ci, pi, po, co)
      .unroll(ci)
      .unroll(pi);
  packed.compute_at(sum, co).vectorize(e.n);
  of_lanes.compute_at(sum, po).unroll(c).unroll(p);
  of_lanes.update().atomic().vectorize(lane.x).unroll(c).unroll(p);
  acc.compute_at(sum, po).vectorize(e.n).unroll(c).unroll(p);
  acc.update().reorder(e.n, c, p, row.x).vectorize(e.n).unroll(c).unroll(p);
  return sum;
}

}  // namespace

/// The sum over images and rows of outer products. The features of one side are lanes, and each vector of them meets scalars of the other
/// side. Where the values' lanes are images, the first side is turned: its features then lie in a row for each image.
void halide_dense_weight_grad(Emitter& e, const Op& op) {
  const auto &x = e.type(op.operands[0]), &dy = e.type(op.operands[1]);
  const auto inputs = x.dims.back(), outputs = dy.dims.back(), rows = x.elements() / inputs, terms = e.images() * rows;
  Var j("j"), k("k"), row("row");
  Func xs("xs"), ds("ds"), acc("acc"), sum("weight_grad");
  xs(e.n, k, row) = at_row(e, op.operands[0], k, row, e.n);
  ds(e.n, j, row) = at_row(e, op.operands[1], j, row, e.n);
  if (!e.in_memory(op.operands[0])) e.store(xs, inputs);
  if (!e.in_memory(op.operands[1])) e.store(ds, outputs);
  if (!e.lanes_are_features() && rows >= cost::kRowsOfInnerProducts)
    return e.accumulate(op.result(), sum_of_inner_products(e, {xs, k, inputs}, {ds, j, outputs}, rows));
  const auto lanes = choose_lanes(e, inputs, outputs, terms);
  const Var &lane = lanes.of_outputs ? j : k, &other = lanes.of_outputs ? k : j;
  Func vectors = lanes.of_outputs ? ds : xs, scalars = lanes.of_outputs ? xs : ds;
  if (!e.lanes_are_features() || lanes.width > lanes.features) {
    Func turned("turned");
    const auto extent = static_cast<int>(lanes.features);
    turned(e.n, lane, row) =
        lanes.width > extent ? select(lane < extent, vectors(e.n, clamp(lane, 0, extent - 1), row), 0.0f) : vectors(e.n, lane, row);
    e.store(turned, 0);
    first_outermost(turned);
    vectors = turned;
  }
  RDom r(0, e.images(), 0, static_cast<int>(rows), "r");
  acc(lane, other) = 0.0f;
  acc(lane, other) += vectors(r.x, lane, r.y) * scalars(r.x, other, r.y);
  if (!lanes.of_outputs && outputs > 1) {
    Func turned_sum("turned_sum");
    turned_sum(lane, other) = acc(lane, other);
    schedule_outer_products(e, turned_sum, acc, lane, other, lanes, r, terms);
    sum(j, k) = turned_sum(lane, other);
    sum.compute_root();
    return e.accumulate(op.result(), sum);
  }
  sum(j, k) = acc(lane, other);
  schedule_outer_products(e, sum, acc, lane, other, lanes, r, terms);
  e.accumulate(op.result(), sum);
}

/// The rows of a block, over all images of the batch, each of which is one vector.
void halide_dense_weight_grad_whole(Emitter& e, const Op& op) {
  auto vars = e.indices(e.type(op.result()));
  RDom r(0, e.image_count, "image");
  Func acc("weight_grad");
  acc(vars) = 0.0f;
  acc(vars) += at_row(e, op.operands[0], vars[1], 0, r) * at_row(e, op.operands[1], vars[0], 0, r);
  e.define(op.result(), acc);
  e.set_product({&op, acc, r});
}

}  // namespace gradc
