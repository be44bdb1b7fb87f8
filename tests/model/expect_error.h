#pragma once
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gradc/error.h"

namespace gradc::test {

/// Expects that a use throws gradc::Error with this in its message.
inline void expect_error(const std::function<void()>& use, const std::string& message) {
  try {
    use();
    ADD_FAILURE() << "no error: " << message;
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr(message));
  }
}

}  // namespace gradc::test
