#include "tools/progress.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include <fmt/format.h>
#include <unistd.h>

#include "tools/terminal.h"

namespace gradc {
namespace {

std::string duration_text(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  auto whole = static_cast<std::int64_t>(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02} h", whole / 3600, whole / 60 % 60, whole % 60);
}

/// Four decimals for numbers of usual sizes; others in four digits and an exponent.
std::string number_text(double value) {
  auto size = std::abs(value);
  return size == 0 || (size >= 1e-3 && size < 1e6) ? fmt::format("{:.4f}", value) : fmt::format("{:.4g}", value);
}

}  // namespace

std::string logs_text(const Logs& logs) {
  // Loss first, then metrics, then validation, as Keras prints them.
  std::string text;
  auto add = [&](const std::string& name, double value) { text += (text.empty() ? "" : " - ") + name + ": " + number_text(value); };
  for (bool validation : {false, true}) {
    const auto* loss = validation ? "val_loss" : "loss";
    if (logs.contains(loss)) add(loss, logs.at(loss));
    for (const auto& [name, value] : logs)
      if (name != loss && name.starts_with("val_") == validation) add(name, value);
  }
  return text;
}

Progress::Progress(std::int64_t steps_per_epoch, std::int64_t epochs, std::int64_t batch_size)
    : steps_(steps_per_epoch),
      epochs_(epochs),
      batch_(batch_size),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()) {}

void Progress::step(const Logs& logs) {
  ++done_;
  auto now = std::chrono::steady_clock::now();
  bool last = done_ == steps_;
  bool due = terminal_ ? now - shown_ > std::chrono::milliseconds(100) : done_ % std::max<std::int64_t>(steps_ / 10, 1) == 0;
  if (!due && !last) return;
  shown_ = now;
  show(logs, last);
}

void Progress::show(const Logs& logs, bool last) {
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - start_;
  auto rate = static_cast<double>(done_ * batch_) / std::max(took.count(), 1e-9);
  auto left = took.count() / static_cast<double>(done_) * static_cast<double>(steps_ - done_);
  auto line = fmt::format("epoch {}/{}  step {}/{}  {:.0f} images/s  {}  {}", epoch_, epochs_, done_, steps_, rate,
                          last ? "took " + duration_text(took.count()) : duration_text(left) + " left", logs_text(logs));
  if (terminal_) std::cerr << rewrite_line;
  std::cerr << line << (terminal_ ? "" : "\n") << std::flush;
}

void Progress::epoch_end(const Logs& logs) {
  if (terminal_) std::cerr << rewrite_line;
  std::cerr << fmt::format("epoch {}/{}  {}\n", epoch_, epochs_, logs_text(logs));
  ++epoch_;
  done_ = 0;
  start_ = std::chrono::steady_clock::now();
}

}  // namespace gradc
