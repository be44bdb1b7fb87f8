// Layers that only change shapes: InputLayer, Flatten, Reshape, ZeroPadding2D, Concatenate.
#include "frontend/layers/context.h"
#include "support/error.h"

namespace gradc {

ValueId lower_InputLayer(LayerContext& layer) { return layer.input(); }

ValueId lower_Flatten(LayerContext& layer) {
  return layer.emit(OpKind::reshape, {layer.input()}, {{"dims", Ints{kBatch, layer.input_type().elements()}}}, "flat");
}

ValueId lower_Reshape(LayerContext& layer) {
  const auto& target = layer.config.find("target_shape");
  auto elements = layer.input_type().elements();
  Ints dims = {kBatch};
  std::int64_t known = 1;
  int unknown = -1;
  if (!target.is_array()) throw Error("\"target_shape\" is {}, expected a list of dimensions", target.dump());
  for (const auto& dim : target) {
    bool rest = dim.is_null() || (dim.is_number_integer() && dim.get<std::int64_t>() == -1);
    if (!rest && (!dim.is_number_integer() || dim.get<std::int64_t>() < 1))
      throw Error("\"target_shape\" is {}, expected positive dimensions or one -1", target.dump());
    if (rest && unknown >= 0) throw Error("\"target_shape\" is {}, only one dimension may be -1", target.dump());
    if (rest) unknown = static_cast<int>(dims.size());
    dims.push_back(rest ? 1 : dim.get<std::int64_t>());
    known *= dims.back();
    if (known > elements) break;
  }
  if (unknown >= 0 && known > 0) dims[unknown] = elements / known;
  if (known > elements || Type{DType::f32, dims}.elements() != elements)
    throw Error("target_shape {} does not hold the {} elements of its input {}", target.dump(), elements,
                shape_string(layer.input_type().image_dims()));
  return layer.emit(OpKind::reshape, {layer.input()}, {{"dims", dims}}, "reshaped");
}

ValueId lower_ZeroPadding2D(LayerContext& layer) {
  layer.expect_rank(4, "images of rank 3 (height×width×channels)");
  const auto& padding = layer.config.find("padding");
  auto whole = [](const nlohmann::json& v) { return v.is_number_integer() && v.get<std::int64_t>() >= 0 && v.get<std::int64_t>() < 65536; };
  Ints sides;  // top, bottom, left, right
  if (padding.is_null()) sides = {1, 1, 1, 1};
  if (whole(padding)) sides.assign(4, padding.get<std::int64_t>());
  if (padding.is_array() && padding.size() == 2)
    for (const auto& side : padding) {
      if (whole(side)) sides.insert(sides.end(), 2, side.get<std::int64_t>());
      if (side.is_array() && side.size() == 2 && whole(side[0]) && whole(side[1]))
        sides.insert(sides.end(), {side[0].get<std::int64_t>(), side[1].get<std::int64_t>()});
    }
  if (sides.size() != 4)
    throw Error("\"padding\" is {}, expected a number, [rows, columns] or [[top, bottom], [left, right]]", padding.dump());
  return layer.emit(OpKind::pad, {layer.input()}, {{"before", Ints{0, sides[0], sides[2], 0}}, {"after", Ints{0, sides[1], sides[3], 0}}},
                    "padded");
}

ValueId lower_Concatenate(LayerContext& layer) {
  auto rank = layer.input_type().rank();
  const auto& value = layer.config.find("axis");
  auto axis = value.is_number_integer() ? value.get<std::int64_t>() : -1;
  if (axis < 0) axis += rank;
  if (axis < 1 || axis >= rank)
    throw Error("cannot join along axis {} of inputs of shape {}", axis, shape_string(layer.input_type().image_dims()));
  for (std::size_t i = 1; i < layer.inputs.size(); ++i) {
    auto first = layer.input_type().dims, other = layer.input_type(static_cast<int>(i)).dims;
    if (first.size() == other.size()) first[axis] = other[axis] = 0;
    if (first != other)
      throw Error("cannot join inputs of shapes {} and {} along axis {}", shape_string(layer.input_type().image_dims()),
                  shape_string(layer.input_type(static_cast<int>(i)).image_dims()), axis);
  }
  return layer.emit(OpKind::concat, layer.inputs, {{"axis", axis}}, "joined");
}

Layer::Layer(const InputLayer& layer) : Layer("InputLayer", named_config(layer.name, layer.input_shape)) {}
Layer::Layer(const Flatten& layer) : Layer("Flatten", named_config(layer.name, layer.input_shape)) {}
Layer::Layer(const Reshape& layer)
    : Layer("Reshape", [&] {
        auto config = named_config(layer.name, layer.input_shape);
        config["target_shape"] = layer.target_shape;
        return config;
      }()) {}
Layer::Layer(const ZeroPadding2D& layer)
    : Layer("ZeroPadding2D", [&] {
        auto config = named_config(layer.name);
        if (layer.padding.size() == 4)
          config["padding"] = {{layer.padding[0], layer.padding[1]}, {layer.padding[2], layer.padding[3]}};
        else if (layer.padding.size() == 2)
          config["padding"] = {{layer.padding[0], layer.padding[0]}, {layer.padding[1], layer.padding[1]}};
        else
          config["padding"] = layer.padding;
        config["data_format"] = "channels_last";
        return config;
      }()) {}
Layer::Layer(const Concatenate& layer)
    : Layer("Concatenate", [&] {
        auto config = named_config(layer.name);
        config["axis"] = layer.axis;
        return config;
      }()) {}

}  // namespace gradc
