#pragma once
#include <cstdint>

#include "gradc/error.h"
#include "ir/type.h"

namespace gradc {

/// The weights of a dense layer: [inputs, outputs]; or, in blocks of neighbouring outputs, [outputs / block, inputs, block].
struct DenseKernel {
  explicit DenseKernel(const Type& type) {
    if (type.batched() || (type.rank() != 2 && type.rank() != 3))
      throw Error("a dense kernel is [K,N], or [N/b,K,b] in blocks of b outputs, got {}", to_string(type));
    in_blocks = type.rank() == 3;
    inputs = type.dims.end()[-2];
    block = type.dims.back();
    outputs = in_blocks ? type.dims[0] * block : block;
  }

  std::int64_t inputs, outputs;
  std::int64_t block;  ///< All outputs where they are not in blocks.
  bool in_blocks;
};

}  // namespace gradc
