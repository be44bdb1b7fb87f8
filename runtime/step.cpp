#include "runtime/step.h"

namespace gradc {

float Rows::at(std::int64_t row, std::int64_t element) const {
  auto i = row * elements + (classes > 0 ? 0 : element);
  float value = 0;
  if (dtype == DType::u8) value = static_cast<float>(static_cast<const std::uint8_t*>(data)[i]);
  if (dtype == DType::i32) value = static_cast<float>(static_cast<const std::int32_t*>(data)[i]);
  if (dtype == DType::f32) value = static_cast<const float*>(data)[i];
  if (classes > 0) return value == static_cast<float>(element) ? 1.0f : 0.0f;
  return value * scale;
}

}  // namespace gradc
