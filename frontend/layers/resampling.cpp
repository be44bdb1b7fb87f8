#include "frontend/layers/resampling.h"

#include <algorithm>
#include <numbers>

#include "gradc/error.h"

namespace gradc {
namespace {

/// How much a pixel counts at this distance.
Symbol kernel(Symbol distance, const std::string& interpolation) {
  const auto& x = distance;
  if (interpolation == "bilinear") return max(1 - x, 0);
  if (interpolation == "bicubic") {  // Keys 1981
    const auto near = ((x * 1.5) - 2.5) * x * x + 1, far = ((x * -0.5 + 2.5) * x - 4) * x + 2;
    return select(greater(2, x), select(greater(1, x), near, far), constant(x, 0));
  }
  const double radius = interpolation == "lanczos3" ? 3 : 5, nearest = 1e-3;
  const auto at = max(x, nearest) * std::numbers::pi;
  const auto value = sin(at) * sin(at * (1 / radius)) * radius / square(at);
  return select(greater(x, radius), constant(x, 0), select(greater(x, nearest), value, constant(x, 1)));
}

/// Whole numbers of which column i of a matrix is at (step * i + begin) / unit of its rows.
struct Places {
  std::int64_t step, begin, unit;
};

Places places_of(const Resampling& rule, std::int64_t from, std::int64_t to) {
  const bool nearest = rule.interpolation == "nearest";
  if (rule.grid == Grid::middles) return {2 * from, nearest ? from : from - to, 2 * to};
  if (rule.grid == Grid::corners || to == 1) return {from, 0, to};
  return nearest ? Places{2 * (from - 1), to - 1, 2 * (to - 1)} : Places{from - 1, 0, to - 1};
}

/// How much each of `pixels` pixels along an axis, whose places are `from`, counts at these places between or beside them.
Symbol weights_at(Symbol at, Symbol from, double pixels, const std::string& interpolation, const std::string& fill) {
  // The pixel at a whole number, which may be outside.
  auto pixel = [&](Symbol number) {
    auto remainder = [&](double period) { return number - floor((number + 0.5) * (1 / period)) * period; };
    if (fill == "nearest") return min(max(number, 0), pixels - 1);
    if (fill == "wrap") return remainder(pixels);
    if (fill == "constant") return number;
    const auto in_both = remainder(2 * pixels);
    return emit(OpKind::min, {in_both, 2 * pixels - 1 - in_both});
  };
  auto is_at = [&](Symbol number) { return emit(OpKind::equal, {from, pixel(number)}); };
  if (interpolation == "nearest") return is_at(sign(at) * floor(abs(at) + 0.5));  // Halves away from 0.
  const auto before = floor(at), part = at - before;
  return is_at(before) * (1 - part) + is_at(before + 1) * part;
}

}  // namespace

Symbol along(LayerContext& context, Symbol x, int axis, Symbol matrix) {
  const auto from_last = type_of(x).rank() - 1 - axis;
  auto moved = context.symbol(moved_last(context, x.id, from_last));
  if (type_of(matrix).rank() == 2) {
    moved = emit(OpKind::dense, {moved, matrix}, {}, "resampled");
  } else {  // Pixels along the axis as the rows of a matrix for each image.
    auto dims = type_of(moved).dims;
    const auto rows = reshape(moved, {kBatch, type_of(x).elements() / dims.back(), dims.back()});
    dims.back() = type_of(matrix).dims.back();
    moved = reshape(emit(OpKind::matmul, {rows, matrix}, {}, "sampled"), dims);
  }
  return context.symbol(moved_back(context, moved.id, from_last));
}

Part part_of_ratio(const Ints& dims, std::int64_t height, std::int64_t width) {
  Part part = {Ints(dims.size(), 0), dims};
  part.size[1] = std::clamp<std::int64_t>(dims[2] * height / width, 1, dims[1]);
  part.size[2] = std::clamp<std::int64_t>(dims[1] * width / height, 1, dims[2]);
  for (int axis : {1, 2}) part.begin[axis] = (dims[axis] - part.size[axis]) / 2;
  return part;
}

Symbol cut(Symbol x, const Part& part) {
  return part.size == type_of(x).dims ? x : emit(OpKind::slice, {x}, {{"begin", part.begin}, {"size", part.size}}, "cropped");
}

Symbol resampled(LayerContext& context, Symbol x, int axis, std::int64_t size, const Resampling& rule) {
  const auto from = type_of(x).dims[axis];
  if (from == size) return x;
  const auto places = places_of(rule, from, size);
  const auto row = place(context, 0, {from, size});
  const auto at = place(context, 1, {from, size}) * static_cast<double>(places.step) + static_cast<double>(places.begin);
  const auto unit = static_cast<double>(places.unit);
  if (rule.interpolation == "nearest") {  // Compared as whole numbers, which are exact.
    const auto begin = row * unit;
    return along(context, x, axis, greater(begin + unit, at) - greater(begin, at));
  }
  const auto width = rule.antialias ? std::max(1.0, static_cast<double>(from) / static_cast<double>(size)) : 1;
  const auto weights = kernel(abs(at * (1 / unit) - row) * (1 / width), rule.interpolation);
  return along(context, x, axis, weights / sum(weights, {0}, true));
}

Symbol means_of_windows(LayerContext& context, Symbol x, int axis, std::int64_t size) {
  const auto from = type_of(x).dims[axis];
  if (from == size) return x;
  // Pixel j is in window i if they overlap, both in units that go into both.
  const auto begin = place(context, 0, {from, size}) * static_cast<double>(size);
  const auto window = place(context, 1, {from, size}) * static_cast<double>(from);
  const auto inside = greater(begin + static_cast<double>(size), window) * greater(window + static_cast<double>(from), begin);
  return along(context, x, axis, inside / sum(inside, {0}, true));
}

Symbol chosen(LayerContext& context, Symbol x, int axis, const std::vector<std::int64_t>& places) {
  const auto columns = static_cast<std::int64_t>(places.size());
  const auto at = numbers(context, std::vector<double>(places.begin(), places.end()), {1, columns});
  return along(context, x, axis, emit(OpKind::equal, {place(context, 0, {type_of(x).dims[axis], columns}), at}));
}

Symbol sampled(LayerContext& context, Symbol x, int axis, Symbol scale, Symbol offset, const std::string& interpolation,
               const std::string& fill) {
  const auto size = type_of(x).dims[axis];
  const Ints matrix = {1, size, size};
  const auto at = place(context, 2, matrix) * scale + offset;
  return along(context, x, axis, weights_at(at, place(context, 1, matrix), static_cast<double>(size), interpolation, fill));
}

Symbol sampled(LayerContext& context, Symbol x, Symbol row, Symbol column, const std::string& interpolation, const std::string& fill) {
  constexpr std::int64_t kMostPixels = 128 * 128;
  const auto dims = type_of(x).dims;
  const auto height = dims[1], width = dims[2], channels = dims[3], pixels = height * width;
  if (pixels > kMostPixels)
    throw Error("moves pixels to both sides of images of up to {} pixels, as it weighs all for each, got {}×{}; put a Resizing before it",
                kMostPixels, height, width);
  auto weights = [&](Symbol at, std::int64_t size) {
    return weights_at(at, place(context, 3, {1, 1, 1, size}), static_cast<double>(size), interpolation, fill);
  };
  // For each pixel of the result the row it comes from, as wide as the image, and of that then the column.
  const auto of_rows = reshape(weights(row, height), {kBatch, pixels, height});
  const auto rows = emit(OpKind::matmul, {of_rows, reshape(x, {kBatch, height, width * channels})}, {}, "rows");
  const auto of_columns = reshape(weights(column, width), {kBatch, pixels, 1, width});
  return reshape(emit(OpKind::matmul, {of_columns, reshape(rows, {kBatch, pixels, width, channels})}, {}, "sampled"), dims);
}

}  // namespace gradc
