#pragma once
/// What tests share: random data, running one graph on both backends, and comparing them by the near-tie rule of the design: where relu or
/// a pooling decides between values closer than 1e-6 the backends may differ; such decisions are compared first, counted and printed, and
/// values are then compared with the reference taking the same decisions. No tolerance is widened.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backends/reference/interpreter.h"
#include "fuzz/batch.h"
#include "ir/graph.h"
#include "runtime/params.h"
#include "support/memory.h"
#include "target/target.h"

namespace gradc::test {

using fuzz::Random;

/// Values for every input and param of a graph for this batch: images, labels and params are uniform random numbers.
struct Values {
  NamedTensors inputs, params;
};
Values random_values(const Graph& graph, std::int64_t batch, Random& random);

struct JitOptions {
  bool fuse = true;
  int threads = 2;
  std::optional<Lanes> lanes = {};  ///< Instead of those that the layout pass would choose.
  std::int64_t images = 0;          ///< Of a tile where lanes are features, if positive.
  int candidate = 0;                ///< Of the kernels' schedules.
  std::optional<float> fill = {};   ///< What memory of the step holds before it runs.
  Guards guards = Guards::none;     ///< Unmapped pages beside every array.
};

/// The outputs and the params after one jit step of a graph of plain ops whose inputs are some of "images", "labels", "valid",
/// "batch_size".
Values run_jit(const Graph& graph, const Values& values, const JitOptions& options);

/// Runs the graph on both backends and expects every output to agree within `tolerance` of the output's largest magnitude.
void expect_agreement(Graph graph, const Values& values, const JitOptions& options, double tolerance = 2e-5);

/// A builder with the inputs of a training graph: "images" of this shape, "valid", "batch_size".
struct TrainingGraph {
  Graph graph;
  Builder b{graph};
  ValueId images, valid, batch_size;

  explicit TrainingGraph(std::vector<std::int64_t> image_shape);
  ValueId param(const std::string& name, std::vector<std::int64_t> shape);
  /// Makes the loss sum(value * weights) / batch_size, with weights drawn from the seed, so that every element has a gradient of its own.
  void loss_of(ValueId value, std::uint64_t seed);
};

}  // namespace gradc::test
