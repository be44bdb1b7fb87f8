#include "gradc/layers/shape.h"

#include <algorithm>

#include "frontend/layers/context.h"
#include "gradc/error.h"

namespace gradc {
namespace {

/// The sides of spatial dimensions as the numbers before and after each dimension of images.
std::pair<Ints, Ints> before_and_after(const Dims& sides) {
  Ints before = {0}, after = {0};
  for (std::size_t i = 0; i < sides.size(); i += 2) {
    before.push_back(sides[i]);
    after.push_back(sides[i + 1]);
  }
  before.push_back(0);
  after.push_back(0);
  return {before, after};
}

template <int n>
ValueId pad(LayerContext& context, const ZeroPaddingND<n>& layer) {
  context.expect_images(n);
  auto [before, after] = before_and_after(layer.padding);
  return context.emit(OpKind::pad, {context.input()}, {{"before", before}, {"after", after}}, "padded");
}

template <int n>
ValueId crop(LayerContext& context, const CroppingND<n>& layer) {
  context.expect_images(n);
  auto [begin, end] = before_and_after(layer.cropping);
  auto size = context.input_type().dims;
  for (int axis = 1; axis <= n; ++axis) {
    if (begin[axis] >= size[axis] || end[axis] >= size[axis] - begin[axis])
      throw Error("\"cropping\" is {}, which leaves nothing of {} of {}", context.config.find("cropping").dump(),
                  n == 1   ? "sequences"
                  : n == 2 ? "images"
                           : "volumes",
                  shape_string(context.input_type().image_dims()));
    size[axis] -= begin[axis] + end[axis];
  }
  return context.emit(OpKind::slice, {context.input()}, {{"begin", begin}, {"size", size}}, "cropped");
}

}  // namespace

ValueId lower(LayerContext& context, const InputLayer&) { return context.input(); }

ValueId lower(LayerContext& context, const Flatten&) {
  return context.emit(OpKind::reshape, {context.input()}, {{"dims", Ints{kBatch, context.input_type().elements()}}}, "flat");
}

ValueId lower(LayerContext& context, const Reshape& layer) {
  const auto elements = context.input_type().elements();
  Ints dims = {kBatch};
  std::int64_t known = 1;
  std::size_t rest = 0;
  for (auto dim : layer.target_shape) {
    if (dim < 0) rest = dims.size();
    dims.push_back(dim < 0 ? 1 : dim);
    known *= dims.back();
    if (known > elements) break;
  }
  if (rest > 0) dims[rest] = elements / known;
  if (known > elements || Type{DType::f32, dims}.elements() != elements)
    throw Error("target_shape {} does not hold the {} elements of its input {}", context.config.find("target_shape").dump(), elements,
                shape_string(context.input_type().image_dims()));
  return context.emit(OpKind::reshape, {context.input()}, {{"dims", dims}}, "reshaped");
}

ValueId lower(LayerContext& context, const Permute& layer) {
  auto sorted = layer.dims;
  std::sort(sorted.begin(), sorted.end());
  const auto rank = context.input_type().rank() - 1;
  bool each_once = static_cast<int>(sorted.size()) == rank;
  for (std::size_t i = 0; i < sorted.size(); ++i) each_once = each_once && sorted[i] == static_cast<std::int64_t>(i) + 1;
  if (!each_once)
    throw Error("\"dims\" is {}, expected the numbers from 1 to {}, one for each dimension of its input {}",
                context.config.find("dims").dump(), rank, shape_string(context.input_type().image_dims()));
  Ints permutation = {0};
  permutation.insert(permutation.end(), layer.dims.begin(), layer.dims.end());
  return context.emit(OpKind::transpose, {context.input()}, {{"permutation", permutation}}, "permuted");
}

ValueId lower(LayerContext& context, const RepeatVector& layer) {
  context.expect_rank(2, "vectors");
  const auto features = context.input_type().dims[1];
  auto row = context.emit(OpKind::reshape, {context.input()}, {{"dims", Ints{kBatch, 1, features}}}, "row");
  return context.emit(OpKind::broadcast, {row}, {{"dims", Ints{kBatch, layer.n, features}}}, "repeated");
}

ValueId lower(LayerContext& context, const ZeroPadding1D& layer) { return pad(context, layer); }
ValueId lower(LayerContext& context, const ZeroPadding2D& layer) { return pad(context, layer); }
ValueId lower(LayerContext& context, const ZeroPadding3D& layer) { return pad(context, layer); }
ValueId lower(LayerContext& context, const Cropping1D& layer) { return crop(context, layer); }
ValueId lower(LayerContext& context, const Cropping2D& layer) { return crop(context, layer); }
ValueId lower(LayerContext& context, const Cropping3D& layer) { return crop(context, layer); }

}  // namespace gradc
