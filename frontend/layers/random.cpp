#include "frontend/layers/random.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "gradc/error.h"

namespace gradc {

std::string given(LayerContext& context, const char* option) {
  return fmt::format("\"{}\" is {}", option, context.config.find(option).dump());
}

Interval range_of(LayerContext& context, const char* option, const NumberArray& factor, double least, double most) {
  const auto& values = factor.values;
  if (!factor.is_number() && factor.shape != Dims{2}) throw Error("{}, expected a number or [low, high]", given(context, option));
  if (std::any_of(values.begin(), values.end(), [&](double value) { return !(value >= least && value <= most); }))
    throw Error("{}, expected numbers from {} to {}", given(context, option), least, most);
  if (factor.is_number()) return {std::max(-std::abs(values[0]), least), std::abs(values[0])};
  return {std::min(values[0], values[1]), std::max(values[0], values[1])};
}

Interval values_of(LayerContext& context, const NumberArray& range) {
  if (range.shape != Dims{2} || range.values[0] == range.values[1]) throw Error("{}, expected [low, high]", given(context, "value_range"));
  return {std::min(range.values[0], range.values[1]), std::max(range.values[0], range.values[1])};
}

double probability_of(LayerContext& context, const NumberArray& factor) {
  const auto range = range_of(context, "factor", factor, 0, 1);
  return (range.low + range.high) / 2;
}

Symbol drawn(LayerContext& context, const Interval& range, Ints dims) {
  return uniform(context, std::move(dims)) * (range.high - range.low) + range.low;
}

Symbol drawn_sign(LayerContext& context) { return 1 - greater(uniform(context, kOfImage), 0.5) * 2; }

Symbol within(Symbol x, const Interval& range) { return min(max(x, range.low), range.high); }

bool changes(LayerContext& context) {
  context.expect_images(2);
  return context.mode == Mode::train;
}

Symbol changed_with_probability(LayerContext& context, double probability, Symbol changed) {
  const auto x = context.symbol(context.input());
  return select(greater(probability, uniform(context, kOfImage)), changed, x);
}

}  // namespace gradc
