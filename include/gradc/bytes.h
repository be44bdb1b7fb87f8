#pragma once
#include <cstdint>
#include <memory>
#include <vector>

namespace gradc {

/// Leaves elements that are not given a value as they are in memory: for buffers that are filled right away.
template <class T>
struct UninitializedAllocator : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = UninitializedAllocator<U>;
  };
  template <class U, class... Arguments>
  void construct(U* at, Arguments&&... arguments) {
    if constexpr (sizeof...(Arguments) == 0)
      ::new (static_cast<void*>(at)) U;
    else
      ::new (static_cast<void*>(at)) U(std::forward<Arguments>(arguments)...);
  }
};

/// A buffer of bytes; `Bytes(n)` does not clear it.
using Bytes = std::vector<std::uint8_t, UninitializedAllocator<std::uint8_t>>;

}  // namespace gradc
