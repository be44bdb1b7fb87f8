#pragma once
/// The state of a model that lives from step to step: weights, moving statistics, and what its optimizer keeps.

#include <map>
#include <memory>
#include <memory_resource>
#include <string>
#include <vector>

#include "ir/type.h"

namespace gradc {

/// f32 arrays by name, each on its own cache lines and with room up to a multiple of kFlatBlock elements, so that updates can work in whole
/// blocks. That room is zero at first and may hold anything later. An array never moves, so steps may keep pointers to it.
class Params {
 public:
  Params();
  /// Arrays lie in this memory.
  explicit Params(std::unique_ptr<std::pmr::memory_resource> memory);

  struct Array {
    std::vector<std::int64_t> shape;
    std::int64_t size = 0;
    float* data = nullptr;

    std::vector<float> values() const { return {data, data + size}; }
  };

  /// Adds an array, or replaces the values of one that is there. Throws InternalError if the sizes do not fit.
  void set(const std::string& name, const std::vector<std::int64_t>& shape, const std::vector<float>& values);
  void fill(const std::string& name, const std::vector<std::int64_t>& shape, float value);
  bool has(const std::string& name) const { return arrays_.contains(name); }
  const Array& at(const std::string& name) const;
  const std::map<std::string, Array>& all() const { return arrays_; }

  /// The values of all arrays by name. To read them into what they were read into before allocates nothing.
  using Values = std::map<std::string, std::vector<float>>;
  void read(Values& values) const;
  void write(const Values& values);

 private:
  std::map<std::string, Array> arrays_;
  std::unique_ptr<std::pmr::memory_resource> memory_;
};

}  // namespace gradc
