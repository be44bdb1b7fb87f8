#pragma once
/// Work in a process of its own, so that a crash or a hang in it is a result and not the end.

#include <functional>
#include <string>
#include <vector>

namespace gradc::fuzz {

/// How a process ended, and what its work returned.
struct Ended {
  enum How { returned, by_signal, out_of_time } how = returned;
  int signal = 0;
  std::string text;  ///< What the work returned, or what it wrote to stderr last.
};

/// Runs pieces of work in processes forked from this one, several at a time. This process must have no other thread.
class Processes {
 public:
  /// `seconds` of CPU time are what each may take, and some ten times as long by the clock.
  explicit Processes(double seconds) : seconds_(seconds) {}
  /// Ends what still runs.
  ~Processes();
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  double seconds() const { return seconds_; }
  std::size_t running() const { return children_.size(); }
  /// Starts work; `done` gets its end within a later call of wait().
  void start(std::function<std::string()> work, std::function<void(const Ended&)> done);
  /// Waits until one or more have ended, or some `seconds`.
  void wait(double seconds);

 private:
  struct Child {
    int pid, pipe;
    double deadline;
    std::string text;
    std::function<void(const Ended&)> done;
  };
  void finish(std::size_t child, bool in_time);

  double seconds_;
  std::vector<Child> children_;
};

/// Runs one piece of work and waits for it.
Ended run_isolated(const std::function<std::string()>& work, double seconds);

}  // namespace gradc::fuzz
