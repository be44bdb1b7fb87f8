#pragma once
/// Event files as TensorBoard reads them: records framed as TFRecords, each a serialized tensorflow.Event (tensorflow/core/util/event.proto
/// and framework/summary.proto).

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "inspect/training_report.h"

namespace gradc {

class EventWriter {
 public:
  /// Makes the folder if it is not there, and in it a new file. Throws gradc::Error that names it if it cannot.
  explicit EventWriter(const std::filesystem::path& folder);

  void scalar(const std::string& tag, std::int64_t step, double value);
  void histogram(const std::string& tag, const Histogram& histogram);
  /// Throws gradc::Error if something could not be written.
  void flush();

 private:
  void write_value(std::int64_t step, const std::string& value);
  void write_record(const std::string& event);

  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace gradc
