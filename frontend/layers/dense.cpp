#include "frontend/layers/context.h"
#include "support/error.h"

namespace gradc {

ValueId lower_Dense(LayerContext& layer) {
  auto& config = layer.config;
  auto type = layer.input_type();
  if (type.rank() < 2) throw Error("takes vectors, got an input of shape {}", shape_string(type.image_dims()));
  auto units = config.integer("units", 0, 1);
  layer.no_constraints({"kernel", "bias"});
  auto low_rank = low_rank_of(config);
  auto w = layer.weight("kernel", {type.dims.back(), units}, config.initializer("kernel_initializer", config.dialect().kernel_initializer),
                        !low_rank);
  auto y = layer.emit(OpKind::dense, {layer.input(), w}, {}, "dense");
  if (low_rank) {
    auto [a, b] = low_rank.weights(layer, {type.dims.back(), units});
    auto thin = layer.emit(OpKind::dense, {layer.input(), a}, {}, "lora_a");
    y = low_rank.sum(layer, y, layer.emit(OpKind::dense, {thin, b}, {}, "lora_b"));
  }
  return layer.biased_and_activated(y);
}

Layer::Layer(const Dense& layer)
    : Layer("Dense", [&] {
        auto config = named_config(layer.name, layer.input_shape);
        config.update({{"units", layer.units},
                       {"activation", layer.activation},
                       {"use_bias", layer.use_bias},
                       {"kernel_initializer", layer.kernel_initializer.json()},
                       {"bias_initializer", layer.bias_initializer.json()}});
        add_regularizers(config, layer);
        return config;
      }()) {}

}  // namespace gradc
