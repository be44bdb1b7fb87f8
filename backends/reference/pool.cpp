#include <cmath>

#include "backends/reference/reference.h"

namespace gradc {
namespace {

/// Calls visit(pixel index, place in the window) for every pixel of the window of one output.
template <class Visit>
void for_each_pixel(const Execution& run, const ImageShape& in, std::int64_t n, std::int64_t oy, std::int64_t ox, std::int64_t c,
                    Visit visit) {
  const auto &window = run.attributes().ints("window"), &strides = run.attributes().ints("strides"),
             &padding = run.attributes().ints("padding");
  for (std::int64_t ky = 0; ky < window[0]; ++ky)
    for (std::int64_t kx = 0; kx < window[1]; ++kx) {
      auto iy = oy * strides[0] - padding[0] + ky, ix = ox * strides[1] - padding[2] + kx;
      if (in.inside(iy, ix)) visit(in.at(n, iy, ix, c), ky * window[1] + kx);
    }
}

template <class Visit>
void for_each_output(const ImageShape& out, Visit visit) {
  for (std::int64_t n = 0; n < out.n; ++n)
    for (std::int64_t oy = 0; oy < out.h; ++oy)
      for (std::int64_t ox = 0; ox < out.w; ++ox)
        for (std::int64_t c = 0; c < out.c; ++c) visit(n, oy, ox, c);
}

}  // namespace

void reference_max_pool2d(const Execution& run) {
  const auto& x = run.operand(0);
  ImageShape in(x), out(run.result());
  for_each_output(out, [&](auto n, auto oy, auto ox, auto c) {
    double best = 0;
    std::int64_t index = -1;
    for_each_pixel(run, in, n, oy, ox, c, [&](auto pixel, auto place) {
      const auto value = x.data[pixel];
      // The first NaN is the largest.
      if (index >= 0 && !(value > best) && !(std::isnan(value) && !std::isnan(best))) return;
      best = value;
      index = place;
    });
    run.result(0).data[out.at(n, oy, ox, c)] = best;
    run.result(1).data[out.at(n, oy, ox, c)] = static_cast<double>(index);
  });
}

void reference_max_pool2d_grad(const Execution& run) {
  const auto &dy = run.operand(0), &index = run.operand(1);
  auto& dx = run.result();
  ImageShape in(dx), out(dy);
  for_each_output(out, [&](auto n, auto oy, auto ox, auto c) {
    auto o = out.at(n, oy, ox, c);
    for_each_pixel(run, in, n, oy, ox, c, [&](auto pixel, auto place) {
      if (place == static_cast<std::int64_t>(index.data[o])) dx.data[pixel] += dy.data[o];
    });
  });
}

void reference_avg_pool2d(const Execution& run) {
  const auto& x = run.operand(0);
  ImageShape in(x), out(run.result());
  for_each_output(out, [&](auto n, auto oy, auto ox, auto c) {
    double sum = 0;
    int count = 0;
    for_each_pixel(run, in, n, oy, ox, c, [&](auto pixel, auto) {
      sum += x.data[pixel];
      ++count;
    });
    run.result().data[out.at(n, oy, ox, c)] = sum / count;
  });
}

void reference_avg_pool2d_grad(const Execution& run) {
  const auto& dy = run.operand(0);
  auto& dx = run.result();
  ImageShape in(dx), out(dy);
  for_each_output(out, [&](auto n, auto oy, auto ox, auto c) {
    int count = 0;
    for_each_pixel(run, in, n, oy, ox, c, [&](auto, auto) { ++count; });
    for_each_pixel(run, in, n, oy, ox, c, [&](auto pixel, auto) { dx.data[pixel] += dy.data[out.at(n, oy, ox, c)] / count; });
  });
}

}  // namespace gradc
