#pragma once
/// What the ops of a kernel allow a call of it to work on.

#include <vector>

#include "ir/graph.h"

namespace gradc {

/// Elements of a block of a flat kernel, whose arrays have room for a multiple of it.
inline constexpr std::int64_t kFlatBlock = 256;

/// Whether a kernel that runs once a step can work block by block on flat arrays: pointwise ops and reductions, of one shape and scalars.
bool can_be_flat(const Graph& graph, const std::vector<const Op*>& ops);

/// The rows of the gradient over the whole batch that a kernel makes, or 0.
std::int64_t gradient_rows(const Graph& graph, const std::vector<const Op*>& ops);

/// Whether all that such a kernel reads and makes besides images has the gradient's shape, so that a block of rows needs no others.
bool rows_can_be_cut(const Graph& graph, const std::vector<const Op*>& ops);

/// The elements of a row of the table whose gradient a kernel makes, and nothing else, over the whole batch; or 0.
std::int64_t table_columns(const Graph& graph, const std::vector<const Op*>& ops);

/// The ops of each kernel, in order.
std::vector<std::vector<const Op*>> ops_of_kernels(const Graph& graph);

/// Why a kernel of these ops cannot have the form that it states, or "".
std::string form_problem(const Graph& graph, const Kernel& kernel, const std::vector<const Op*>& ops);

}  // namespace gradc
