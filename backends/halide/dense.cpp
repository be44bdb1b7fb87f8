// dense and its gradients. Arguments are (n, feature, ...) for vectors and (out feature, in feature) for kernels.
#include "backends/halide/emitter.h"
#include "support/error.h"

namespace gradc {
namespace {

using namespace Halide;

/// The index variables of a value, with its first (fastest) replaced.
std::vector<Expr> with_first(const std::vector<Var>& vars, const Expr& first) {
  std::vector<Expr> index(vars.begin(), vars.end());
  index[0] = first;
  return index;
}

}  // namespace

void halide_dense(Emitter& e, const Op& op) {
  const auto& type = e.type(op.result());
  auto vars = e.indices(type);
  RDom r(0, static_cast<int>(e.type(op.operands[1]).dims[0]), "r");
  Func acc("dense");
  acc(e.arguments_of(type)) = 0.0f;
  acc(e.arguments_of(type)) += e.at(op.operands[1], Expr(), {vars[0], r}) * e.at(op.operands[0], e.n, with_first(vars, r));
  e.define(op.result(), acc);
  e.set_product({&op, acc, r});
}

void halide_dense_input_grad(Emitter& e, const Op& op) {
  const auto& type = e.type(op.result());
  auto vars = e.indices(type);
  auto outputs = static_cast<int>(e.type(op.operands[1]).dims[0]);
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
    part(part_args) += e.at(op.operands[1], Expr(), {vars[0], r * e.vector() + l}) * dy_at(r * e.vector() + l);
    std::vector<Expr> at(args.begin(), args.end());
    at.insert(at.begin(), lane);
    acc(args) += part(at);
    e.define(op.result(), acc);
    e.set_product({.op = &op, .accumulator = acc, .parts = {{part, r}}, .lane_sums = {{acc, lane}}});
    return;
  }
  RDom r(0, outputs, "r");
  acc(args) += e.at(op.operands[1], Expr(), {vars[0], r}) * dy_at(r);
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

/// The sum over images and rows with outputs as lanes.
void weight_grad_of_features(Emitter& e, const Op& op) {
  const auto &x = e.type(op.operands[0]), &dy = e.type(op.operands[1]);
  auto inputs = x.dims.back(), outputs = dy.dims.back();
  auto rows = x.elements() / inputs;
  Func xs("xs"), ds("ds"), acc("acc"), sum("weight_grad");
  Var j("j"), k("k"), row("row");
  xs(e.n, k, row) = at_row(e, op.operands[0], k, row, e.n);
  ds(e.n, j, row) = at_row(e, op.operands[1], j, row, e.n);
  if (!e.in_memory(op.operands[0])) e.store(xs, inputs);
  if (!e.in_memory(op.operands[1])) e.store(ds, outputs);
  RDom r(0, e.images(), 0, static_cast<int>(rows), "r");
  acc(j, k) = 0.0f;
  acc(j, k) += ds(r.x, j, r.y) * xs(r.x, k, r.y);
  sum(j, k) = acc(j, k);
  e.accumulate(op.result(), sum);

  const auto width = e.width(outputs);
  auto block = choose_feature_block(e, {outputs, width}, inputs, e.images() * rows);
  Var jo("jo"), ji("ji"), vo("vo"), vi("vi"), ko("ko"), ki("ki");
  sum.compute_root()
      .bound(j, 0, static_cast<int>(outputs))
      .bound(k, 0, static_cast<int>(inputs))
      .split(j, jo, ji, block.vectors * width, TailStrategy::ShiftInwards)
      .split(ji, vo, vi, width)
      .split(k, ko, ki, block.others, TailStrategy::ShiftInwards)
      .reorder(vi, vo, ki, ko, jo)
      .vectorize(vi)
      .unroll(vo)
      .unroll(ki);
  acc.compute_at(sum, ko);
  keep_in_registers(acc, j, width, {r.x, r.y});
}

/// The sum over the images, which are lanes: one operand is transposed, so that its features are lanes, and meets each image's scalar of
/// the other. Of both the one whose features fill vectors is transposed.
void weight_grad_of_images(Emitter& e, const Op& op) {
  const auto &x = e.type(op.operands[0]), &dy = e.type(op.operands[1]);
  auto inputs = static_cast<int>(x.dims.back()), outputs = static_cast<int>(dy.dims.back());
  int rows = static_cast<int>(x.elements()) / inputs;  // of leading dimensions, one after the other
  const int lanes = e.images();
  Var j("j"), k("k"), row("row");
  Func xs("xs"), ds("ds"), turned("turned"), sum("weight_grad"), part("part");
  xs(e.n, k, row) = at_row(e, op.operands[0], k, row, e.n);
  ds(e.n, j, row) = at_row(e, op.operands[1], j, row, e.n);
  if (!e.in_memory(op.operands[0])) e.store(xs, inputs);
  if (!e.in_memory(op.operands[1])) e.store(ds, outputs);
  RDom r(0, lanes, 0, rows, "r");  // image, row
  bool outputs_are_lanes = outputs >= lanes || outputs >= inputs;
  auto extent = outputs_are_lanes ? outputs : inputs, others = outputs_are_lanes ? inputs : outputs;
  auto vector = std::min(lanes, extent);
  // turned(feature, image): with the features of an image in a row.
  Var feature("feature"), other("other"), image("image");
  turned(feature, image, row) = outputs_are_lanes ? ds(image, feature, row) : xs(image, feature, row);
  part(feature, other) = 0.0f;
  part(feature, other) += turned(feature, r.x, r.y) * (outputs_are_lanes ? xs(r.x, other, r.y) : ds(r.x, other, r.y));
  sum(j, k) = outputs_are_lanes ? part(j, k) : part(k, j);
  e.accumulate(op.result(), sum);

  turned.compute_root().vectorize(image, lanes);
  part.compute_root().vectorize(feature, vector, TailStrategy::GuardWithIf);
  // A block of 4 scalars × up to 4 vectors: 16 accumulators that run over all images.
  Var fo("fo"), fi("fi"), fv("fv"), oo("oo"), oi("oi");
  int block = std::min(4, std::max(1, extent / vector)), other_block = std::min(4, others);
  part.update()
      .split(feature, fo, fi, block * vector, TailStrategy::GuardWithIf)
      .split(fi, fi, fv, vector, TailStrategy::GuardWithIf)
      .split(other, oo, oi, other_block, TailStrategy::GuardWithIf)
      .reorder({fv, fi, oi, r.x, r.y, fo, oo})
      .vectorize(fv);
  if (extent % (block * vector) == 0) part.update().unroll(fi);
  if (others % other_block == 0) part.update().unroll(oi);
  if (outputs_are_lanes)
    sum.compute_inline();
  else
    sum.compute_root();
}

}  // namespace

void halide_dense_weight_grad(Emitter& e, const Op& op) {
  if (e.lanes_are_features())
    weight_grad_of_features(e, op);
  else
    weight_grad_of_images(e, op);
}

/// The rows of a block, over all images of the batch.
void halide_dense_weight_grad_whole(Emitter& e, const Op& op) {
  auto vars = e.indices(e.type(op.result()));
  RDom r(0, e.image_count, "image");
  Func acc("weight_grad");
  acc(vars) = 0.0f;
  acc(vars) += e.at(op.operands[0], r, {vars[1]}) * e.at(op.operands[1], r, {vars[0]});
  e.define(op.result(), acc);
  e.set_product({&op, acc, r});
}

}  // namespace gradc
