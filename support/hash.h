#pragma once
#include <string>
#include <string_view>

namespace gradc {

/// 128 bits of XXH3 of a text or other bytes, in hexadecimal.
std::string hash_text(std::string_view text);

}  // namespace gradc
