#include "support/memory.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>

#include "gradc/error.h"

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
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  const auto page = bytes < kHugePage ? kPageBytes : kHugePage;
  const auto rounded = (bytes + page - 1) / page * page;
  void* memory = std::aligned_alloc(page, rounded);
#ifdef MADV_HUGEPAGE
  // Refused without harm where the system has no huge pages.
  if (memory != nullptr && page == kHugePage) madvise(memory, rounded, MADV_HUGEPAGE);
#endif
  return memory;
}

namespace {

std::size_t whole_pages(std::size_t bytes) { return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes; }

}  // namespace

void* GuardedMemory::do_allocate(std::size_t bytes, std::size_t) {
  constexpr std::size_t kLine = 64;
  const auto lines = (bytes + kLine - 1) / kLine * kLine, room = whole_pages(bytes);
  auto* mapped = mmap(nullptr, room + 2 * kPageBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* pages = static_cast<char*>(mapped) + kPageBytes;
  if (mprotect(pages, room, PROT_READ | PROT_WRITE) != 0) {
    munmap(mapped, room + 2 * kPageBytes);
    throw std::bad_alloc();
  }
  return guards_ == Guards::behind ? pages + room - lines : pages;
}

void GuardedMemory::do_deallocate(void* memory, std::size_t bytes, std::size_t) {
  auto* page = static_cast<char*>(memory) - reinterpret_cast<std::uintptr_t>(memory) % kPageBytes;
  munmap(page - kPageBytes, whole_pages(bytes) + 2 * kPageBytes);
}

void set_accessible(char* pages, std::size_t bytes, bool accessible) {
  if (bytes > 0 && mprotect(pages, bytes, accessible ? PROT_READ | PROT_WRITE : PROT_NONE) != 0)
    throw Error("pages of memory cannot be protected: {}", std::strerror(errno));
}

}  // namespace gradc
