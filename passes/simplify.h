#pragma once
#include "ir/graph.h"

namespace gradc {

/// Rewrites each op by the table of patterns in canonicalize.cpp until none fits: algebraic identities, reshapes of reshapes,
/// broadcasts that a pointwise op does by itself.
void canonicalize(Graph& graph);

/// Computes pointwise ops whose operands are all constants.
void fold_constants(Graph& graph);

/// Lets ops that compute the same from the same operands share one result.
void eliminate_common_subexpressions(Graph& graph);

/// Removes ops whose results nothing uses.
void eliminate_dead_code(Graph& graph);

}  // namespace gradc
