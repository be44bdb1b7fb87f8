#pragma once
/// The two kinds of failure. `Error` is what a user can cause: its message says where (file, layer or op), what is wrong
/// and what would be right. `InternalError` is what only gradc itself can cause: a broken invariant, always a bug.

#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/core.h>

namespace gradc {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;

  template <class First, class... Rest>
  Error(fmt::format_string<First, Rest...> format, First&& first, Rest&&... rest)
      : std::runtime_error(fmt::format(format, std::forward<First>(first), std::forward<Rest>(rest)...)) {}
};

class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// Throws InternalError unless `condition` holds.
inline void check(bool condition, const char* what) {
  if (!condition) throw InternalError(std::string("internal error: ") + what);
}

}  // namespace gradc
