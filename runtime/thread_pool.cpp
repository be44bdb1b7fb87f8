#include "runtime/thread_pool.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <string>
#include <system_error>

#include <pthread.h>
#include <sched.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "support/error.h"

namespace gradc {
namespace {

/// Flush-to-zero and denormals-are-zero while it lives.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040u); }
  ~FlushDenormals() { _mm_setcsr(before_); }

 private:
  unsigned before_;
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(before_));
    asm volatile("msr fpcr, %0" ::"r"(before_ | (1ul << 24)));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(before_)); }

 private:
  unsigned long before_;
#endif
};

/// How many forks lie between the start of gradc and this process.
std::uint32_t forks() {
  static std::atomic<std::uint32_t> count{0};
  static const int registered = pthread_atfork(nullptr, nullptr, [] { ++count; });
  check(registered == 0, "a handler of forks can be registered");
  return count.load(std::memory_order_relaxed);
}

void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

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
  if (parsed.ec != std::errc() || parsed.ptr != end || count < 1 || count > ThreadPool::kMostThreads)
    throw Error("GRADC_PROCESSORS: \"{}\" is no number of processors, from 1 to {}", text, ThreadPool::kMostThreads);
  return count;
}

/// The processors of the process's affinity mask.
std::vector<int> processors_of_mask() {
  std::vector<int> processors;
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return processors;
  for (int i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &mask)) processors.push_back(i);
  return processors;
}

}  // namespace

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

ThreadPool::ThreadPool(int threads, bool pin) : spins_(threads <= available_processors() ? 1500 : 0), size_(threads), pin_(pin) {
  check(threads >= 1 && threads <= kMostThreads, "a thread pool has from 1 to kMostThreads threads");
  start();
}

void ThreadPool::start() {
  // Handles of threads that a fork left behind can be neither joined nor detached: they are forgotten.
  static_cast<void>(workers_.release());
  workers_ = std::make_unique<std::vector<std::thread>>();
  generation_ = running_ = arrived_ = phase_ = 0;
  auto processors = pin_ ? processors_of_mask() : std::vector<int>();
  for (int i = 1; i < size_; ++i) {
    try {
      workers_->emplace_back([this, i] { worker(i); });
    } catch (const std::system_error& error) {
      stop();
      throw Error("{} threads cannot be started: {}; ask for fewer threads", size_, error.what());
    }
    if (static_cast<std::size_t>(i) >= processors.size()) continue;
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(processors[i], &own);
    pthread_setaffinity_np(workers_->back().native_handle(), sizeof own, &own);
  }
  forks_ = forks();
}

ThreadPool::~ThreadPool() {
  if (forks_ == forks())
    stop();
  else
    static_cast<void>(workers_.release());
}

void ThreadPool::stop() {
  auto count = (generation_.load(std::memory_order_relaxed) >> kThreadBits) + 1;
  generation_.store(count << kThreadBits, std::memory_order_release);  // A run of no threads: the end.
  generation_.notify_all();
  for (auto& each : *workers_) each.join();
  workers_->clear();
}

template <class Done>
void ThreadPool::wait(std::atomic<std::uint32_t>& value, std::uint32_t seen, Done done) {
  for (int i = 0; i < spins_; ++i) {
    if (done()) return;
    pause_briefly();
  }
  while (!done()) value.wait(seen, std::memory_order_acquire);
}

void ThreadPool::worker(int thread) {
  FlushDenormals flush;
  std::uint32_t seen = 0;
  for (;;) {
    std::uint32_t now = seen;
    wait(generation_, seen, [&] { return (now = generation_.load(std::memory_order_acquire)) != seen; });
    seen = now;
    auto active = static_cast<int>(now & ((1u << kThreadBits) - 1));
    if (active == 0) return;
    if (thread >= active) continue;
    work_(data_, thread);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_one();
  }
}

void ThreadPool::run(int threads, void (*work)(void*, int), void* data) {
  FlushDenormals flush;
  active_ = threads;
  if (threads == 1) return work(data, 0);
  if (forks_ != forks()) start();
  work_ = work;
  data_ = data;
  running_.store(static_cast<std::uint32_t>(threads - 1), std::memory_order_relaxed);
  auto count = (generation_.load(std::memory_order_relaxed) >> kThreadBits) + 1;
  generation_.store(count << kThreadBits | static_cast<std::uint32_t>(threads), std::memory_order_release);
  generation_.notify_all();
  work(data, 0);
  for (int i = 0; i < spins_; ++i) {
    if (running_.load(std::memory_order_acquire) == 0) return;
    pause_briefly();
  }
  for (auto left = running_.load(std::memory_order_acquire); left != 0; left = running_.load(std::memory_order_acquire))
    running_.wait(left, std::memory_order_acquire);
}

void ThreadPool::barrier() {
  auto count = static_cast<std::uint32_t>(active_);
  if (count == 1) return;
  auto phase = phase_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == count) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.fetch_add(1, std::memory_order_release);
    phase_.notify_all();
    return;
  }
  wait(phase_, phase, [&] { return phase_.load(std::memory_order_acquire) != phase; });
}

}  // namespace gradc
