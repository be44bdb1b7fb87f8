#pragma once
#include <bit>
#include <cstdint>
#include <span>

namespace gradc {

/// Whether no number is NaN or infinite. One pass without branches, which compilers turn into vector code.
inline bool all_finite(std::span<const float> numbers) {
  constexpr std::uint32_t kExponent = 0x7f800000;
  std::uint32_t found = 0;
  for (float number : numbers) found |= (std::bit_cast<std::uint32_t>(number) & kExponent) == kExponent;
  return found == 0;
}

}  // namespace gradc
