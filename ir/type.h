#pragma once
/// Types of the graph IR: an element type and a list of dimensions, written `f32[B,24,24,8]`.
/// The batch is symbolic: it is the dimension `B`, which only stands first. All other dimensions are fixed.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gradc/dtype.h"

namespace gradc {

/// The symbolic batch dimension, printed as `B`.
inline constexpr std::int64_t kBatch = -1;

struct Type {
  DType dtype = DType::f32;
  std::vector<std::int64_t> dims;

  bool operator==(const Type&) const = default;

  int rank() const { return static_cast<int>(dims.size()); }
  /// Whether the first dimension is the batch.
  bool batched() const { return !dims.empty() && dims.front() == kBatch; }
  bool scalar() const { return dims.empty(); }
  /// Elements, without the batch dimension: those of one image.
  std::int64_t elements() const;
  /// Elements when the batch holds `batch` images.
  std::int64_t elements(std::int64_t batch) const { return batched() ? batch * elements() : elements(); }
  /// The dimensions without the batch.
  std::vector<std::int64_t> image_dims() const { return {dims.begin() + (batched() ? 1 : 0), dims.end()}; }
};

/// The product of dimensions, or nothing if one is not positive or the product does not fit 63 bits.
std::optional<std::int64_t> count_elements(const std::vector<std::int64_t>& dims);

/// The most elements that an image of a value may have: kernels count them in 32 bits.
inline constexpr std::int64_t kMostElements = (std::int64_t{1} << 31) - 1;

/// Bytes of one element.
int size_of(DType dtype);
const char* name_of(DType dtype);

std::string to_string(const Type& type);
/// Dimensions as users read them: `28×28×1`.
std::string shape_string(const std::vector<std::int64_t>& dims);

}  // namespace gradc
