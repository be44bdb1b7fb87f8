#include "fuzz/choices.h"

#include <algorithm>

#include "support/random.h"

namespace gradc::fuzz {

Choices::Choices(std::uint64_t seed, std::uint64_t index) : seed_(seed), index_(index), random_(true) {}

Choices::Choices(std::vector<std::int64_t> given) : given_(std::move(given)) {}

std::int64_t Choices::integer(std::int64_t low, std::int64_t high) {
  std::int64_t distance = 0;
  auto at = made_.size();
  if (random_) {
    auto bits = random_bits<std::uint32_t>(step_key(seed_, index_), static_cast<std::uint32_t>(index_), 17, static_cast<std::uint32_t>(at));
    distance = static_cast<std::int64_t>(static_cast<double>(bits) / 4294967296.0 * static_cast<double>(high - low + 1));
  } else if (at < given_.size()) {
    distance = std::clamp<std::int64_t>(given_[at], 0, high - low);
  }
  made_.push_back(distance);
  return low + distance;
}

std::int64_t random_channels(Choices& choices) {
  return choices.of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 16, 17, 20, 24, 31, 32, 33, 40, 48});
}

std::int64_t random_side(Choices& choices) { return choices.of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 20, 24}); }

}  // namespace gradc::fuzz
