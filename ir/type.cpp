#include "ir/type.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace gradc {

std::int64_t Type::elements() const {
  std::int64_t count = 1;
  for (auto dim : dims) count *= dim == kBatch ? 1 : dim;
  return count;
}

std::optional<std::int64_t> count_elements(const std::vector<std::int64_t>& dims) {
  std::int64_t count = 1;
  for (auto dim : dims)
    if (dim < 1 || __builtin_mul_overflow(count, dim, &count)) return std::nullopt;
  return count;
}

int size_of(DType dtype) { return dtype == DType::u8 ? 1 : 4; }

const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::f32: return "f32";
    case DType::i32: return "i32";
    case DType::u8: return "u8";
  }
  return "?";
}

std::string to_string(const Type& type) {
  std::string text = std::string(name_of(type.dtype)) + "[";
  for (int i = 0; i < type.rank(); ++i) {
    if (i > 0) text += ",";
    text += type.dims[i] == kBatch ? "B" : std::to_string(type.dims[i]);
  }
  return text + "]";
}

std::string shape_string(const std::vector<std::int64_t>& dims) {
  std::string text;
  for (auto dim : dims) text += (text.empty() ? "" : "×") + (dim == kBatch ? std::string("B") : std::to_string(dim));
  return text.empty() ? "scalar" : text;
}

}  // namespace gradc
