#include "support/memory.h"

#include <gtest/gtest.h>

namespace gradc::test {
namespace {

using GuardedMemoryDeath = testing::TestWithParam<std::size_t>;

TEST_P(GuardedMemoryDeath, EndsTheProcessThatLeavesAnArray) {
  const auto bytes = GetParam();
  GuardedMemory behind(Guards::behind), before(Guards::before);
  auto* last = static_cast<volatile char*>(behind.allocate(bytes));
  auto* first = static_cast<volatile char*>(before.allocate(bytes));
  for (auto* array : {last, first}) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array) % 64, 0u);
    array[0] = 1;
    array[bytes - 1] = 2;
  }
  EXPECT_DEATH(last[(bytes + 63) / 64 * 64] = 1, "");
  EXPECT_DEATH(first[-1] = 1, "");
  behind.deallocate(const_cast<char*>(last), bytes);
  before.deallocate(const_cast<char*>(first), bytes);
}

INSTANTIATE_TEST_SUITE_P(Sizes, GuardedMemoryDeath, testing::Values(1, 64, 100, 4096, 4097, 1'000'000));

}  // namespace
}  // namespace gradc::test
