#include "frontend/layers/context.h"

namespace gradc {
namespace {

template <class Pooling>
nlohmann::json pooling_config(const Pooling& layer) {
  auto config = named_config(layer.name);
  config.update({{"pool_size", layer.pool_size},
                 {"strides", layer.strides.empty() ? layer.pool_size : layer.strides},
                 {"padding", layer.padding},
                 {"data_format", "channels_last"}});
  return config;
}

}  // namespace

ValueId lower_MaxPooling2D(LayerContext& layer) { return lower_pooling(layer, OpKind::max_pool2d); }
ValueId lower_AveragePooling2D(LayerContext& layer) { return lower_pooling(layer, OpKind::avg_pool2d); }

ValueId lower_GlobalAveragePooling2D(LayerContext& layer) {
  layer.expect_rank(4, "images of rank 3 (height×width×channels)");
  auto type = layer.input_type();
  auto sum = layer.emit(OpKind::reduce_sum, {layer.input()}, {{"axes", Ints{1, 2}}, {"keep_dims", std::int64_t{0}}}, "sum");
  auto mean = layer.emit(OpKind::mul, {sum, layer.b.constant(1.0 / static_cast<double>(type.dims[1] * type.dims[2]))}, {}, "mean");
  if (!layer.config.boolean("keepdims", false)) return mean;
  return layer.emit(OpKind::reshape, {mean}, {{"dims", Ints{kBatch, 1, 1, type.dims[3]}}}, "kept");
}

Layer::Layer(const MaxPooling2D& layer) : Layer("MaxPooling2D", pooling_config(layer)) {}
Layer::Layer(const AveragePooling2D& layer) : Layer("AveragePooling2D", pooling_config(layer)) {}
Layer::Layer(const GlobalAveragePooling2D& layer)
    : Layer("GlobalAveragePooling2D", [&] {
        auto config = named_config(layer.name);
        config["data_format"] = "channels_last";
        return config;
      }()) {}

}  // namespace gradc
