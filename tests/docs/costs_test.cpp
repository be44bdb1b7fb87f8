// The constants of target/cost.h against what is said of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "support/files.h"

namespace gradc::test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

TEST(Costs, EachConstantSaysWhatItRestsOnAndHasTheRowThatItNames) {
  const auto costs = read_file(GRADC_SOURCE "/target/cost.h"), rows = read_file(GRADC_SOURCE "/bench/costs.cpp");
  int constants = 0, measured = 0;
  for (std::size_t begin = 0, end; begin < costs.size(); begin = end + 2) {
    end = std::min(costs.find("\n\n", begin), costs.size());
    const auto paragraph = costs.substr(begin, end - begin);
    if (paragraph.find("inline constexpr") == std::string::npos) continue;
    EXPECT_THAT(paragraph, AnyOf(HasSubstr("Row: "), HasSubstr("Rows: "), HasSubstr("Reason: "), HasSubstr("Chosen ")));
    const bool has_rows = paragraph.find("Row: ") != std::string::npos || paragraph.find("Rows: ") != std::string::npos;
    const std::regex name("\\b(k[A-Z]\\w*) =");
    for (std::sregex_iterator each(paragraph.begin(), paragraph.end(), name); each != std::sregex_iterator(); ++each, ++constants)
      if (has_rows) {
        EXPECT_THAT(rows, HasSubstr("{\"" + (*each)[1].str()));
        ++measured;
      }
  }
  EXPECT_GT(constants, 30);
  EXPECT_GT(measured, 15);
}

}  // namespace
}  // namespace gradc::test
