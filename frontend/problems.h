#pragma once
#include <string>
#include <vector>

namespace gradc {

/// Throws gradc::Error with all problems, one a line, unless there are none.
void throw_problems(const std::vector<std::string>& problems);

}  // namespace gradc
