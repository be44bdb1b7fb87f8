#include "passes/decompose.h"

#include "passes/rewriter.h"

namespace gradc {
namespace {

void decompose_moments(Rewriter& rewriter, const Op& op) {
  auto& b = rewriter.b;
  auto x = op.operands[0];
  const auto type = b.type(x);
  Ints axes;
  for (int i = 0; i + 1 < type.rank(); ++i) axes.push_back(i);
  auto count = b.emit(OpKind::mul, {op.operands[1], b.constant(static_cast<double>(type.elements() / type.dims.back()))}, {}, "count");
  auto mean_of = [&](ValueId v, const char* hint) {
    auto sum = b.emit(OpKind::reduce_sum, {v}, {{"axes", axes}, {"keep_dims", std::int64_t{0}}}, std::string(hint) + "_sum");
    return b.emit(OpKind::div, {sum, count}, {}, hint);
  };
  auto mean = mean_of(x, "mean");
  auto variance = mean_of(b.emit(OpKind::square, {b.emit(OpKind::sub, {x, mean})}), "variance");
  rewriter.replace(op.results[0], mean);
  rewriter.replace(op.results[1], variance);
}

}  // namespace

void decompose(Graph& graph) {
  Rewriter rewriter(graph);
  for (const auto& old : rewriter.old_ops()) {
    auto op = rewriter.with_current_operands(old);
    rewriter.b.stand_at(op);
    if (op.kind == OpKind::batch_moments)
      decompose_moments(rewriter, op);
    else
      rewriter.keep(op);
  }
}

}  // namespace gradc
