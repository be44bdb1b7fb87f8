#pragma once
#include <mutex>

namespace gradc {

/// A lock that threads get in the order in which they ask: who takes it again and again lets the others between.
class Turn {
 public:
  void lock() {
    std::lock_guard next(next_);
    held_.lock();
  }
  void unlock() { held_.unlock(); }

 private:
  std::mutex next_, held_;
};

}  // namespace gradc
