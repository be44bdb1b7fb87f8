// Layers that move pixels of images, or hide them; those that change their colors are in colors.cpp.
#include "gradc/layers/augmentation.h"

#include <algorithm>
#include <numbers>
#include <utility>

#include "frontend/layers/random.h"
#include "frontend/layers/resampling.h"
#include "gradc/error.h"

namespace gradc {
namespace {

const Ints kMatrix = {kBatch, 1, 1};

/// How far pixels along an axis of so many are from each other.
Symbol distances(LayerContext& context, std::int64_t pixels, Ints dims) {
  dims.insert(dims.end(), {pixels, pixels});
  const auto last = static_cast<std::int64_t>(dims.size()) - 1;
  return abs(place(context, last - 1, dims) - place(context, last, dims));
}

/// What `move` makes of the layer's images, where pixels that come in from outside are 0, with the fill value instead.
template <class Move>
ValueId filled(LayerContext& context, const std::string& fill_mode, double fill_value, const Move& move) {
  const auto x = context.symbol(context.input());
  // Weights of constant pixels add up to 1, so that these may as well be 0.
  if (fill_mode != "constant" || fill_value == 0) return move(x).id;
  return (move(x - fill_value) + fill_value).id;
}

/// The column and the row of each pixel.
std::pair<Symbol, Symbol> grid(LayerContext& context) {
  const auto& dims = context.input_type().dims;
  return {place(context, 2, {1, dims[1], dims[2], 1}), place(context, 1, {1, dims[1], dims[2], 1})};
}

/// What such layers make of their images: a height and a width of these scales and offsets, numbers of each image, f32[B,1,1].
template <class L>
ValueId moved(LayerContext& context, const L& layer, const Symbol (&scales)[2], const Symbol (&offsets)[2]) {
  return filled(context, layer.fill_mode, layer.fill_value, [&](Symbol x) {
    for (int axis : {1, 2}) x = sampled(context, x, axis, scales[axis - 1], offsets[axis - 1], layer.interpolation, layer.fill_mode);
    return x;
  });
}

/// Their images, at the column a[0] x + a[1] y + a[2] and the row b[0] x + b[1] y + b[2] of each column x and row y: numbers of each image,
/// f32[B,1,1,1].
template <class L>
ValueId turned(LayerContext& context, const L& layer, const Symbol (&a)[3], const Symbol (&b)[3]) {
  const auto [x, y] = grid(context);
  const auto column = x * a[0] + y * a[1] + a[2], row = x * b[0] + y * b[1] + b[2];
  return filled(context, layer.fill_mode, layer.fill_value,
                [&](Symbol image) { return sampled(context, image, row, column, layer.interpolation, layer.fill_mode); });
}

}  // namespace

ValueId lower(LayerContext& context, const RandomFlip& layer) {
  if (!changes(context)) return context.input();
  Ints axes;
  if (layer.mode != "horizontal") axes.push_back(1);
  if (layer.mode != "vertical") axes.push_back(2);
  const auto turned = emit(OpKind::reverse, {context.symbol(context.input())}, {{"axes", axes}}, "flipped");
  return changed_with_probability(context, 0.5, turned).id;
}

ValueId lower(LayerContext& context, const RandomTranslation& layer) {
  const auto height = range_of(context, "height_factor", layer.height_factor, -1, 1);
  const auto width = range_of(context, "width_factor", layer.width_factor, -1, 1);
  if (!changes(context)) return context.input();
  const auto& dims = context.input_type().dims;
  auto offset = [&](const Interval& factor, std::int64_t pixels) { return drawn(context, factor, kMatrix) * -static_cast<double>(pixels); };
  const Symbol offsets[] = {offset(height, dims[1]), offset(width, dims[2])};
  const auto one = constant(offsets[0], 1);
  return moved(context, layer, {one, one}, offsets);
}

ValueId lower(LayerContext& context, const RandomZoom& layer) {
  // All of an image shown at no size is not one.
  constexpr double kLeast = -0.999999;
  const auto height = range_of(context, "height_factor", layer.height_factor, kLeast, 1);
  const auto width = layer.width_factor.empty() ? height : range_of(context, "width_factor", layer.width_factor, kLeast, 1);
  if (!changes(context)) return context.input();
  auto zoom = [&](const Interval& factor) { return drawn(context, {1 + factor.low, 1 + factor.high}, kMatrix); };
  const auto by_height = zoom(height), by_width = layer.width_factor.empty() ? by_height : zoom(width);
  const auto& dims = context.input_type().dims;
  auto offset = [](Symbol by, std::int64_t pixels) { return (1 - by) * (static_cast<double>(pixels - 1) / 2); };
  return moved(context, layer, {by_height, by_width}, {offset(by_height, dims[1]), offset(by_width, dims[2])});
}

ValueId lower(LayerContext& context, const RandomCrop& layer) {
  context.expect_images(2);
  auto x = context.symbol(context.input());
  const auto dims = type_of(x).dims;
  const std::int64_t sizes[] = {0, layer.height, layer.width};
  auto part = part_of_ratio(dims, layer.height, layer.width);
  if (dims[1] > layer.height && dims[2] > layer.width) {
    if (context.mode == Mode::train) {
      for (int axis : {1, 2}) {
        const Ints matrix = {1, dims[axis], sizes[axis]};
        const auto begin = floor(uniform(context, kMatrix) * static_cast<double>(dims[axis] - sizes[axis] + 1));
        x = along(context, x, axis, emit(OpKind::equal, {place(context, 1, matrix), place(context, 2, matrix) + begin}));
      }
      return x.id;
    }
  } else {
    for (int axis : {1, 2}) part.size[axis] = std::min(sizes[axis], dims[axis] - part.begin[axis]);
  }
  x = cut(x, part);
  for (int axis : {1, 2}) x = resampled(context, x, axis, sizes[axis], {});
  return x.id;
}

ValueId lower(LayerContext& context, const RandomRotation& layer) {
  const auto factor = range_of(context, "factor", layer.factor, -1, 1);
  if (!changes(context)) return context.input();
  const auto& dims = context.input_type().dims;
  const auto x = static_cast<double>(dims[2] - 1) / 2, y = static_cast<double>(dims[1] - 1) / 2;
  const auto angle = drawn(context, factor) * (2 * std::numbers::pi);
  const auto across = cos(angle), down = sin(angle);
  return turned(context, layer, {across, -down, down * y - across * x + x}, {down, across, (1 - across) * y - down * x});
}

ValueId lower(LayerContext& context, const RandomShear& layer) {
  const auto to_side = range_of(context, "x_factor", layer.x_factor, 0, 1), down = range_of(context, "y_factor", layer.y_factor, 0, 1);
  if (!changes(context)) return context.input();
  const auto direction = drawn_sign(context);
  // A number stands for a range around 0.
  auto by = [&](const Interval& range, const NumberArray& factor) {
    return direction * drawn(context, {factor.is_number() ? -range.high : range.low, range.high});
  };
  const auto one = constant(direction, 1), none = constant(direction, 0);
  return turned(context, layer, {one, by(to_side, layer.x_factor), none}, {by(down, layer.y_factor), one, none});
}

ValueId lower(LayerContext& context, const RandomPerspective& layer) {
  const auto probability = probability_of(context, layer.factor);
  if (!(layer.scale >= 0 && layer.scale <= 1)) throw Error("\"scale\" is {}, expected a number from 0 to 1", layer.scale);
  if (!changes(context)) return context.input();
  const auto dims = context.input_type().dims;
  if (dims[1] < 2 || dims[2] < 2) throw Error("moves the corners of images of at least 2×2 pixels, got {}×{}", dims[1], dims[2]);
  const auto height = static_cast<double>(dims[1] - 1), width = static_cast<double>(dims[2] - 1);
  // The corner to the right goes to (width · a, 0), the one below to (0, height · b), the last to (width · c, height · d), and the first
  // stays: the projective map back is (x · across, y · down) / (x · with_x + y · with_y + 1).
  const Interval factor = {1 - layer.scale / 2, 1 + layer.scale / 2};
  const auto a = drawn(context, factor), b = drawn(context, factor), c = drawn(context, factor), d = drawn(context, factor);
  const auto one = constant(a, 1);
  const auto with_x = (d / b - 1) / (c * width), with_y = (c / a - 1) / (d * height);
  const auto [x, y] = grid(context);
  const auto distance = x * with_x + y * with_y + 1;
  auto at = [&](Symbol place, Symbol scale, double size) { return within(place * scale / distance, {-2, size + 2}); };
  const auto column = at(x, with_x * width + one / a, width), row = at(y, with_y * height + one / b, height);
  const auto seen = context.symbol(filled(context, "constant", layer.fill_value, [&](Symbol image) {
    return sampled(context, image, row, column, layer.interpolation, "constant");
  }));
  return changed_with_probability(context, probability, seen).id;
}

ValueId lower(LayerContext& context, const RandomErasing& layer) {
  const auto probability = probability_of(context, layer.factor);
  const auto scale = range_of(context, "scale", layer.scale, 0, 1);
  const auto values = values_of(context, layer.value_range);
  const bool does_change = changes(context);
  const auto x = context.symbol(context.input());
  const auto dims = type_of(x).dims;
  auto fill = layer.fill_value.values;
  if (!layer.fill_value.empty() && !layer.fill_value.is_number() && layer.fill_value.shape != Dims{dims[3]})
    throw Error("{}, expected a number, or one for each of {} channels", given(context, "fill_value"), dims[3]);
  if (!does_change) return x.id;
  for (auto& value : fill) value = std::clamp(value, values.low, values.high);
  const auto filling = fill.empty() ? within(normal(context, dims) * values.high, values)
                                    : numbers(context, fill, {1, 1, 1, static_cast<std::int64_t>(fill.size())});
  auto inside = [&](Symbol place, std::int64_t pixels) {
    const auto length = sqrt(drawn(context, scale)) * static_cast<double>(pixels);
    const auto begin = uniform(context, kOfImage) * (static_cast<double>(pixels) - length);
    return (1 - greater(begin, place)) * greater(begin + length, place);
  };
  const auto [column, row] = grid(context);
  return changed_with_probability(context, probability, select(inside(column, dims[2]) * inside(row, dims[1]), filling, x)).id;
}

ValueId lower(LayerContext& context, const RandomSharpness& layer) {
  const auto factor = range_of(context, "factor", layer.factor, 0, 1);
  const auto values = values_of(context, layer.value_range);
  if (!changes(context)) return context.input();
  const auto x = context.symbol(context.input());
  auto sums = x;
  for (int axis : {1, 2}) sums = along(context, sums, axis, greater(2, distances(context, type_of(x).dims[axis], {})));
  const auto smooth = sums * (1.0 / 13) + x * (4.0 / 13);
  return within(x + (1 - drawn(context, factor) * 2) * (smooth - x), values).id;
}

ValueId lower(LayerContext& context, const RandomGaussianBlur& layer) {
  const auto probability = probability_of(context, layer.factor);
  const auto sigma = range_of(context, "sigma", layer.sigma, 0, 1);
  const auto values = values_of(context, layer.value_range);
  if (layer.kernel_size[0] % 2 == 0 || layer.kernel_size[1] % 2 == 0)
    throw Error("{}, expected odd numbers", given(context, "kernel_size"));
  if (!changes(context)) return context.input();
  auto x = context.symbol(context.input());
  constexpr double kLeast = 1e-6;
  for (int axis : {2, 1}) {
    const auto size = layer.kernel_size[2 - axis], reach = size / 2;
    const auto deviation = drawn(context, sigma, kMatrix) + kLeast;
    auto density = [&](Symbol distance) { return exp(square(distance / deviation) * -0.5); };
    const auto kernel = density(place(context, 2, {1, 1, size}) - static_cast<double>(reach));
    const auto distance = distances(context, type_of(x).dims[axis], {1});
    const auto weights = greater(static_cast<double>(reach) + 0.5, distance) * density(distance);
    x = along(context, x, axis, weights / sum_of_last(kernel, true));
  }
  return within(changed_with_probability(context, probability, x), values).id;
}

}  // namespace gradc
