// dense and its gradients. Arguments are (n, feature, ...) for vectors and (out feature, in feature) for kernels.
#include "backends/halide/emitter.h"

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
  RDom r(0, static_cast<int>(e.type(op.operands[1]).dims[1]), "r");
  Func dy("dy");
  auto dy_vars = e.indices(e.type(op.operands[0]));
  std::vector<Expr> own(dy_vars.begin(), dy_vars.end());
  dy(e.arguments_of(e.type(op.operands[0]))) = e.at(op.operands[0], e.n, own);
  if (!e.in_memory(op.operands[0])) e.store(dy);
  auto index = with_first(vars, r);
  index.insert(index.begin(), e.n);
  Func acc("input_grad");
  acc(e.arguments_of(type)) = 0.0f;
  acc(e.arguments_of(type)) += e.at(op.operands[1], Expr(), {r, vars[0]}) * dy(index);
  e.define(op.result(), acc);
  e.set_product({&op, acc, r});
}

/// The sum over the images, which are lanes: one operand is transposed, so that its features are lanes, and meets each image's scalar of
/// the other. Of both the one whose features fill vectors is transposed.
void halide_dense_weight_grad(Emitter& e, const Op& op) {
  const auto &x = e.type(op.operands[0]), &dy = e.type(op.operands[1]);
  auto inputs = static_cast<int>(x.dims.back()), outputs = static_cast<int>(dy.dims.back());
  int rows = static_cast<int>(x.elements()) / inputs;  // of leading dimensions, one after the other
  const int lanes = e.lanes();
  Var j("j"), k("k"), row("row");

  auto flat = [&](ValueId value, const gradc::Type& type, const Expr& feature, const Expr& at_row, const Expr& lane) {
    std::vector<Expr> index = {feature};
    auto dims = type.image_dims();
    Expr rest = at_row;
    for (std::size_t i = dims.size() - 1; i-- > 0;) {
      index.push_back(i == 0 ? rest : rest % static_cast<int>(dims[i]));
      rest = rest / static_cast<int>(dims[i]);
    }
    return e.at(value, lane, index);
  };
  Func xs("xs"), ds("ds"), turned("turned"), sum("weight_grad"), part("part");
  xs(e.n, k, row) = flat(op.operands[0], x, k, row, e.n);
  ds(e.n, j, row) = flat(op.operands[1], dy, j, row, e.n);
  if (!e.in_memory(op.operands[0])) e.store(xs);
  if (!e.in_memory(op.operands[1])) e.store(ds);
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

}  // namespace gradc
