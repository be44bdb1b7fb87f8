#pragma once
#include <cstdint>

namespace gradc {

/// The type of a number.
enum class DType : std::uint8_t { f32, i32, u8 };

}  // namespace gradc
