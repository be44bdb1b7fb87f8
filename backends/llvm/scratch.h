#pragma once
/// The memory that kernels ask for while they run.

#include <cstddef>

namespace gradc {

/// Memory on cache lines for the calling thread, with Halide's signature of halide_malloc. Freed blocks are kept for the thread's next
/// kernels, so that steps after the first allocate nothing.
void* scratch_allocate(void* user_context, std::size_t bytes);
void scratch_free(void* user_context, void* memory);

}  // namespace gradc
