#pragma once
#include "ir/graph.h"

namespace gradc {

/// What an op is for in a training step: its stage, or that it stands where values enter or leave.
enum class Role { boundary, forward, backward, update };

const char* name_of(Role role);

Role role_of(const Op& op);

}  // namespace gradc
