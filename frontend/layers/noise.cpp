#include "gradc/layers/noise.h"

#include <cmath>

#include "frontend/layers/context.h"
#include "gradc/error.h"
#include "ir/roles.h"

namespace gradc {
namespace {

constexpr double kAlpha = 1.6732632423543772, kScale = 1.0507009873554805;  // those of selu

void expect_rate(double rate, const char* option = "rate") {
  if (!(rate >= 0 && rate < 1)) throw Error("\"{}\" is {}, expected a number from 0 up to, not including, 1", option, rate);
}

template <int spatial>
ValueId drop_channels(LayerContext& context, const SpatialDropoutND<spatial>& layer) {
  context.expect_images(spatial);
  auto together = context.input_type().dims;
  for (int axis = 1; axis <= spatial; ++axis) together[axis] = 1;
  return dropped(context, "rate", layer.rate, context.input(), together);
}

}  // namespace

ValueId dropped(LayerContext& context, const char* option, double rate, ValueId x, const Ints& together) {
  expect_rate(rate, option);
  if (context.mode != Mode::train || rate == 0) return x;
  const auto random = uniform(context, together).id;
  auto kept = context.emit(OpKind::mul, {x, context.b.constant(1 / (1 - rate))}, {}, "scaled");
  auto drop = context.emit(OpKind::greater, {context.b.constant(rate), random}, {}, "drop");
  return context.emit(OpKind::select, {drop, context.b.constant(0), kept}, {}, "dropped");
}

ValueId lower(LayerContext& context, const Dropout& layer) {
  return dropped(context, "rate", layer.rate, context.input(), context.input_type().dims);
}
ValueId lower(LayerContext& context, const SpatialDropout1D& layer) { return drop_channels(context, layer); }
ValueId lower(LayerContext& context, const SpatialDropout2D& layer) { return drop_channels(context, layer); }
ValueId lower(LayerContext& context, const SpatialDropout3D& layer) { return drop_channels(context, layer); }

/// a x + b of what is kept, and a y + b of y = -alpha * scale for what is dropped. tf.js has y with the other sign, which keeps no mean.
ValueId lower(LayerContext& context, const AlphaDropout& layer) {
  const auto rate = layer.rate;
  expect_rate(rate);
  if (context.mode != Mode::train || rate == 0) return context.input();
  const auto saturated = -kAlpha * kScale;
  const auto a = 1 / std::sqrt((1 - rate) * (1 + rate * saturated * saturated)), b = -a * saturated * rate;
  const auto x = context.symbol(context.input());
  const auto random = uniform(context, context.input_type().dims);
  return select(greater(rate, random), constant(x, a * saturated + b), x * a + b).id;
}

ValueId lower(LayerContext& context, const GaussianDropout& layer) {
  expect_rate(layer.rate);
  if (context.mode != Mode::train || layer.rate == 0) return context.input();
  const auto x = context.symbol(context.input());
  return (x * (normal(context, context.input_type().dims) * std::sqrt(layer.rate / (1 - layer.rate)) + 1)).id;
}

ValueId lower(LayerContext& context, const GaussianNoise& layer) {
  if (!(layer.stddev >= 0 && std::isfinite(layer.stddev))) throw Error("\"stddev\" is {}, expected a number of at least 0", layer.stddev);
  if (context.mode != Mode::train || layer.stddev == 0) return context.input();
  const auto x = context.symbol(context.input());
  return (x + normal(context, context.input_type().dims) * layer.stddev).id;
}

}  // namespace gradc
