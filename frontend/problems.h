#pragma once
/// Several problems told in one message.

#include <functional>
#include <string>
#include <vector>

#include "gradc/error.h"

namespace gradc {

/// Problems of one file or model, each a sentence of its own.
class ProblemsError : public Error {
 public:
  explicit ProblemsError(std::vector<std::string> problems);

  const std::vector<std::string>& problems() const { return problems_; }

 private:
  std::vector<std::string> problems_;
};

/// Throws ProblemsError with all problems, one a line, unless there are none.
void throw_problems(const std::vector<std::string>& problems);

/// Does the work and adds what it throws as gradc::Error to the problems.
void collect(std::vector<std::string>& problems, const std::function<void()>& work);

}  // namespace gradc
