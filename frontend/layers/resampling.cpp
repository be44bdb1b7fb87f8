#include "frontend/layers/resampling.h"

#include <algorithm>
#include <numbers>

namespace gradc {
namespace {

Symbol floor(Symbol x) {
  const auto rounded = emit(OpKind::round, {x});
  return rounded - greater(rounded, x);
}

/// x along an axis as the sums that the columns of a matrix say.
Symbol product(LayerContext& context, Symbol x, int axis, Symbol matrix) {
  const auto from_last = type_of(x).rank() - 1 - axis;
  const auto moved = context.symbol(moved_last(context, x.id, from_last));
  return context.symbol(moved_back(context, emit(OpKind::dense, {moved, matrix}, {}, "resampled").id, from_last));
}

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

}  // namespace

Symbol resampled(LayerContext& context, Symbol x, int axis, std::int64_t size, const Resampling& rule) {
  const auto from = type_of(x).dims[axis];
  if (from == size) return x;
  const auto places = places_of(rule, from, size);
  const auto row = place(context, 0, {from, size});
  const auto at = place(context, 1, {from, size}) * static_cast<double>(places.step) + static_cast<double>(places.begin);
  const auto unit = static_cast<double>(places.unit);
  if (rule.interpolation == "nearest") {  // Compared as whole numbers, which are exact.
    const auto begin = row * unit;
    return product(context, x, axis, greater(begin + unit, at) - greater(begin, at));
  }
  const auto width = rule.antialias ? std::max(1.0, static_cast<double>(from) / static_cast<double>(size)) : 1;
  const auto weights = kernel(abs(at * (1 / unit) - row) * (1 / width), rule.interpolation);
  return product(context, x, axis, weights / sum(weights, {0}, true));
}

Symbol means_of_windows(LayerContext& context, Symbol x, int axis, std::int64_t size) {
  const auto from = type_of(x).dims[axis];
  if (from == size) return x;
  // Pixel j is in window i if they overlap, both in units that go into both.
  const auto begin = place(context, 0, {from, size}) * static_cast<double>(size);
  const auto window = place(context, 1, {from, size}) * static_cast<double>(from);
  const auto inside = greater(begin + static_cast<double>(size), window) * greater(window + static_cast<double>(from), begin);
  return product(context, x, axis, inside / sum(inside, {0}, true));
}

Symbol chosen(LayerContext& context, Symbol x, int axis, const std::vector<std::int64_t>& places) {
  const auto columns = static_cast<std::int64_t>(places.size());
  const auto at = numbers(context, std::vector<double>(places.begin(), places.end()), {1, columns});
  return product(context, x, axis, emit(OpKind::equal, {place(context, 0, {type_of(x).dims[axis], columns}), at}));
}

Symbol sampled(LayerContext& context, Symbol x, int axis, Symbol scale, Symbol offset, const std::string& interpolation,
               const std::string& fill) {
  const auto dims = type_of(x).dims;
  const auto size = dims[axis];
  const auto pixels = static_cast<double>(size);
  const Ints matrix = {1, size, size};
  const auto from = place(context, 1, matrix);
  const auto at = place(context, 2, matrix) * scale + offset;
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
  auto weights = [&] {
    if (interpolation == "nearest") return is_at(sign(at) * floor(abs(at) + 0.5));  // Halves away from 0.
    const auto before = floor(at), part = at - before;
    return is_at(before) * (1 - part) + is_at(before + 1) * part;
  }();
  // Pixels along the axis as the rows of a matrix for each image.
  const auto from_last = type_of(x).rank() - 1 - axis;
  const auto moved = context.symbol(moved_last(context, x.id, from_last));
  const auto turned = type_of(moved).dims;
  const auto rows = reshape(moved, {kBatch, type_of(x).elements() / size, size});
  const auto y = reshape(emit(OpKind::matmul, {rows, weights}, {}, "sampled"), turned);
  return context.symbol(moved_back(context, y.id, from_last));
}

}  // namespace gradc
