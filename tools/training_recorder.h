#pragma once
/// Gathers what the report of a training shows while it goes on.

#include <chrono>
#include <mutex>
#include <optional>
#include <string>

#include "gradc/model.h"
#include "inspect/event_writer.h"
#include "inspect/training_report.h"

namespace gradc {

class TrainingRecorder {
 public:
  /// `steps` is how many the training has in all.
  TrainingRecorder(Model& model, std::string title, const DataSet& train, std::optional<DataSet> validation, std::int64_t batch_size,
                   std::int64_t steps);

  /// Also writes events for TensorBoard, to "train" and "validation" in this folder.
  void write_events(const std::filesystem::path& folder);
  /// Before the first step.
  void begin();
  void step(std::int64_t step, const Logs& logs);
  void epoch(const Logs& logs);
  /// Looks at the validation data, for the page: what TensorBoard reads is whole without it.
  void end();

  /// The report as it is now, as a page or as its data. Any thread may ask while the training goes on.
  std::string page() const;
  std::string data() const;

 private:
  double seconds() const;
  void take_histograms(std::int64_t step);
  void look_at_validation();

  Model& model_;
  DataSet probe_;  ///< The batch whose gradients are shown.
  std::optional<DataSet> validation_;
  std::int64_t steps_, next_histograms_ = 0;
  mutable std::mutex mutex_;  ///< Guards report_.
  TrainingReport report_;
  std::optional<EventWriter> train_events_, validation_events_;
  std::chrono::steady_clock::time_point begin_, last_step_;
  double paused_ = 0;  ///< Seconds that went into the report and into validation.
};

}  // namespace gradc
