#include "backends/reference/windows.h"

namespace gradc {
namespace {

/// Calls visit(x index, w index, y index) for every multiply-add of a convolution of x with w [...,C/G,F] that gives y, where `kernel` are
/// the extents of w.
template <class Visit>
void for_each_multiply_add(const Execution& run, const Tensor& x, const Tensor& y, const Ints& kernel, Visit visit) {
  const auto taps = taps_of(run, x, kernel);
  const Images in(x), out(y);
  const auto groups = run.attributes().integer_or("groups", 1), depth = in.channels / groups, filters = out.channels / groups;
  for (std::int64_t n = 0; n < out.count; ++n)
    for (const auto& tap : taps)
      for (std::int64_t c = 0; c < depth; ++c)
        for (std::int64_t f = 0; f < out.channels; ++f)
          visit(in.at(n, tap.input, f / filters * depth + c), (tap.place * depth + c) * out.channels + f, out.at(n, tap.output, f));
}

/// The extents of a kernel, whose last two dimensions are channels.
Ints extents_of(const Tensor& kernel) { return {kernel.dims.begin(), kernel.dims.end() - 2}; }

}  // namespace

void reference_conv(const Execution& run) {
  const auto &x = run.operand(0), &w = run.operand(1);
  auto& y = run.result();
  const auto kernel = extents_of(w);
  if (run.single_precision)
    for_each_multiply_add(run, x, y, kernel,
                          [&](auto i, auto k, auto o) { y.data[o] = static_cast<float>(y.data[o] + x.data[i] * w.data[k]); });
  else
    for_each_multiply_add(run, x, y, kernel, [&](auto i, auto k, auto o) { y.data[o] += x.data[i] * w.data[k]; });
}

void reference_conv_input_grad(const Execution& run) {
  const auto &dy = run.operand(0), &w = run.operand(1);  // w: [...,F,C/G]
  auto& dx = run.result();
  const auto filters = w.dims.end()[-2], depth = w.dims.end()[-1], plane = filters * depth;
  for_each_multiply_add(run, dx, dy, extents_of(w), [&](auto i, auto k, auto o) {
    auto f = k % filters, c = k / filters % depth;
    dx.data[i] += dy.data[o] * w.data[k / plane * plane + f * depth + c];
  });
}

void reference_conv_weight_grad(const Execution& run) {
  const auto &x = run.operand(0), &dy = run.operand(1);
  auto& dw = run.result();
  for_each_multiply_add(run, x, dy, extents_of(dw), [&](auto i, auto k, auto o) { dw.data[k] += dy.data[o] * x.data[i]; });
}

}  // namespace gradc
