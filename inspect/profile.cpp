#include "inspect/profile.h"

#include <algorithm>
#include <numeric>

#include "gradc/error.h"

namespace gradc {
namespace {

constexpr std::int32_t kActivities[] = {kStarting, kLoading, kClearing, kWaiting, kEnding};

}  // namespace

const char* name_of_activity(std::int32_t what) {
  switch (what) {
    case kStarting: return "waking up";
    case kLoading: return "storing inputs";
    case kClearing: return "zeroing sums";
    case kWaiting: return "waiting at barriers";
    case kEnding: return "waiting for the end";
    default: throw InternalError("no activity of a step");
  }
}

double ProfileRow::total() const { return std::accumulate(seconds.begin(), seconds.end(), 0.0); }

double Profile::accounted_seconds() const {
  double sum = 0;
  for (const auto* rows : {&kernels, &activities})
    for (const auto& row : *rows) sum += row.total();
  return sum / static_cast<double>(threads());
}

void Profiler::add(const StepTrace& trace) {
  auto width = kernels_.size() + std::size(kActivities);
  Step step{.seconds = trace.seconds, .threads = trace.threads, .sums = std::vector<Sum>(width * static_cast<std::size_t>(trace.threads))};
  for (const auto& span : trace.spans) {
    auto place = span.what >= 0 ? static_cast<std::size_t>(span.what) : kernels_.size() + static_cast<std::size_t>(-1 - span.what);
    auto& sum = step.sums[static_cast<std::size_t>(span.thread) * width + place];
    sum.seconds += span.end - span.begin;
    ++sum.calls;
  }
  steps_.push_back(std::move(step));
}

Profile Profiler::profile() const {
  check(!steps_.empty(), "a profile needs a step");
  // Steps may have tried other numbers of threads; those count that ran on as many as the last.
  std::vector<const Step*> steps;
  for (const auto& step : steps_)
    if (step.threads == steps_.back().threads) steps.push_back(&step);
  std::sort(steps.begin(), steps.end(), [](const Step* a, const Step* b) { return a->seconds < b->seconds; });
  steps.resize((steps.size() + 1) / 2);
  auto threads = static_cast<std::size_t>(steps_.back().threads), width = kernels_.size() + std::size(kActivities);
  Profile profile{.steps = static_cast<int>(steps.size())};
  auto count = static_cast<double>(steps.size());
  for (const auto* step : steps) profile.step_seconds += step->seconds / count;
  for (std::size_t place = 0; place < width; ++place) {
    bool kernel = place < kernels_.size();
    auto what = kernel ? static_cast<std::int32_t>(place) : kActivities[place - kernels_.size()];
    ProfileRow row{.name = kernel ? kernels_[place].name : name_of_activity(what), .what = what, .seconds = std::vector<double>(threads)};
    for (const auto* step : steps)
      for (std::size_t thread = 0; thread < threads; ++thread) {
        const auto& sum = step->sums[thread * width + place];
        row.seconds[thread] += sum.seconds / count;
        row.calls += static_cast<double>(sum.calls) / count;
      }
    (kernel ? profile.kernels : profile.activities).push_back(std::move(row));
  }
  return profile;
}

}  // namespace gradc
