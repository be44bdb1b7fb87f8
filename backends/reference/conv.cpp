#include "backends/reference/reference.h"

namespace gradc {
namespace {

/// Calls visit(x index, w index, y index) for every multiply-add of a convolution of x with w [KH,KW,C/G,F] that gives y.
template <class Visit>
void for_each_tap(const Execution& run, const Tensor& x, const Tensor& y, std::int64_t rows, std::int64_t columns, Visit visit) {
  const auto &strides = run.attributes().ints("strides"), &padding = run.attributes().ints("padding"),
             &dilation = run.attributes().ints("dilation");
  ImageShape in(x), out(y);
  auto groups = run.attributes().integer_or("groups", 1), depth = in.c / groups, filters = out.c / groups;
  for (std::int64_t n = 0; n < out.n; ++n)
    for (std::int64_t oy = 0; oy < out.h; ++oy)
      for (std::int64_t ox = 0; ox < out.w; ++ox)
        for (std::int64_t ky = 0; ky < rows; ++ky)
          for (std::int64_t kx = 0; kx < columns; ++kx) {
            auto iy = oy * strides[0] - padding[0] + ky * dilation[0], ix = ox * strides[1] - padding[2] + kx * dilation[1];
            if (!in.inside(iy, ix)) continue;
            for (std::int64_t c = 0; c < depth; ++c)
              for (std::int64_t f = 0; f < out.c; ++f)
                visit(in.at(n, iy, ix, f / filters * depth + c), ((ky * columns + kx) * depth + c) * out.c + f, out.at(n, oy, ox, f));
          }
}

}  // namespace

void reference_conv2d(const Execution& run) {
  const auto &x = run.operand(0), &w = run.operand(1);
  auto& y = run.result();
  if (run.single_precision)
    for_each_tap(run, x, y, w.dims[0], w.dims[1],
                 [&](auto i, auto k, auto o) { y.data[o] = static_cast<float>(y.data[o] + x.data[i] * w.data[k]); });
  else
    for_each_tap(run, x, y, w.dims[0], w.dims[1], [&](auto i, auto k, auto o) { y.data[o] += x.data[i] * w.data[k]; });
}

void reference_conv2d_input_grad(const Execution& run) {
  const auto &dy = run.operand(0), &w = run.operand(1);  // w: [KH,KW,F,C/G]
  auto& dx = run.result();
  auto filters = w.dims[2], depth = w.dims[3], plane = filters * depth;
  for_each_tap(run, dx, dy, w.dims[0], w.dims[1], [&](auto i, auto k, auto o) {
    auto f = k % filters, c = k / filters % depth;
    dx.data[i] += dy.data[o] * w.data[k / plane * plane + f * depth + c];
  });
}

void reference_conv2d_weight_grad(const Execution& run) {
  const auto &x = run.operand(0), &dy = run.operand(1);
  auto& dw = run.result();
  for_each_tap(run, x, dy, dw.dims[0], dw.dims[1], [&](auto i, auto k, auto o) { dw.data[k] += dy.data[o] * x.data[i]; });
}

}  // namespace gradc
