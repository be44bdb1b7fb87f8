#include "fuzz/judge.h"

#include <cstdlib>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "gradc/error.h"

namespace gradc::fuzz {
namespace {

/// What a child's text says: the verdict's kind as a digit, and its text.
Verdict verdict_of(const Ended& ended) {
  if (ended.how == Ended::out_of_time) return {Verdict::Kind::hung, "the time was up\n"};
  if (ended.how == Ended::by_signal) return {Verdict::Kind::crashed, fmt::format("{}\n", strsignal(ended.signal))};
  if (ended.text.empty()) return {Verdict::Kind::crashed, "ended without a verdict\n"};
  return {static_cast<Verdict::Kind>(ended.text[0] - '0'), ended.text.substr(1)};
}

std::string judge(const std::function<Case()>& make, const std::filesystem::path& cache) {
  setenv("GRADC_CACHE", cache.c_str(), 1);
  Verdict verdict;
  try {
    verdict = compare(make());
  } catch (const std::exception& error) {
    verdict = {Verdict::Kind::failed, fmt::format("no case was made: {}\n", error.what())};
  }
  return static_cast<char>('0' + static_cast<int>(verdict.kind)) + verdict.text;
}

}  // namespace

void Judge::start(std::function<Case()> make, std::function<void(const Verdict&)> done) {
  auto cache = folder_ / std::to_string(started_++);
  processes_.start([make = std::move(make), cache] { return judge(make, cache); },
                   [done = std::move(done), cache](const Ended& ended) {
                     std::error_code ignored;
                     std::filesystem::remove_all(cache, ignored);
                     done(verdict_of(ended));
                   });
}

Verdict Judge::compare(const Case& a_case) {
  return verdict_of(run_isolated([&] { return judge([&] { return a_case; }, folder_ / "shared"); }, processes_.seconds()));
}

}  // namespace gradc::fuzz
