#pragma once
/// From a model to the graph that a backend compiles: lowering and then the passes.

#include "frontend/lower.h"
#include "frontend/model_json.h"
#include "passes/pipeline.h"

namespace gradc {

struct BuildOptions {
  Mode mode = Mode::train;
  TrainingConfig training = {};
  bool fuse = true;
  std::vector<std::string> disable = {};  ///< Optional passes to leave out.
  std::optional<Target> target = {};
  Workload workload = {};
  bool update = true;   ///< In Mode::train: else no param changes, and the gradients are outputs "gradient/NAME".
  bool kernels = true;  ///< Up to kernels and phases, as the jit backend needs; else plain ops, as the reference backend runs.
};

struct Built {
  Graph graph;
  std::vector<WeightSpec> weights;
  std::vector<OptimizerState> states;  ///< And those of stateful layers.
  std::vector<LoweredOutput> outputs;
  std::vector<MetricResult> metrics;  ///< First the loss.
};

/// How a model is lowered that is trained in this way.
LowerOptions lower_options(Mode mode, const TrainingConfig& training, const SampleWeights& weights = {});

/// The passes of a build, in order, after "lower". Their "update" pass fills `states`.
std::vector<Pass> build_passes(const BuildOptions& options, std::vector<OptimizerState>& states);

Built build(const Topology& topology, const BuildOptions& options, const PassObserver& observer = {});

/// The passes alone, on a graph that `lower` made in this mode. The optimizer's state that it then needs is added to `states`.
void build_lowered(Graph& graph, std::vector<OptimizerState>& states, const BuildOptions& options, const PassObserver& observer = {});

}  // namespace gradc
