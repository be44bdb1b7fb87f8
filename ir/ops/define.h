#pragma once
/// What the files of this folder share: checks of operands, and attributes that several have.

#include "gradc/error.h"
#include "ir/op.h"

namespace gradc {

inline void expect_rank(const Type& type, int rank, const char* what) {
  if (type.rank() != rank) throw Error("{} has rank {}, got {}", what, rank, to_string(type));
}

inline void expect_f32(const OpView& op) {
  for (const auto& type : op.operands)
    if (type.dtype != DType::f32) throw Error("operands are f32, got {}", to_string(type));
}

inline void expect_batched(const Type& type, const char* what) {
  if (!type.batched()) throw Error("{} starts with the batch dimension B, got {}", what, to_string(type));
}

/// Throws gradc::Error unless the type is [B,...,C] with one to three spatial dimensions.
void expect_images(const Type& type, const char* what);

/// The `gives_zero` of ops whose result is made of their first operand, times others or at other places.
inline bool zero_where_first_is(const std::vector<bool>& operands) { return operands[0]; }

/// The attributes that every sliding window has.
std::vector<AttributeSpec> window_attributes(std::initializer_list<AttributeSpec> more);

}  // namespace gradc
