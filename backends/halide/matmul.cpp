// matmul and its schedules. Arguments are (n, column, row, matrix...).
#include "backends/halide/emitter.h"
#include "support/ceil_div.h"

namespace gradc {

using namespace Halide;

void halide_matmul(Emitter& e, const Op& op) {
  const auto& type = e.type(op.result());
  const auto vars = e.indices(type);
  auto element = [&](int operand, const Expr& row, const Expr& column) {
    std::vector<Expr> index(vars.begin(), vars.end());
    const bool transposed = op.attributes.integer_or(operand == 0 ? "transpose_a" : "transpose_b", 0) != 0;
    index[0] = transposed ? row : column;
    index[1] = transposed ? column : row;
    return e.at(op.operands[operand], e.n, index);
  };
  const auto depth =
      op.attributes.integer_or("transpose_b", 0) != 0 ? e.type(op.operands[1]).dims.back() : e.type(op.operands[1]).dims.end()[-2];
  RDom r(0, static_cast<int>(depth), "r");
  const auto args = e.arguments_of(type);
  Var k("k");
  Func second("second"), acc("matmul");
  auto own = args;
  own[2] = k;
  second(own) = element(1, k, vars[0]);
  std::vector<Expr> at_term(args.begin(), args.end());
  at_term[2] = r;
  acc(args) = 0.0f;
  acc(args) += element(0, vars[1], r) * second(at_term);
  e.define(op.result(), acc);
  e.set_product({.op = &op, .accumulator = acc, .domain = r, .weights = second});
}

void schedule_matrices(Emitter& e, Func consumer, const gradc::Type& type, const Contraction& product) {
  const auto args = consumer.args();
  const auto columns = type.dims.back(), rows = type.dims.end()[-2], depth = e.graph().iteration(*product.op).extent(LoopKind::depth);
  const auto tile = choose_matrix_tile(rows, columns, depth, e.target(), e.candidate());
  Var co("co"), ci("ci"), ro("ro"), ri("ri");
  consumer.split(args[1], co, ci, static_cast<int>(tile.columns)).split(args[2], ro, ri, static_cast<int>(tile.rows));
  std::vector<VarOrRVar> order = {args[0], ci, ri, ro, co};
  order.insert(order.end(), args.begin() + 3, args.end());
  consumer.reorder(order).vectorize(args[0]).unroll(ci).unroll(ri);
  // A block of columns, an element of each in every row, lies so far apart that its vectors meet in few of a cache's sets. Where many rows
  // pass it is copied to where it stays.
  constexpr std::int64_t kRowsOfCopy = 4;
  if (columns > tile.columns && ceil_div(rows, tile.rows) >= kRowsOfCopy) {
    auto packed = product.weights;
    packed.compute_at(consumer, co).vectorize(packed.args()[0]);
  }
  auto acc = product.accumulator;
  const auto own = acc.args();
  acc.compute_at(consumer, ro).vectorize(own[0]);
  auto update = acc.update();
  std::vector<VarOrRVar> inner(own.begin(), own.end());
  inner.push_back(product.domain.x);
  update.reorder(inner).vectorize(own[0]);
  for (std::size_t d = 1; d < own.size(); ++d) {
    acc.unroll(own[d]);
    update.unroll(own[d]);
  }
}

void schedule_matrices_of_features(Emitter& e, Func consumer, const gradc::Type& type, const Contraction& product) {
  const auto args = consumer.args();
  const auto columns = type.dims.back(), rows = type.dims.end()[-2], depth = e.graph().iteration(*product.op).extent(LoopKind::depth);
  const auto width = e.width(columns);
  const auto tile = choose_feature_tile(e, {columns, width}, rows, depth);
  Var fo("fo"), fi("fi"), vo("vo"), vi("vi"), ro("ro"), ri("ri");
  consumer.split(args[1], fo, fi, tile.vectors * width, TailStrategy::ShiftInwards)
      .split(fi, vo, vi, width)
      .split(args[2], ro, ri, tile.others, TailStrategy::ShiftInwards);
  std::vector<VarOrRVar> order = {vi, vo, ri, ro, fo};
  order.insert(order.end(), args.begin() + 3, args.end());
  order.emplace_back(args[0]);
  consumer.reorder(order).vectorize(vi).unroll(vo).unroll(ri);
  // The columns of a matrix that lies transposed are turned before rows meet them.
  if (product.op->attributes.integer_or("transpose_b", 0) != 0) {
    auto turned = product.weights;
    const auto own = turned.args();
    first_outermost(turned);
    turned.compute_at(consumer, fo).bound_extent(own[1], tile.vectors * width).vectorize(own[1], width);
  }
  sum_in_chains(e, consumer, ro, product, tile, width, depth);
}

}  // namespace gradc
