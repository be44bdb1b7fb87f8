#pragma once
#include <cstddef>

namespace gradc {

/// Bytes of memory that this machine has.
double physical_memory();

/// Memory for arrays that are read again and again, to be given to std::free: of huge pages, if it fills one and the system grants them, so
/// that arrays of megabytes do not spend time on translating addresses; at least at the start of a page. nullptr where there is none.
void* allocate_pages(std::size_t bytes);

}  // namespace gradc
