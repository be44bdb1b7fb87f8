#pragma once
/// The line that shows how a training goes.

#include <chrono>
#include <cstdint>
#include <string>

#include "gradc/model.h"

namespace gradc {

/// On a terminal one line on stderr, rewritten a few times a second: how far, images a second, time left, loss and metrics.
/// Elsewhere a line for each tenth of an epoch.
class Progress {
 public:
  Progress(std::int64_t steps_per_epoch, std::int64_t epochs, std::int64_t batch_size);

  void step(const Logs& logs);
  void epoch_end(const Logs& logs);

 private:
  void show(const Logs& logs, bool last);

  std::int64_t steps_, epochs_, batch_, done_ = 0, epoch_ = 1;
  bool terminal_;
  std::chrono::steady_clock::time_point start_, shown_;
};

std::string logs_text(const Logs& logs);

}  // namespace gradc
