#pragma once
#include "ir/graph.h"

namespace gradc {

/// Throws InternalError, naming op, operand and rule, unless: every operand is defined before its use and every value once;
/// attributes are those of the op table; result types are those of the shape rule; names are unique; the ops of a kernel stand together; an
/// image of a value has less than 2^31 elements; only params are updated, and each once.
void verify(const Graph& graph);

/// What is wrong with `op` itself (attributes, operand count, types), or an empty string.
std::string problem_of(const Graph& graph, const Op& op);

}  // namespace gradc
