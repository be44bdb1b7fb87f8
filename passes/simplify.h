#pragma once
#include "ir/graph.h"

namespace gradc {

// Each returns whether it changed anything.

/// Rewrites each op by the table of rules in canonicalize.cpp until none fits: algebraic identities, reshapes of reshapes,
/// broadcasts that a pointwise op does by itself.
bool canonicalize(Graph& graph);

/// Computes pointwise ops whose operands are all constants.
bool fold_constants(Graph& graph);

/// Lets ops that compute the same from the same operands share one result.
bool eliminate_common_subexpressions(Graph& graph);

/// All of them until none changes anything.
bool simplify(Graph& graph);

/// Removes ops whose results nothing uses.
void eliminate_dead_code(Graph& graph);

}  // namespace gradc
