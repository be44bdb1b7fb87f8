#include "frontend/layers/shape.h"

#include <algorithm>

#include "frontend/layers/context.h"
#include "support/error.h"

namespace gradc {
namespace {

/// Top, bottom, left and right as the numbers before and after each dimension.
std::pair<Ints, Ints> before_and_after(const Dims& sides) { return {{0, sides[0], sides[2], 0}, {0, sides[1], sides[3], 0}}; }

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

ValueId lower(LayerContext& context, const ZeroPadding2D& layer) {
  context.expect_images();
  auto [before, after] = before_and_after(layer.padding);
  return context.emit(OpKind::pad, {context.input()}, {{"before", before}, {"after", after}}, "padded");
}

ValueId lower(LayerContext& context, const Cropping2D& layer) {
  context.expect_images();
  auto [begin, end] = before_and_after(layer.cropping);
  auto size = context.input_type().dims;
  for (int axis : {1, 2}) {
    if (begin[axis] >= size[axis] || end[axis] >= size[axis] - begin[axis])
      throw Error("\"cropping\" is {}, which leaves nothing of images of {}", context.config.find("cropping").dump(),
                  shape_string(context.input_type().image_dims()));
    size[axis] -= begin[axis] + end[axis];
  }
  return context.emit(OpKind::slice, {context.input()}, {{"begin", begin}, {"size", size}}, "cropped");
}

}  // namespace gradc
