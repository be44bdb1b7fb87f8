#include "gradc/layers/augmentation.h"

#include <algorithm>

#include "frontend/layers/context.h"
#include "frontend/layers/resampling.h"
#include "gradc/error.h"

namespace gradc {
namespace {

struct Range {
  double low, high;
};

std::string given(LayerContext& context, const char* option) {
  return fmt::format("\"{}\" is {}", option, context.config.find(option).dump());
}

/// The range that a factor stands for, in bounds.
Range range_of(LayerContext& context, const char* option, const NumberArray& factor, double least, double most) {
  const auto& values = factor.values;
  if (!factor.is_number() && factor.shape != Dims{2}) throw Error("{}, expected a number or [low, high]", given(context, option));
  if (std::any_of(values.begin(), values.end(), [&](double value) { return !(value >= least && value <= most); }))
    throw Error("{}, expected numbers from {} to {}", given(context, option), least, most);
  if (factor.is_number()) return {std::max(-std::abs(values[0]), least), std::abs(values[0])};
  return {std::min(values[0], values[1]), std::max(values[0], values[1])};
}

Range values_of(LayerContext& context, const NumberArray& range) {
  if (range.shape != Dims{2}) throw Error("{}, expected [low, high]", given(context, "value_range"));
  return {std::min(range.values[0], range.values[1]), std::max(range.values[0], range.values[1])};
}

/// A number of each image from a range.
Symbol drawn(LayerContext& context, const Range& range, Ints dims = {kBatch, 1, 1, 1}) {
  return uniform(context, std::move(dims)) * (range.high - range.low) + range.low;
}

Symbol within(Symbol x, const Range& range) { return min(max(x, range.low), range.high); }

/// Whether images change, which they do in training alone.
bool changes(LayerContext& context) {
  context.expect_images(2);
  return context.mode == Mode::train;
}

Symbol changed_with_probability(LayerContext& context, double probability, Symbol changed) {
  const auto x = context.symbol(context.input());
  return select(greater(probability, uniform(context, {kBatch, 1, 1, 1})), changed, x);
}

/// What such layers make of their images: a height and a width of these scales and offsets, numbers of each image, f32[B,1,1].
template <class L>
ValueId moved(LayerContext& context, const L& layer, const Symbol (&scales)[2], const Symbol (&offsets)[2]) {
  auto x = context.symbol(context.input());
  // Weights of constant pixels add up to 1, so that these may as well be 0.
  const bool fills = layer.fill_mode == "constant" && layer.fill_value != 0;
  if (fills) x = x - layer.fill_value;
  for (int axis : {1, 2}) x = sampled(context, x, axis, scales[axis - 1], offsets[axis - 1], layer.interpolation, layer.fill_mode);
  return (fills ? x + layer.fill_value : x).id;
}

const Ints kMatrix = {kBatch, 1, 1};

}  // namespace

ValueId lower(LayerContext& context, const RandomFlip& layer) {
  if (!changes(context)) return context.input();
  Ints axes;
  if (layer.mode != "horizontal") axes.push_back(1);
  if (layer.mode != "vertical") axes.push_back(2);
  const auto turned = emit(OpKind::reverse, {context.symbol(context.input())}, {{"axes", axes}}, "flipped");
  return changed_with_probability(context, 0.5, turned).id;
}

ValueId lower(LayerContext& context, const RandomBrightness& layer) {
  const auto factor = range_of(context, "factor", layer.factor, -1, 1);
  const auto values = values_of(context, layer.value_range);
  if (!changes(context)) return context.input();
  return within(context.symbol(context.input()) + drawn(context, factor) * (values.high - values.low), values).id;
}

ValueId lower(LayerContext& context, const RandomContrast& layer) {
  const auto factor = range_of(context, "factor", layer.factor, 0, 1);
  const auto values = values_of(context, layer.value_range);
  if (!changes(context)) return context.input();
  const auto x = context.symbol(context.input());
  const auto dims = type_of(x).dims;
  const auto mean = sum(x, {1, 2}, true) * (1.0 / static_cast<double>(dims[1] * dims[2]));
  return within((x - mean) * drawn(context, {1 - factor.low, 1 + factor.high}) + mean, values).id;
}

ValueId lower(LayerContext& context, const RandomInvert& layer) {
  const auto factor = range_of(context, "factor", layer.factor, 0, 1);
  const auto values = values_of(context, layer.value_range);
  if (!changes(context)) return context.input();
  return changed_with_probability(context, (factor.low + factor.high) / 2, values.high - context.symbol(context.input())).id;
}

ValueId lower(LayerContext& context, const RandomGrayscale& layer) {
  if (!(layer.factor >= 0 && layer.factor <= 1)) throw Error("\"factor\" is {}, expected a probability from 0 to 1", layer.factor);
  const auto channels = context.input_type().dims.back();
  if (channels != 1 && channels != 3) throw Error("takes images of 3 channels, red, green and blue, or of 1, got {}", channels);
  if (!changes(context) || channels == 1) return context.input();
  const auto x = context.symbol(context.input());
  const auto gray = sum_of_last(x * numbers(context, {0.2989, 0.5870, 0.1140}, {3}), true);
  return changed_with_probability(context, layer.factor, gray).id;
}

ValueId lower(LayerContext& context, const RandomTranslation& layer) {
  const auto height = range_of(context, "height_factor", layer.height_factor, -1, 1);
  const auto width = range_of(context, "width_factor", layer.width_factor, -1, 1);
  if (!changes(context)) return context.input();
  const auto& dims = context.input_type().dims;
  auto offset = [&](const Range& factor, std::int64_t pixels) { return drawn(context, factor, kMatrix) * -static_cast<double>(pixels); };
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
  auto zoom = [&](const Range& factor) { return drawn(context, {1 + factor.low, 1 + factor.high}, kMatrix); };
  const auto by_height = zoom(height), by_width = layer.width_factor.empty() ? by_height : zoom(width);
  const auto& dims = context.input_type().dims;
  auto offset = [](Symbol by, std::int64_t pixels) { return (1 - by) * (static_cast<double>(pixels - 1) / 2); };
  return moved(context, layer, {by_height, by_width}, {offset(by_height, dims[1]), offset(by_width, dims[2])});
}

}  // namespace gradc
