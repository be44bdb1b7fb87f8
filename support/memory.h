#pragma once
#include <unistd.h>

namespace gradc {

/// Bytes of memory that this machine has.
inline double physical_memory() { return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE)); }

}  // namespace gradc
