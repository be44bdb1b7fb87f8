#include "inspect/role.h"

namespace gradc {

const char* name_of(Role role) {
  switch (role) {
    case Role::terminal: return "terminal";
    case Role::forward: return "forward";
    case Role::backward: return "backward";
    case Role::update: return "update";
  }
  return "";
}

std::vector<Role> roles_of(const Graph& graph) {
  std::vector<bool> forward(graph.values.size(), false), backward(graph.values.size(), false);
  std::vector<Role> roles(graph.ops.size(), Role::update);
  for (std::size_t i = graph.ops.size(); i-- > 0;) {
    const auto& op = graph.ops[i];
    bool to_forward = op.kind == OpKind::output && !graph.values[op.operands[0]].name.starts_with("d/"), to_backward = false;
    for (auto result : op.results) {
      to_forward = to_forward || forward[result];
      to_backward = to_backward || backward[result] || graph.values[result].name.starts_with("d/");
    }
    for (auto operand : op.operands) {
      if (to_forward) forward[operand] = true;
      if (to_backward) backward[operand] = true;
    }
    if (op.operands.empty() || op.results.empty())
      roles[i] = Role::terminal;
    else
      roles[i] = to_forward ? Role::forward : to_backward ? Role::backward : Role::update;
  }
  return roles;
}

}  // namespace gradc
