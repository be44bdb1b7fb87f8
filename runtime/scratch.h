#pragma once
/// The memory that kernels ask for while they run.

#include <cstddef>

#include "support/memory.h"

namespace gradc {

/// Memory on cache lines for the calling thread, with Halide's signature of halide_malloc. Freed blocks are kept for the thread's next
/// kernels, so that steps after the first allocate nothing.
void* scratch_allocate(void* user_context, std::size_t bytes);
void scratch_free(void* user_context, void* memory);

/// While it lives, what this thread's kernels ask for has unmapped pages on its sides: for tests.
class ScratchGuards {
 public:
  explicit ScratchGuards(Guards guards);
  ~ScratchGuards();
  ScratchGuards(const ScratchGuards&) = delete;
  ScratchGuards& operator=(const ScratchGuards&) = delete;

 private:
  Guards before_;
};

}  // namespace gradc
