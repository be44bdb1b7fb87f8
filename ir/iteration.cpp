#include "ir/iteration.h"

namespace gradc {

std::int64_t Iteration::extent(LoopKind kind) const {
  std::int64_t product = 1;
  for (const auto& loop : loops)
    if (loop.kind == kind) product *= loop.extent;
  return product;
}

std::int64_t Iteration::multiply_adds() const {
  std::int64_t count = 1;
  for (const auto& loop : loops)
    if (loop.kind != LoopKind::space && loop.kind != LoopKind::kernel) count *= loop.extent;
  for (const auto& window : windows) count *= taps(window);
  return count / groups;
}

}  // namespace gradc
