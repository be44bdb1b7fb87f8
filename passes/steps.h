#pragma once
#include <optional>
#include <vector>

#include "ir/graph.h"

namespace gradc {

/// An op of a scan's body for all steps at once, outside of the loop: batched operands are given as stacks of all steps, [B,steps,...],
/// others as they are. A sum over the batch then is one over the steps too. Nothing if there is no such op.
std::optional<ValueId> emit_over_steps(Builder& b, const Graph& body, const Op& op, const std::vector<ValueId>& operands,
                                       std::int64_t steps);

/// Whether there is one.
bool works_over_steps(const Graph& body, const Op& op);

/// The stack of so many steps of an operand that is the same in all of them; what is not batched stays as it is.
ValueId over_steps(Builder& b, ValueId constant, std::int64_t steps);

}  // namespace gradc
