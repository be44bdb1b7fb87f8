#include "backends/reference/windows.h"

#include "ir/op.h"

namespace gradc {
namespace {

/// Adds the taps of the windows from dimension `d` on, for what was chosen along those before.
void add_taps(const std::vector<Window>& windows, std::size_t d, const Tap& outer, std::vector<Tap>& taps) {
  if (d == windows.size()) return taps.push_back(outer);
  const auto& along = windows[d];
  // The output's place is known: its number along this dimension is what is left of it by the dimensions behind.
  std::int64_t behind = 1;
  for (std::size_t i = d + 1; i < windows.size(); ++i) behind *= windows[i].output;
  const auto first = outer.output / behind % along.output * along.stride - along.before;
  for (std::int64_t k = 0; k < along.size; ++k) {
    const auto at = first + k * along.dilation;
    if (at >= 0 && at < along.input)
      add_taps(windows, d + 1, {outer.output, outer.input * along.input + at, outer.place * along.size + k}, taps);
  }
}

}  // namespace

std::vector<Tap> taps_of(const Execution& run, const Tensor& input, const Ints& size) {
  const auto windows = windows_of({{}, run.attributes()}, {input.dims.begin() + 1, input.dims.end() - 1}, size);
  std::int64_t outputs = 1;
  for (const auto& window : windows) outputs *= window.output;
  std::vector<Tap> taps;
  for (std::int64_t output = 0; output < outputs; ++output) add_taps(windows, 0, {output, 0, 0}, taps);
  return taps;
}

}  // namespace gradc
