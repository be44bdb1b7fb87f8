#pragma once
/// How a case is compiled and run: everything that may not change what is computed.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "fuzz/choices.h"
#include "ir/graph.h"
#include "passes/pipeline.h"

namespace gradc::fuzz {

struct Configuration {
  /// What is made of a model: a training step, its gradients without an update, its loss and metrics, or its predictions.
  std::string mode = "train";
  std::int64_t batch = 1;
  std::int64_t steps = 1;
  int threads = 1, other_threads = 1;  ///< Both give the same bits.
  std::optional<Lanes> lanes = {};     ///< If not given, those that the layout pass chooses.
  std::int64_t images = 0;             ///< Images of a tile where lanes are features; 0 lets tile_sizes choose.
  int candidate = 0;                   ///< Which schedule of each kernel.
  bool fuse = true;
  std::vector<std::string> disable = {};             ///< Optional passes that are left out.
  std::string target = {};                           ///< A Halide target; if empty this machine.
  std::int64_t cache_bytes = std::int64_t{2} << 20;  ///< L2 of a core, as the cost models take it.
  std::string numbers = "floats";                    ///< Images as "floats", as "bytes", or "sparse": floats of which a third are zero.
  /// What memory holds before the compared step: "zeros", or what a step leaves whose images are all "nan" or "huge".
  std::string memory = "zeros";
  std::string guards = "none";  ///< Unmapped pages "behind" or "before" every array.
  std::uint64_t data = 0;       ///< Seed of images, labels and weights.
};

/// The Halide targets besides this machine's own whose code it can run.
const std::vector<std::string>& runnable_targets();

Configuration random_configuration(Choices& choices);

/// What differs from the defaults, and the batch.
nlohmann::json to_json(const Configuration& configuration);
/// Throws gradc::Error for a key that is not known.
Configuration configuration_from_json(const nlohmann::json& json);

/// What a case is compiled for: this machine, if no target is named, but for its L2.
Target target_of(const Configuration& configuration);
Workload workload_of(const Configuration& configuration);

}  // namespace gradc::fuzz
