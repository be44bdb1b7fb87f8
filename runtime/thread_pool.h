#pragma once
/// Threads that run a step together: they wake in microseconds, wait for each other without a system call when the others are near, and
/// sleep when there is nothing to do.
/// A forked process has none of them, and a pool that it inherits starts new ones with its next run; no run may be going on during a fork.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace gradc {

/// Processors that this process may use: as many as the environment's GRADC_PROCESSORS says, or else those of its affinity mask, or fewer
/// if a control group (v1 or v2) limits its CPU time. Throws gradc::Error for a GRADC_PROCESSORS that is no such number.
int available_processors();
/// As many threads as asked for; for 0 one for each of those processors.
int threads_or_all(int asked);

/// Calls work(i) for each i below `count`, several at a time. Throws what the first of them threw, when all have ended.
void run_on_all_processors(std::size_t count, const std::function<void(std::size_t)>& work);

class ThreadPool {
 public:
  /// The caller is thread 0 of `threads`; from 1 to kMostThreads. If `pin`, each of the others stays on a processor of its own, as far as
  /// there are any: of those that the process may use, the first is left to the caller. Throws gradc::Error if they cannot be started.
  explicit ThreadPool(int threads, bool pin = false);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return size_; }
  /// Runs work(thread) on the first `threads` threads at once and returns when all are done. While it runs denormals count as zero on each
  /// of them; the caller's floating-point state is as before afterwards.
  void run(int threads, void (*work)(void* data, int thread), void* data);
  /// Within `run`: waits until every thread of the run has come here.
  void barrier();

  static constexpr int kMostThreads = 4096;

 private:
  void start();
  void stop();
  void worker(int thread);
  template <class Done>
  void wait(std::atomic<std::uint32_t>& value, std::uint32_t seen, Done done);

  static constexpr int kThreadBits = 13;

  int spins_;  ///< Rounds before a waiting thread sleeps: about 50 µs, or none where threads outnumber processors.
  int size_;
  bool pin_;
  std::uint32_t forks_ = 0;  ///< Of the process and those it came from, when the workers started.
  std::unique_ptr<std::vector<std::thread>> workers_;
  void (*work_)(void*, int) = nullptr;
  void* data_ = nullptr;
  int active_ = 1;  ///< Threads of the run.
  /// Counts calls of run above kThreadBits bits for how many threads the run has: a thread that has none to do may see it late, when the
  /// run is over, and must not read anything else then.
  alignas(64) std::atomic<std::uint32_t> generation_{0};
  alignas(64) std::atomic<std::uint32_t> running_{0};  ///< Workers that are not done yet.
  alignas(64) std::atomic<std::uint32_t> arrived_{0};
  alignas(64) std::atomic<std::uint32_t> phase_{0};  ///< Counts barriers.
};

}  // namespace gradc
