#pragma once
/// Threads that run a step together: they wake in microseconds, wait for each other without a system call when the others are near, and
/// sleep when there is nothing to do.
/// A forked process has none of them, and a pool that it inherits starts new ones with its next run; no run may be going on during a fork.

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "support/turn.h"

namespace gradc {

class ThreadPool {
 public:
  /// The caller of a run is its thread 0; `threads`, from 1 to kMostThreads, counts it. If `pin`, each of the others stays on a processor
  /// of its own, as far as there are any: of those that the process may use, the first is left to the caller. Throws gradc::Error if the
  /// threads cannot be started.
  explicit ThreadPool(int threads, bool pin = false);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// The pool that all steps of this process share, one for those that pin and one for the others, with at least so many threads. It lives
  /// while somebody holds it. Throws as the constructor.
  static std::shared_ptr<ThreadPool> of_process(int threads, bool pin);

  /// Runs work(thread) on `threads` threads at once and returns when all are done; at most as many as the pool was asked for. Runs of
  /// several threads take turns; a run of one thread is the caller's alone, and waits for nobody. While it runs denormals count as zero on
  /// each thread; the caller's floating-point state is as before afterwards. Stores to `seconds`, if given, how long the run took without
  /// the wait for its turn.
  void run(int threads, void (*work)(void* data, int thread), void* data, double* seconds = nullptr);
  /// Within a run on this many threads: waits until every thread of the run has come here.
  void barrier(int threads);

 private:
  void start_missing();
  void grow(int threads);
  void stop();
  void worker(int thread);
  template <class Done>
  void wait(std::atomic<std::uint32_t>& value, std::uint32_t seen, Done done);
  void run_together(int threads, void (*work)(void* data, int thread), void* data);

  static constexpr int kThreadBits = 13;

  Turn turn_;  ///< Held by the run, or by who starts threads.
  int size_ = 1;
  bool pin_;
  std::atomic<int> spins_;   ///< Rounds before a waiting thread sleeps: about 50 µs, or none where threads outnumber processors.
  std::uint32_t forks_ = 0;  ///< Forks of the process and those it came from, when the workers started.
  std::unique_ptr<std::vector<std::thread>> workers_ = std::make_unique<std::vector<std::thread>>();
  void (*work_)(void*, int) = nullptr;
  void* data_ = nullptr;
  /// Counts runs above kThreadBits bits for how many threads the run has: a thread that has none to do may see it late, when the run is
  /// over, and must not read anything else then.
  alignas(64) std::atomic<std::uint32_t> generation_{0};
  alignas(64) std::atomic<std::uint32_t> running_{0};  ///< Workers that are not done yet.
  alignas(64) std::atomic<std::uint32_t> arrived_{0};
  alignas(64) std::atomic<std::uint32_t> phase_{0};  ///< Counts barriers.
};

}  // namespace gradc
