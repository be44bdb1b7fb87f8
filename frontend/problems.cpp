#include "frontend/problems.h"

namespace gradc {
namespace {

std::string text_of(const std::vector<std::string>& problems) {
  if (problems.size() == 1) return problems[0];
  auto text = fmt::format("{} problems", problems.size());
  for (const auto& problem : problems) text += "\n  " + problem;
  return text;
}

}  // namespace

ProblemsError::ProblemsError(std::vector<std::string> problems) : Error(text_of(problems)), problems_(std::move(problems)) {}

void throw_problems(const std::vector<std::string>& problems) {
  if (!problems.empty()) throw ProblemsError(problems);
}

void collect(std::vector<std::string>& problems, const std::function<void()>& work) {
  try {
    work();
  } catch (const ProblemsError& error) {
    problems.insert(problems.end(), error.problems().begin(), error.problems().end());
  } catch (const Error& error) {
    problems.push_back(error.what());
  }
}

}  // namespace gradc
