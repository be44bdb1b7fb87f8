#include "runtime/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <system_error>

#include <pthread.h>
#include <sched.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "gradc/error.h"
#include "support/processors.h"

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

}  // namespace

ThreadPool::ThreadPool(int threads, bool pin) : pin_(pin), forks_(forks()) {
  try {
    grow(threads);
  } catch (...) {
    stop();
    throw;
  }
}

std::shared_ptr<ThreadPool> ThreadPool::of_process(int threads, bool pin) {
  static std::mutex lock;
  static std::weak_ptr<ThreadPool> pools[2];
  std::lock_guard guard(lock);
  auto& known = pools[pin ? 1 : 0];
  auto pool = known.lock();
  if (!pool) {
    pool = std::make_shared<ThreadPool>(threads, pin);
    known = pool;
    return pool;
  }
  std::lock_guard turn(pool->turn_);
  pool->grow(threads);
  return pool;
}

void ThreadPool::grow(int threads) {
  check(threads >= 1 && threads <= kMostThreads, "a thread pool has from 1 to kMostThreads threads");
  size_ = std::max(size_, threads);
  spins_ = size_ <= available_processors() ? 1500 : 0;
  start_missing();
}

void ThreadPool::start_missing() {
  if (forks_ != forks()) {
    // Handles of threads that a fork left behind can be neither joined nor detached: they are forgotten.
    static_cast<void>(workers_.release());
    workers_ = std::make_unique<std::vector<std::thread>>();
    generation_ = running_ = arrived_ = phase_ = 0;
    forks_ = forks();
  }
  const auto before = workers_->size();
  const auto processors = pin_ ? processors_of_mask() : std::vector<int>();
  for (auto i = static_cast<int>(before) + 1; i < size_; ++i) {
    try {
      workers_->emplace_back([this, i] { worker(i); });
    } catch (const std::system_error& error) {
      const auto asked = size_;
      size_ = static_cast<int>(workers_->size()) + 1;
      throw Error("{} threads cannot be started: {}; ask for fewer threads", asked, error.what());
    }
    if (static_cast<std::size_t>(i) >= processors.size()) continue;
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(processors[i], &own);
    pthread_setaffinity_np(workers_->back().native_handle(), sizeof own, &own);
  }
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
  for (int i = 0, spins = spins_.load(std::memory_order_relaxed); i < spins; ++i) {
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
    if (thread >= active) continue;  // also a run that was over before this thread started
    work_(data_, thread);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_one();
  }
}

void ThreadPool::run(int threads, void (*work)(void*, int), void* data, double* seconds) {
  using Clock = std::chrono::steady_clock;
  FlushDenormals flush;
  std::unique_lock turn(turn_, std::defer_lock);
  if (threads > 1) turn.lock();
  const auto start = seconds != nullptr ? Clock::now() : Clock::time_point();
  if (threads > 1)
    run_together(threads, work, data);
  else
    work(data, 0);
  if (seconds != nullptr) *seconds = std::chrono::duration<double>(Clock::now() - start).count();
}

void ThreadPool::run_together(int threads, void (*work)(void*, int), void* data) {
  if (forks_ != forks()) start_missing();
  work_ = work;
  data_ = data;
  running_.store(static_cast<std::uint32_t>(threads - 1), std::memory_order_relaxed);
  auto count = (generation_.load(std::memory_order_relaxed) >> kThreadBits) + 1;
  generation_.store(count << kThreadBits | static_cast<std::uint32_t>(threads), std::memory_order_release);
  generation_.notify_all();
  work(data, 0);
  for (int i = 0, spins = spins_.load(std::memory_order_relaxed); i < spins; ++i) {
    if (running_.load(std::memory_order_acquire) == 0) return;
    pause_briefly();
  }
  for (auto left = running_.load(std::memory_order_acquire); left != 0; left = running_.load(std::memory_order_acquire))
    running_.wait(left, std::memory_order_acquire);
}

void ThreadPool::barrier(int threads) {
  auto count = static_cast<std::uint32_t>(threads);
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
