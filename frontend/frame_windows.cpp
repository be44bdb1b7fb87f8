#include "frontend/frame_windows.h"

#include <cmath>
#include <numbers>

#include "frontend/names.h"
#include "gradc/error.h"

namespace gradc {
namespace {

struct Row {
  const char* name;
  std::vector<double> cosines;
};

const std::vector<Row>& table() {
  static const std::vector<Row> rows = {
      {"hann", {0.5, 0.5}},
      {"hamming", {0.54, 0.46}},
      {"blackman", {0.42, 0.5, 0.08}},
      {"blackmanharris", {0.35875, 0.48829, 0.14128, 0.01168}},
      {"nuttall", {0.3635819, 0.4891775, 0.1365995, 0.0106411}},
      {"flattop", {0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368}},
      {"boxcar", {1}},
  };
  return rows;
}

}  // namespace

std::span<const double> cosines_of_window(const std::string& name) {
  std::string known;
  for (const auto& row : table()) {
    if (plain_name(row.name) == plain_name(name)) return row.cosines;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw Error("window \"{}\" is not known; {} are", name, known);
}

std::vector<double> frame_window(const std::string& name, std::int64_t samples, bool periodic) {
  const auto cosines = cosines_of_window(name);
  const auto period = static_cast<double>(periodic ? samples : samples - 1);
  std::vector<double> values(static_cast<std::size_t>(samples), 0);
  for (std::int64_t n = 0; n < samples; ++n)
    for (std::size_t k = 0; k < cosines.size(); ++k)
      values[n] +=
          (k % 2 == 0 ? 1 : -1) * cosines[k] * std::cos(2 * std::numbers::pi * static_cast<double>(k) * static_cast<double>(n) / period);
  // A frame of one sample is seen as it is.
  if (samples == 1) values[0] = 1;
  return values;
}

}  // namespace gradc
