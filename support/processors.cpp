#include "support/processors.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>

#include <sched.h>

#include "gradc/error.h"

namespace gradc {
namespace {

/// CPUs that control groups grant: quota over period, of this group and those above it.
double control_group_limit() {
  double limit = INFINITY;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    auto second = line.find(':', line.find(':') + 1);
    if (second == std::string::npos) continue;
    bool v2 = line.starts_with("0::");
    if (!v2 && line.find("cpu") == std::string::npos) continue;
    auto path = line.substr(second + 1);
    for (;;) {
      std::string quota_text;
      double quota = -1, period = 0;
      if (v2) {
        std::ifstream file("/sys/fs/cgroup" + path + "/cpu.max");
        if (file >> quota_text >> period && quota_text != "max") quota = std::atof(quota_text.c_str());
      } else {
        std::ifstream("/sys/fs/cgroup/cpu" + path + "/cpu.cfs_quota_us") >> quota;
        std::ifstream("/sys/fs/cgroup/cpu" + path + "/cpu.cfs_period_us") >> period;
      }
      if (quota > 0 && period > 0) limit = std::min(limit, quota / period);
      if (path.empty() || path == "/") break;
      path = path.substr(0, path.rfind('/'));
    }
  }
  return limit;
}

/// The number in GRADC_PROCESSORS, or 0 where it is not set.
int processors_of_environment() {
  const char* text = std::getenv("GRADC_PROCESSORS");
  if (text == nullptr || *text == 0) return 0;
  int count = 0;
  const auto* end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, count);
  if (parsed.ec != std::errc() || parsed.ptr != end || count < 1 || count > kMostThreads)
    throw Error("GRADC_PROCESSORS: \"{}\" is no number of processors, from 1 to {}", text, kMostThreads);
  return count;
}

}  // namespace

std::vector<int> processors_of_mask() {
  std::vector<int> processors;
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return processors;
  for (int i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &mask)) processors.push_back(i);
  return processors;
}

int available_processors() {
  if (const auto given = processors_of_environment(); given > 0) return given;
  auto count = static_cast<int>(processors_of_mask().size());
  if (count == 0) count = static_cast<int>(std::thread::hardware_concurrency());
  auto limit = control_group_limit();
  if (limit < count) count = std::max(1, static_cast<int>(std::ceil(limit)));
  return std::max(count, 1);
}

int threads_or_all(int asked) { return asked > 0 ? asked : available_processors(); }

void run_on_all_processors(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::vector<std::exception_ptr> failures(count);
  std::atomic<std::size_t> next{0};
  auto take = [&] {
    for (auto i = next++; i < count; i = next++) try {
        work(i);
      } catch (...) {
        failures[i] = std::current_exception();
      }
  };
  std::vector<std::thread> helpers;
  for (std::size_t i = 1; i < std::min<std::size_t>(static_cast<std::size_t>(available_processors()), count); ++i) try {
      helpers.emplace_back(take);
    } catch (const std::system_error&) {
      break;  // No more threads to be had: those there are do it.
    }
  take();
  for (auto& helper : helpers) helper.join();
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

}  // namespace gradc
