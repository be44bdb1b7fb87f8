// Softmax and cross-entropy: each class row is in the lanes' vectors, so a row's maximum and sum are loops over vectors.
#include "backends/halide/emitter.h"
#include "backends/halide/nan.h"

namespace gradc {
namespace {

using namespace Halide;

/// Per image (and leading dimension): the largest logit, exp(z - max) and its sum.
struct Row {
  Func max, exponential, sum;
  std::vector<Var> vars;  ///< The whole value's.
  RDom classes;

  Row(Emitter& e, ValueId z) : max("row_max"), exponential("exponential"), sum("row_sum"), vars(e.indices(e.type(z))) {
    const auto& type = e.type(z);
    classes = RDom(0, static_cast<int>(type.dims.back()), "classes");
    // Loss and gradient of one kernel share the exponentials.
    if (auto& funcs = e.shared[z]; !funcs.empty()) {
      max = funcs[0];
      exponential = funcs[1];
      sum = funcs[2];
      return;
    }
    auto row = row_args(e, type);
    std::vector<Expr> all(vars.begin(), vars.end()), at_class = all;
    at_class[0] = classes;
    max(row) = Float(32).min();
    max(row) = Halide::max(max(as_exprs(row)), e.at(z, e.n, at_class));
    exponential(e.arguments_of(type)) = exp_or_nan(e.at(z, e.n, all) - max(as_exprs(row)));
    auto call = at_class;
    if (type.batched()) call.insert(call.begin(), e.n);
    sum(row) = 0.0f;
    sum(row) += exponential(call);
    e.store(max, 0);
    e.store(exponential, type.dims.back());
    e.store(sum, 0);
    e.shared[z] = {max, exponential, sum};
  }

  std::vector<Var> row_args(const Emitter& e, const gradc::Type& type) const {
    std::vector<Var> row(vars.begin() + 1, vars.end());
    if (type.batched()) row.insert(row.begin(), e.n);
    return row;
  }
  static std::vector<Expr> as_exprs(const std::vector<Var>& args) { return {args.begin(), args.end()}; }
};

std::vector<Expr> class_index(const std::vector<Var>& vars, const Expr& c) {
  std::vector<Expr> index(vars.begin(), vars.end());
  index[0] = c;
  return index;
}

/// sum over the classes of `term`, of the rows of `type`.
Func row_sum(Emitter& e, const gradc::Type& type, const Row& row, const Expr& term) {
  Func sum("class_sum");
  auto args = row.row_args(e, type);
  sum(args) = 0.0f;
  sum(args) += term;
  e.store(sum, 0);
  return sum;
}

}  // namespace

void halide_softmax(Emitter& e, const Op& op) {
  const auto& type = e.type(op.result());
  Row row(e, op.operands[0]);
  Func f("softmax");
  f(e.arguments_of(type)) = row.exponential(Row::as_exprs(e.arguments_of(type))) / row.sum(Row::as_exprs(row.row_args(e, type)));
  e.define(op.result(), f);
}

/// sum(y * (max + log(sum) - z)): nothing overflows, and large logits lose nothing.
void halide_softmax_cross_entropy(Emitter& e, const Op& op) {
  const auto& type = e.type(op.operands[0]);
  Row row(e, op.operands[0]);
  auto args = Row::as_exprs(row.row_args(e, type));
  auto index = class_index(row.vars, row.classes);
  auto term = e.at(op.operands[1], e.n, index) * (row.max(args) + log_or_nan(row.sum(args)) - e.at(op.operands[0], e.n, index));
  e.define(op.result(), row_sum(e, type, row, term));
}

void halide_softmax_cross_entropy_grad(Emitter& e, const Op& op) {
  const auto& type = e.type(op.operands[0]);
  Row row(e, op.operands[0]);
  auto args = Row::as_exprs(row.row_args(e, type));
  auto total = row_sum(e, type, row, e.at(op.operands[1], e.n, class_index(row.vars, row.classes)));
  std::vector<Expr> all(row.vars.begin(), row.vars.end()), of_row(row.vars.begin() + 1, row.vars.end());
  auto probability = row.exponential(Row::as_exprs(e.arguments_of(type))) / row.sum(args);
  Func f("cross_entropy_grad");
  f(e.arguments_of(type)) = (probability * total(args) - e.at(op.operands[1], e.n, all)) * e.at(op.operands[2], e.n, of_row);
  e.define(op.result(), f);
}

}  // namespace gradc
