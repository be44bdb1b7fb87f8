#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace gradc {

/// A weight of a model, or something of its shape, row-major.
struct WeightValues {
  std::string name;  ///< "layer/kernel"
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

}  // namespace gradc
