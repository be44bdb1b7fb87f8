#include "runtime/params.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "gradc/error.h"
#include "ir/kernel_form.h"
#include "support/memory.h"

namespace gradc {

namespace {

class Pages : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t) override {
    auto* memory = allocate_pages(bytes);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }
  void do_deallocate(void* memory, std::size_t, std::size_t) override { std::free(memory); }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
};

/// Arrays lie one after the other, small ones beside each other in one huge page.
std::unique_ptr<std::pmr::memory_resource> make_memory() {
  static Pages pages;
  constexpr std::size_t kFirst = std::size_t{4} << 20;
  return std::make_unique<std::pmr::monotonic_buffer_resource>(kFirst, &pages);
}

}  // namespace

Params::Params() : Params(make_memory()) {}
Params::Params(std::unique_ptr<std::pmr::memory_resource> memory) : memory_(std::move(memory)) {}

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
    auto room = (size + kFlatBlock - 1) / kFlatBlock * kFlatBlock * static_cast<std::int64_t>(sizeof(float));
    auto* memory = static_cast<float*>(memory_->allocate(static_cast<std::size_t>(room), 64));
    std::memset(memory, 0, static_cast<std::size_t>(room));
    array = {shape, size, memory};
  }
  check(array.shape == shape, "a param keeps its shape");
  std::copy(values.begin(), values.end(), array.data);
}

void Params::read(Values& values) const {
  for (const auto& [name, array] : arrays_) values[name].assign(array.data, array.data + array.size);
}

void Params::write(const Values& values) {
  for (const auto& [name, numbers] : values) std::copy(numbers.begin(), numbers.end(), at(name).data);
}

const Params::Array& Params::at(const std::string& name) const {
  auto found = arrays_.find(name);
  if (found == arrays_.end()) throw InternalError("there is no param \"" + name + "\"");
  return found->second;
}

}  // namespace gradc
