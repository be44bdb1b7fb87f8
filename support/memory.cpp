#include "support/memory.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

namespace gradc {

double physical_memory() { return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE)); }

std::optional<std::uint64_t> address_space_limit() {
  struct rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

std::string limited_memory_text() {
  return fmt::format("This process may have {} MB of address space, which is probably why: raise that limit (ulimit -v)",
                     address_space_limit().value_or(0) >> 20);
}

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
