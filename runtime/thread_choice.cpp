#include "runtime/thread_choice.h"

#include <algorithm>
#include <bit>

namespace gradc {
namespace {

/// A step that takes so long, in seconds, gains from every thread: waking and waiting cost a hundredth of it.
constexpr double kLong = 200e-6;

}  // namespace

ThreadChoice::ThreadChoice(int most) {
  for (auto& trial : trials_) trial = {.decided = most == 1, .threads = most};
}

std::size_t ThreadChoice::index(std::int64_t images) { return std::bit_width(static_cast<std::uint64_t>(images)) - 1; }

void ThreadChoice::took(std::int64_t images, double seconds) {
  auto& now = trials_[index(images)];
  if (now.decided) return;
  if (now.runs++ < kIgnored) return;
  now.seconds[now.runs - kIgnored - 1] = seconds;
  if (now.runs < kIgnored + kRuns) return;
  std::nth_element(now.seconds.begin(), now.seconds.begin() + kRuns / 2, now.seconds.end());
  auto median = now.seconds[kRuns / 2];
  bool better = now.best_seconds == 0 || median < now.best_seconds;
  if (better) {
    now.best = now.threads;
    now.best_seconds = median;
  }
  now.runs = 0;
  now.decided = !better || now.threads == 1 || median > kLong;
  now.threads = now.decided ? now.best : (now.threads + 1) / 2;
}

}  // namespace gradc
