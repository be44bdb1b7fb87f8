#include "gradc/layers/upsampling.h"

#include <algorithm>
#include <cmath>

#include "frontend/layers/context.h"
#include "frontend/layers/resampling.h"

namespace gradc {
namespace {

/// The parts of images along an axis from `begin` on, `size` of them.
ValueId part(LayerContext& context, ValueId x, int axis, std::int64_t begin, std::int64_t size) {
  auto dims = context.b.type(x).dims;
  Ints first(dims.size(), 0);
  first[axis] = begin;
  dims[axis] = size;
  return context.emit(OpKind::slice, {x}, {{"begin", first}, {"size", dims}});
}

/// What stands `offset` pixels (-1 or 1) further along an axis; beyond the border the last pixel again.
ValueId neighbour(LayerContext& context, ValueId x, int axis, int offset) {
  const auto size = context.b.type(x).dims[axis];
  if (size == 1) return x;
  auto inner = part(context, x, axis, offset > 0 ? 1 : 0, size - 1), last = part(context, x, axis, offset > 0 ? size - 1 : 0, 1);
  return context.emit(OpKind::concat, offset > 0 ? std::vector{inner, last} : std::vector{last, inner},
                      {{"axis", static_cast<std::int64_t>(axis)}}, "neighbour");
}

/// Images as large as one another, of which each gives every `images.size()`-th pixel along an axis.
ValueId interleaved(LayerContext& context, const std::vector<ValueId>& images, int axis) {
  auto dims = context.b.type(images[0]).dims, apart = dims;
  apart.insert(apart.begin() + axis + 1, 1);
  std::vector<ValueId> pieces;
  for (auto image : images) pieces.push_back(context.emit(OpKind::reshape, {image}, {{"dims", apart}}));
  auto joined = context.emit(OpKind::concat, pieces, {{"axis", static_cast<std::int64_t>(axis + 1)}});
  dims[axis] *= static_cast<std::int64_t>(images.size());
  return context.emit(OpKind::reshape, {joined}, {{"dims", dims}}, "interleaved");
}

/// Linear interpolation along an axis. Output pixel i lies at i / times of the input, or, where pixels are seen as squares with a middle,
/// at (i + 0.5) / times - 0.5; beyond the outermost pixels nothing changes.
ValueId interpolated(LayerContext& context, ValueId x, int axis, std::int64_t times, bool by_middles) {
  std::vector<ValueId> images;
  for (std::int64_t i = 0; i < times; ++i) {
    const auto of = static_cast<double>(times);
    const double at = by_middles ? (static_cast<double>(i) + 0.5) / of - 0.5 : static_cast<double>(i) / of;
    if (at == 0) {
      images.push_back(x);
      continue;
    }
    auto near = context.emit(OpKind::mul, {x, context.b.constant(1 - std::abs(at))}, {}, "near");
    auto far = context.emit(OpKind::mul, {neighbour(context, x, axis, at > 0 ? 1 : -1), context.b.constant(std::abs(at))}, {}, "far");
    images.push_back(context.emit(OpKind::add, {near, far}, {}, "between"));
  }
  return images.size() == 1 ? images[0] : interleaved(context, images, axis);
}

template <int n>
ValueId repeated(LayerContext& context, const UpSamplingND<n>& layer) {
  context.expect_images(n);
  auto y = context.input();
  for (int axis = 1; axis <= n; ++axis)
    if (const auto times = layer.size[axis - 1]; times > 1) y = interleaved(context, std::vector(times, y), axis);
  return y;
}

}  // namespace

ValueId lower(LayerContext& context, const UpSampling1D& layer) { return repeated(context, layer); }
ValueId lower(LayerContext& context, const UpSampling3D& layer) { return repeated(context, layer); }

ValueId lower(LayerContext& context, const UpSampling2D& layer) {
  context.expect_images(2);
  auto y = context.input();
  for (int axis : {1, 2}) {
    const auto times = layer.size[axis - 1];
    if (layer.interpolation == "bilinear")
      y = interpolated(context, y, axis, times, context.config.dialect().interpolates_by_middles);
    else if (layer.interpolation != "nearest")
      y = resampled(context, context.symbol(y), axis, context.b.type(y).dims[axis] * times, {layer.interpolation}).id;
    else if (times > 1)
      y = interleaved(context, std::vector(times, y), axis);
  }
  return y;
}

}  // namespace gradc
