#pragma once
/// The compiler's passes in their order.

#include <span>
#include <string>
#include <vector>

#include "passes/pass_manager.h"

namespace gradc {

struct PipelineOptions {
  bool train = true;    ///< Differentiate and update; otherwise only the forward part is compiled.
  bool kernels = true;  ///< Up to kernels and phases; else plain ops, which is what the reference backend runs.
  bool fuse = true;
  std::vector<std::string> disable = {};  ///< Optional passes to leave out; "fuse" is the same as `fuse` = false.
  PassContext context = {};
};

/// Every pass by its name: those of the pipeline, and those that only run alone.
std::span<const Pass> named_passes();

/// The passes from a lowered graph to a step's kernels. The list is the compiler: see pipeline.cpp. Throws gradc::Error for a pass in
/// `disable` that is not optional.
std::vector<Pass> pipeline(const PipelineOptions& options);

/// The names of optional passes.
std::vector<std::string> optional_passes();

}  // namespace gradc
