#pragma once
/// What a step is chosen for besides its target.

#include <cstdint>
#include <optional>

#include "ir/graph.h"

namespace gradc {

struct Workload {
  std::int64_t batch = 64;                ///< Images of most batches; any other number works too.
  std::optional<Lanes> force_lanes = {};  ///< Instead of the cheaper ones: for tests.
  std::int64_t force_images = 0;          ///< Images of a tile where lanes are features, if positive: for tests.
};

}  // namespace gradc
