#include "runtime/params.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "support/error.h"

namespace gradc {

void Params::Free::operator()(void* memory) const { std::free(memory); }

void Params::fill(const std::string& name, const std::vector<std::int64_t>& shape, float value) {
  Type type{DType::f32, shape};
  set(name, shape, std::vector<float>(type.elements(), value));
}

void Params::set(const std::string& name, const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
  auto size = Type{DType::f32, shape}.elements();
  check(size == static_cast<std::int64_t>(values.size()), "a param's values fit its shape");
  auto [found, is_new] = arrays_.try_emplace(name);
  auto& array = found->second;
  if (is_new) {
    auto room = (size + kParamBlock - 1) / kParamBlock * kParamBlock * static_cast<std::int64_t>(sizeof(float));
    auto* memory = static_cast<float*>(std::aligned_alloc(64, static_cast<std::size_t>(room)));
    if (memory == nullptr) throw std::bad_alloc();
    std::memset(memory, 0, static_cast<std::size_t>(room));
    memory_.emplace_back(memory);
    array = {shape, size, memory};
  }
  check(array.shape == shape, "a param keeps its shape");
  std::copy(values.begin(), values.end(), array.data);
}

const Params::Array& Params::at(const std::string& name) const {
  auto found = arrays_.find(name);
  if (found == arrays_.end()) throw InternalError("there is no param \"" + name + "\"");
  return found->second;
}

}  // namespace gradc
