#pragma once
#include <vector>

#include "ir/graph.h"

namespace gradc {

/// What an op is for in a training step.
enum class Role { terminal, forward, backward, update };

const char* name_of(Role role);

/// The role of each op. Forward is what outputs depend on that are no gradients; backward is what leads to a gradient, a value named
/// "d/..." by convention (docs/ir.md); the rest makes params' next values.
std::vector<Role> roles_of(const Graph& graph);

}  // namespace gradc
