#include "backends/halide/windows.h"

namespace gradc {

std::vector<Halide::Var> place_variables(std::size_t spatial, const std::string& prefix) {
  static constexpr const char* kNames[] = {"x", "y", "z"};
  std::vector<Halide::Var> variables;
  for (std::size_t d = 0; d < spatial; ++d) variables.emplace_back(prefix + kNames[d]);
  return variables;
}

}  // namespace gradc
