#pragma once
#include <cstddef>
#include <cstdint>
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

}  // namespace gradc
