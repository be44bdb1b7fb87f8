#include "support/hash.h"

#include <fmt/format.h>
#include <xxhash.h>

namespace gradc {

std::string hash_text(std::string_view text) {
  auto hash = XXH3_128bits(text.data(), text.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace gradc
