#pragma once
#include "ir/graph.h"

namespace gradc {

/// Where an update adds to a table a multiple of the gradient of its rows, as plain SGD does, adds to the rows that the batch has, in the
/// table's place: the step's time no longer grows with the table.
void sparse_update(Graph& graph);

}  // namespace gradc
