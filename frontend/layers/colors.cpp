// Layers that change the colors of images.
#include "gradc/layers/augmentation.h"

#include <algorithm>
#include <cmath>

#include "frontend/layers/random.h"
#include "gradc/error.h"

namespace gradc {
namespace {

constexpr Interval kBytes = {0, 255}, kUnit = {0, 1};

/// x, of values from this range, in that one.
Symbol mapped(Symbol x, const Interval& from, const Interval& to) {
  if (from.low == to.low && from.high == to.high) return x;
  return (x - from.low) / constant(x, from.high - from.low) * (to.high - to.low) + to.low;
}

void expect_colors(LayerContext& context) {
  context.expect_images(2);
  if (const auto channels = context.input_type().dims.back(); channels != 3)
    throw Error("takes images of 3 channels, red, green and blue, got {}", channels);
}

Symbol luminance(LayerContext& context, Symbol x) { return sum_of_last(x * numbers(context, {0.2989, 0.5870, 0.1140}, {3}), true); }

Symbol channel(Symbol x, std::int64_t number) { return slice_of_last(x, number, 1, "channel"); }

/// Red, green and blue by their hue, as a part of a turn from red over green and blue, their saturation and their largest.
struct Colors {
  Symbol hue, saturation, value;
};

Colors colors_of(Symbol x) {
  constexpr double kLeast = 1.1920929e-7;
  const auto none = constant(x, 0), one = constant(x, 1);
  x = select(greater(kLeast, abs(x)), none, x);
  const auto red = channel(x, 0), green = channel(x, 1), blue = channel(x, 2);
  const auto value = emit(OpKind::max, {emit(OpKind::max, {red, green}), blue});
  const auto range = value - emit(OpKind::min, {emit(OpKind::min, {red, green}), blue});
  const auto is_color = greater(range, 0), is_light = greater(value, 0);
  const auto unit = one / (select(is_color, range, one) * 6);
  auto is = [&](Symbol largest) { return emit(OpKind::equal, {value, largest}); };
  const auto hue = select(is(red), unit * (green - blue), select(is(green), unit * (blue - red) + 1.0 / 3, unit * (red - green) + 2.0 / 3));
  return {select(is_color, hue, none) + greater(0, hue), select(is_light, range / select(is_light, value, one), none), value};
}

Symbol image_of(const Colors& colors) {
  const auto turn = (colors.hue - floor(colors.hue)) * 6;
  auto part = [&](Symbol amount) { return colors.value * (1 - colors.saturation + colors.saturation * within(amount, kUnit)); };
  return emit(OpKind::concat, {part(abs(turn - 3) - 1), part(2 - abs(turn - 2)), part(2 - abs(turn - 4))}, {{"axis", std::int64_t{3}}},
              "colors");
}

Symbol brightened(LayerContext& context, Symbol x, const Interval& factor, const Interval& values) {
  return within(x + drawn(context, factor) * (values.high - values.low), values);
}

Symbol with_contrast(LayerContext& context, Symbol x, const Interval& factor, const Interval& values) {
  const auto dims = type_of(x).dims;
  const auto mean = sum(x, {1, 2}, true) * (1.0 / static_cast<double>(dims[1] * dims[2]));
  return within((x - mean) * drawn(context, {1 - factor.low, 1 + factor.high}) + mean, values);
}

// Keras cuts the saturation, which is from 0 to 1, to the range of values.
Symbol with_saturation(LayerContext& context, Symbol x, const Interval& factor, const Interval& values) {
  constexpr double kLeast = 1e-7;
  const auto by = drawn(context, factor);
  auto colors = colors_of(x);
  colors.saturation = within(colors.saturation * (by / (1 - by + kLeast)), values);
  return image_of(colors);
}

Symbol with_hue(LayerContext& context, Symbol x, const Interval& factor, const Interval& values) {
  auto colors = colors_of(mapped(x, values, kUnit));
  const auto turn = drawn_sign(context) * drawn(context, factor) * 0.5;
  colors.hue = colors.hue + turn;
  return mapped(within(image_of(colors), kUnit), kUnit, values);
}

}  // namespace

ValueId lower(LayerContext& context, const RandomBrightness& layer) {
  const auto factor = range_of(context, "factor", layer.factor, -1, 1);
  const auto values = values_of(context, layer.value_range);
  if (!changes(context)) return context.input();
  return brightened(context, context.symbol(context.input()), factor, values).id;
}

ValueId lower(LayerContext& context, const RandomContrast& layer) {
  const auto factor = range_of(context, "factor", layer.factor, 0, 1);
  const auto values = values_of(context, layer.value_range);
  if (!changes(context)) return context.input();
  return with_contrast(context, context.symbol(context.input()), factor, values).id;
}

ValueId lower(LayerContext& context, const RandomInvert& layer) {
  const auto probability = probability_of(context, layer.factor);
  const auto values = values_of(context, layer.value_range);
  if (!changes(context)) return context.input();
  return changed_with_probability(context, probability, values.high - context.symbol(context.input())).id;
}

ValueId lower(LayerContext& context, const RandomGrayscale& layer) {
  if (!(layer.factor >= 0 && layer.factor <= 1)) throw Error("\"factor\" is {}, expected a probability from 0 to 1", layer.factor);
  const auto channels = context.input_type().dims.back();
  if (channels != 1 && channels != 3) throw Error("takes images of 3 channels, red, green and blue, or of 1, got {}", channels);
  if (!changes(context) || channels == 1) return context.input();
  return changed_with_probability(context, layer.factor, luminance(context, context.symbol(context.input()))).id;
}

ValueId lower(LayerContext& context, const RandomSaturation& layer) {
  const auto factor = range_of(context, "factor", layer.factor, -1, 1);
  const auto values = values_of(context, layer.value_range);
  expect_colors(context);
  return changes(context) ? with_saturation(context, context.symbol(context.input()), factor, values).id : context.input();
}

ValueId lower(LayerContext& context, const RandomHue& layer) {
  const auto factor = range_of(context, "factor", layer.factor, 0, 1);
  const auto values = values_of(context, layer.value_range);
  expect_colors(context);
  return changes(context) ? with_hue(context, context.symbol(context.input()), factor, values).id : context.input();
}

ValueId lower(LayerContext& context, const RandomColorDegeneration& layer) {
  const auto factor = range_of(context, "factor", layer.factor, -1, 1);
  const auto values = values_of(context, layer.value_range);
  expect_colors(context);
  if (!changes(context)) return context.input();
  const auto x = context.symbol(context.input());
  return within(x + drawn(context, factor) * (luminance(context, x) - x), values).id;
}

ValueId lower(LayerContext& context, const RandomColorJitter& layer) {
  const auto values = values_of(context, layer.value_range);
  if (!layer.saturation_factor.empty() || !layer.hue_factor.empty()) expect_colors(context);
  const bool does_change = changes(context);
  auto x = context.symbol(context.input());
  auto change = [&](const char* option, const NumberArray& factor, double least, auto&& by) {
    if (factor.empty()) return;
    const auto range = range_of(context, option, factor, least, 1);
    if (does_change) x = by(context, x, range, values);
  };
  change("brightness_factor", layer.brightness_factor, -1, brightened);
  change("contrast_factor", layer.contrast_factor, 0, with_contrast);
  change("saturation_factor", layer.saturation_factor, -1, with_saturation);
  change("hue_factor", layer.hue_factor, 0, with_hue);
  return x.id;
}

ValueId lower(LayerContext& context, const RandomPosterization& layer) {
  constexpr int kBits = 8;
  const auto factor = range_of(context, "factor", layer.factor, 1, kBits);
  if (factor.low != std::floor(factor.low) || factor.high != std::floor(factor.high))
    throw Error("{}, expected whole numbers of bits", given(context, "factor"));
  const auto values = values_of(context, layer.value_range);
  if (!changes(context)) return context.input();
  const auto x = context.symbol(context.input());
  std::vector<double> steps;
  for (auto bits = factor.low; bits < std::max(factor.high, factor.low + 1); ++bits) steps.push_back(std::exp2(kBits - bits));
  const auto choices = static_cast<std::int64_t>(steps.size());
  const auto choice = floor(uniform(context, {kBatch, 1, 1}) * static_cast<double>(choices));
  const auto step = choices == 1 ? constant(x, steps[0]) : sum_of_last(one_hot(choice, choices) * numbers(context, steps, {choices}), true);
  return mapped(floor(within(mapped(x, values, kBytes), kBytes) / step) * step, kBytes, values).id;
}

ValueId lower(LayerContext& context, const Solarization& layer) {
  const auto addition = range_of(context, "addition_factor", layer.addition_factor, 0, 1);
  const auto threshold = range_of(context, "threshold_factor", layer.threshold_factor, 0, 1);
  const auto values = values_of(context, layer.value_range);
  if (!changes(context)) return context.input();
  // Keras has 255 with the larger number alone.
  auto number = [&](const Interval& factor) { return drawn(context, {factor.low, factor.high * kBytes.high}); };
  const auto x = within(mapped(context.symbol(context.input()), values, kBytes) + number(addition), kBytes);
  return mapped(select(greater(number(threshold), x), x, kBytes.high - x), kBytes, values).id;
}

ValueId lower(LayerContext& context, const AutoContrast& layer) {
  const auto values = values_of(context, layer.value_range);
  context.expect_images(2);
  const auto x = context.symbol(context.input());
  const auto dims = type_of(x).dims;
  const auto rows = reshape(x, {kBatch, dims[1] * dims[2], dims[3]});
  const auto channels = emit(OpKind::transpose, {rows}, {{"permutation", Ints{0, 2, 1}}}, "channels");
  auto largest = [&](Symbol each) { return reshape(largest_of_last(each, true), {kBatch, 1, 1, dims[3]}); };
  const auto low = -largest(-channels), range = largest(channels) - low;
  const auto stretches = greater(range, 0);
  const auto stretched = (x - low) / select(stretches, range, constant(x, 1)) * (values.high - values.low) + values.low;
  return select(stretches, stretched, x).id;
}

}  // namespace gradc
