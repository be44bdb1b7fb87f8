#pragma once
/// What rounding may do to a step: how far it may move sums, and where it may change decisions.

#include <vector>

#include "backends/reference/interpreter.h"
#include "fuzz/batch.h"

namespace gradc::fuzz {

/// Moves the results of an op by rounding: each element of a sum as far as the rounding of its terms may, which is left where terms cancel;
/// and what compiled code computes by polynomials (exp, tanh, softmax) as far as these may be off. Does nothing to exact ops.
void move_by_rounding(const Graph& graph, const Op& op, const std::vector<const Tensor*>& operands, const std::vector<Tensor*>& results,
                      Random& random);

/// Finds decisions of an exact run that may turn out otherwise: those between numbers that are no further apart than the same numbers of a
/// moved run are from them. Numbers that both runs have alike, as the zeros of relu, are equal in every run and so no near tie.
class NearTies {
 public:
  explicit NearTies(const Graph& graph) : graph_(graph) {}

  /// To be called after each op of the exact run, and then after each op of the moved one.
  void exact(const Op& op, const std::vector<const Tensor*>& operands);
  void moved(const Op& op, const std::vector<const Tensor*>& operands);
  bool any() const { return any_; }

 private:
  const Graph& graph_;
  std::vector<Tensor> exact_;  ///< What the ops decide by, in order.
  std::size_t next_ = 0;
  bool any_ = false;
};

}  // namespace gradc::fuzz
