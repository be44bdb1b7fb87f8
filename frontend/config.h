#pragma once
#include <nlohmann/json.hpp>

namespace gradc {

/// What public headers only name: they include no JSON library.
struct Config {
  nlohmann::json value;
};

}  // namespace gradc
