#include <algorithm>
#include <cmath>

#include "backends/reference/windows.h"

namespace gradc {
namespace {

/// Calls visit(input index, place in the window, output index) for every pixel of every window of images `x` that gives `y`.
template <class Visit>
void for_each_pixel(const Execution& run, const Tensor& x, const Tensor& y, Visit visit) {
  const auto taps = taps_of(run, x, run.attributes().ints("window"));
  const Images in(x), out(y);
  for (std::int64_t n = 0; n < out.count; ++n)
    for (const auto& tap : taps)
      for (std::int64_t c = 0; c < out.channels; ++c) visit(in.at(n, tap.input, c), tap.place, out.at(n, tap.output, c));
}

/// How many pixels the window of each output holds.
std::vector<double> pixels_of_windows(const Execution& run, const Tensor& x, const Tensor& y) {
  std::vector<double> counts(y.data.size(), 0);
  for_each_pixel(run, x, y, [&](auto, auto, auto o) { ++counts[o]; });
  return counts;
}

}  // namespace

void reference_max_pool(const Execution& run) {
  const auto& x = run.operand(0);
  auto &best = run.result(0).data, &index = run.result(1).data;
  std::fill(index.begin(), index.end(), -1);
  for_each_pixel(run, x, run.result(), [&](auto pixel, auto place, auto o) {
    const auto value = x.data[pixel];
    // The first NaN is the largest.
    if (index[o] >= 0 && !(value > best[o]) && !(std::isnan(value) && !std::isnan(best[o]))) return;
    best[o] = value;
    index[o] = static_cast<double>(place);
  });
}

void reference_max_pool_grad(const Execution& run) {
  const auto &dy = run.operand(0), &index = run.operand(1);
  auto& dx = run.result();
  for_each_pixel(run, dx, dy, [&](auto pixel, auto place, auto o) {
    if (place == static_cast<std::int64_t>(index.data[o])) dx.data[pixel] += dy.data[o];
  });
}

void reference_avg_pool(const Execution& run) {
  const auto& x = run.operand(0);
  auto& y = run.result();
  const auto counts = pixels_of_windows(run, x, y);
  for_each_pixel(run, x, y, [&](auto pixel, auto, auto o) { y.data[o] += x.data[pixel]; });
  for (std::size_t o = 0; o < counts.size(); ++o) y.data[o] /= counts[o];
}

void reference_avg_pool_grad(const Execution& run) {
  const auto& dy = run.operand(0);
  auto& dx = run.result();
  const auto counts = pixels_of_windows(run, dx, dy);
  for_each_pixel(run, dx, dy, [&](auto pixel, auto, auto o) { dx.data[pixel] += dy.data[o] / counts[o]; });
}

}  // namespace gradc
