#pragma once
#include <cstdint>

namespace gradc {

/// How many parts of this size cover a whole.
constexpr std::int64_t ceil_div(std::int64_t whole, std::int64_t part) { return (whole + part - 1) / part; }

}  // namespace gradc
