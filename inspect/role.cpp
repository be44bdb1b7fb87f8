#include "inspect/role.h"

namespace gradc {

const char* name_of(Role role) {
  switch (role) {
    case Role::boundary: return "boundary";
    case Role::forward: return "forward";
    case Role::backward: return "backward";
    case Role::update: return "update";
  }
  return "";
}

Role role_of(const Op& op) {
  if (op.operands.empty() || op.results.empty()) return Role::boundary;
  switch (op.stage) {
    case Stage::forward: return Role::forward;
    case Stage::backward: return Role::backward;
    case Stage::update: return Role::update;
  }
  return Role::boundary;
}

}  // namespace gradc
