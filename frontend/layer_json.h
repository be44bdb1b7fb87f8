#pragma once
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "gradc/layers.h"

namespace gradc {

/// A layer as a model.json has it, by its class_name and config.
Layer make_layer(std::string class_name, nlohmann::json config);
/// The config of a layer.
const nlohmann::json& json_of(const Layer& layer);

}  // namespace gradc
