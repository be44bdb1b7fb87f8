// Layers that are one function of their input: Activation, ReLU, Softmax, Rescaling, Dropout, Add.
#include "frontend/layers/context.h"
#include "support/error.h"

namespace gradc {

ValueId lower_Activation(LayerContext& layer) { return layer.activate(layer.input()); }

/// x from `threshold` up to `max_value`, which it does not exceed; below the threshold negative_slope * (x - threshold).
ValueId lower_ReLU(LayerContext& layer) {
  auto& config = layer.config;
  auto slope = config.number("negative_slope", 0), threshold = config.number("threshold", 0);
  bool limited = !config.find("max_value").is_null(), plain = slope == 0 && threshold == 0;
  auto most = config.number("max_value", 6);
  if (plain && limited && most == 6) return layer.activate(layer.input(), "relu6");
  auto y = layer.input();
  if (plain) y = layer.activate(y, "relu");
  if (limited) y = layer.emit(OpKind::min, {y, layer.b.constant(most)}, {}, "clipped");
  if (plain) return y;
  auto beyond = layer.emit(OpKind::sub, {layer.input(), layer.b.constant(threshold)}, {}, "beyond");
  auto below = layer.emit(OpKind::mul, {beyond, layer.b.constant(slope)}, {}, "sloped");
  auto is_below = layer.emit(OpKind::greater, {layer.b.constant(threshold), layer.input()}, {}, "is_below");
  return layer.emit(OpKind::select, {is_below, below, y}, {}, "relu");
}

ValueId lower_Softmax(LayerContext& layer) {
  const auto& axis = layer.config.find("axis");
  auto last = layer.input_type().rank() - 1;
  if (!axis.is_null() && axis != -1 && axis != last)
    throw Error("softmax along axis {} is not supported; move the classes to the last dimension", axis.dump());
  return layer.activate(layer.input(), "softmax");
}

ValueId lower_Rescaling(LayerContext& layer) {
  auto scale = layer.config.number("scale", 1), offset = layer.config.number("offset", 0);
  auto y = layer.input();
  if (scale != 1) y = layer.emit(OpKind::mul, {y, layer.b.constant(scale)}, {}, "scaled");
  if (offset != 0) y = layer.emit(OpKind::add, {y, layer.b.constant(offset)}, {}, "shifted");
  return y;
}

ValueId lower_Dropout(LayerContext& layer) {
  auto rate = layer.config.number("rate", 0);
  layer.config.only("noise_shape", nullptr, "remove it: each element is dropped by itself");
  if (!(rate >= 0 && rate < 1)) throw Error("\"rate\" is {}, expected a number from 0 up to, not including, 1", rate);
  if (layer.mode != Mode::train || rate == 0) return layer.input();
  const auto* key = layer.b.graph().find(OpKind::input, "random_key");
  const auto* image = layer.b.graph().find(OpKind::input, "image_index");
  check(key != nullptr && image != nullptr, "a training graph has its random inputs");
  auto random = layer.emit(OpKind::random_uniform, {key->result(), image->result()},
                           {{"dims", layer.input_type().dims}, {"stream", static_cast<std::int64_t>(layer.streams++)}}, "random");
  auto kept = layer.emit(OpKind::mul, {layer.input(), layer.b.constant(1 / (1 - rate))}, {}, "scaled");
  auto drop = layer.emit(OpKind::greater, {layer.b.constant(rate), random}, {}, "drop");
  return layer.emit(OpKind::select, {drop, layer.b.constant(0), kept}, {}, "dropped");
}

ValueId lower_Add(LayerContext& layer) {
  auto sum = layer.input();
  for (std::size_t i = 1; i < layer.inputs.size(); ++i) {
    if (layer.input_type() != layer.input_type(static_cast<int>(i)))
      throw Error("cannot add inputs of shapes {} and {}", shape_string(layer.input_type().image_dims()),
                  shape_string(layer.input_type(static_cast<int>(i)).image_dims()));
    sum = layer.emit(OpKind::add, {sum, layer.inputs[i]}, {}, "sum");
  }
  return sum;
}

Layer::Layer(const Activation& layer)
    : Layer("Activation", [&] {
        auto config = named_config(layer.name);
        config["activation"] = layer.activation;
        return config;
      }()) {}
Layer::Layer(const ReLU& layer)
    : Layer("ReLU", [&] {
        auto config = named_config(layer.name);
        config["max_value"] = layer.max_value ? nlohmann::json(*layer.max_value) : nlohmann::json(nullptr);
        return config;
      }()) {}
Layer::Layer(const Softmax& layer)
    : Layer("Softmax", [&] {
        auto config = named_config(layer.name);
        config["axis"] = layer.axis;
        return config;
      }()) {}
Layer::Layer(const Rescaling& layer)
    : Layer("Rescaling", [&] {
        auto config = named_config(layer.name, layer.input_shape);
        config.update({{"scale", layer.scale}, {"offset", layer.offset}});
        return config;
      }()) {}
Layer::Layer(const Dropout& layer)
    : Layer("Dropout", [&] {
        auto config = named_config(layer.name);
        config["rate"] = layer.rate;
        return config;
      }()) {}
Layer::Layer(const Add& layer) : Layer("Add", named_config(layer.name)) {}

}  // namespace gradc
