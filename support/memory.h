#pragma once
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string>

namespace gradc {

/// Bytes of memory that this machine has.
double physical_memory();

/// The bytes of address space that this process may have, if that is limited (ulimit -v).
std::optional<std::uint64_t> address_space_limit();
/// Where a limit may be why something failed: what it is and what to do.
std::string limited_memory_text();

/// Memory for arrays that are read again and again, to be given to std::free: of huge pages, if it fills one and the system grants them, so
/// that arrays of megabytes do not spend time on translating addresses; at least at the start of a page. nullptr where there is none.
void* allocate_pages(std::size_t bytes);

/// On which side of an array unmapped pages lie, where a read or write ends the process: for tests.
enum class Guards { none, behind, before };

constexpr std::size_t kPageBytes = 4096;  ///< On x86-64, and on most other machines.

/// Memory on cache lines whose every piece has unmapped pages on both sides, at most 63 bytes away on the side that `guards` names.
/// Throws std::bad_alloc.
class GuardedMemory : public std::pmr::memory_resource {
 public:
  explicit GuardedMemory(Guards guards) : guards_(guards) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  Guards guards_;
};

/// Makes whole pages of memory that nothing may touch, or gives them back. Throws Error if the system refuses.
void set_accessible(char* pages, std::size_t bytes, bool accessible);

}  // namespace gradc
