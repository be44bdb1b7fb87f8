#include "support/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

namespace gradc {

double physical_memory() { return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE)); }

void* allocate_pages(std::size_t bytes) {
  constexpr std::size_t kPage = 4096, kHugePage = std::size_t{2} << 20;  // of x86-64, and of most other machines
  const auto page = bytes < kHugePage ? kPage : kHugePage;
  const auto rounded = (bytes + page - 1) / page * page;
  void* memory = std::aligned_alloc(page, rounded);
#ifdef MADV_HUGEPAGE
  // Refused without harm where the system has no huge pages.
  if (memory != nullptr && page == kHugePage) madvise(memory, rounded, MADV_HUGEPAGE);
#endif
  return memory;
}

}  // namespace gradc
