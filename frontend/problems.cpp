#include "frontend/problems.h"

#include "support/error.h"

namespace gradc {

void throw_problems(const std::vector<std::string>& problems) {
  if (problems.empty()) return;
  if (problems.size() == 1) throw Error(problems[0]);
  auto text = fmt::format("{} problems", problems.size());
  for (const auto& problem : problems) text += "\n  " + problem;
  throw Error(text);
}

}  // namespace gradc
