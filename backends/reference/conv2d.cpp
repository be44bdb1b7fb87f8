#include "backends/reference/reference.h"

namespace gradc {
namespace {

/// Calls visit(x index, w index, y index) for every multiply-add of a convolution of x with w that gives y.
template <class Visit>
void for_each_tap(const Execution& run, const Tensor& x, const Tensor& w, const Tensor& y, Visit visit) {
  const auto &strides = run.attributes().ints("strides"), &padding = run.attributes().ints("padding"),
             &dilation = run.attributes().ints("dilation");
  ImageShape in(x), out(y);
  auto rows = w.dims[0], columns = w.dims[1];
  for (std::int64_t n = 0; n < out.n; ++n)
    for (std::int64_t oy = 0; oy < out.h; ++oy)
      for (std::int64_t ox = 0; ox < out.w; ++ox)
        for (std::int64_t ky = 0; ky < rows; ++ky)
          for (std::int64_t kx = 0; kx < columns; ++kx) {
            auto iy = oy * strides[0] - padding[0] + ky * dilation[0], ix = ox * strides[1] - padding[2] + kx * dilation[1];
            if (!in.inside(iy, ix)) continue;
            for (std::int64_t c = 0; c < in.c; ++c)
              for (std::int64_t f = 0; f < out.c; ++f)
                visit(in.at(n, iy, ix, c), ((ky * columns + kx) * in.c + c) * out.c + f, out.at(n, oy, ox, f));
          }
}

}  // namespace

void reference_conv2d(const Execution& run) {
  const auto &x = run.operand(0), &w = run.operand(1);
  auto& y = run.result();
  if (run.single_precision)
    for_each_tap(run, x, w, y, [&](auto i, auto k, auto o) { y.data[o] = static_cast<float>(y.data[o] + x.data[i] * w.data[k]); });
  else
    for_each_tap(run, x, w, y, [&](auto i, auto k, auto o) { y.data[o] += x.data[i] * w.data[k]; });
}

void reference_conv2d_input_grad(const Execution& run) {
  const auto &dy = run.operand(0), &w = run.operand(1);
  auto& dx = run.result();
  for_each_tap(run, dx, w, dy, [&](auto i, auto k, auto o) { dx.data[i] += dy.data[o] * w.data[k]; });
}

void reference_conv2d_weight_grad(const Execution& run) {
  const auto &x = run.operand(0), &dy = run.operand(1);
  auto& dw = run.result();
  for_each_tap(run, x, dw, dy, [&](auto i, auto k, auto o) { dw.data[k] += dy.data[o] * x.data[i]; });
}

}  // namespace gradc
