#include "compile/build.h"

namespace gradc {

std::vector<Pass> build_passes(const BuildOptions& options, std::vector<OptimizerState>& states) {
  PassContext context{.workload = options.workload};
  context.update = [&states, optimizer = options.training.optimizer, update = options.update](Graph& graph) {
    if (update)
      states = add_updates(graph, optimizer);
    else
      std::erase_if(graph.ops, [](const Op& op) { return op.kind == OpKind::update; });  // of moving statistics
  };
  return pipeline({.train = options.mode == Mode::train,
                   .kernels = options.kernels,
                   .fuse = options.fuse,
                   .disable = options.disable,
                   .context = context});
}

LowerOptions lower_options(Mode mode, const TrainingConfig& training, const SampleWeights& weights) {
  return {.mode = mode,
          .loss = training.loss,
          .metrics = training.metrics,
          .outputs = training.outputs,
          .sample_weights = weights,
          .writer = training.writer,
          .problems = training.problems};
}

Built build(const Topology& topology, const BuildOptions& options, const PassObserver& observer) {
  auto lowered = lower(topology, lower_options(options.mode, options.training));
  Built built{std::move(lowered.graph), std::move(lowered.weights), {}, std::move(lowered.outputs), std::move(lowered.metrics)};
  build_lowered(built.graph, built.states, options, observer);
  for (const auto& state : lowered.states) built.states.push_back({state.name, state.shape, 0});
  return built;
}

void build_lowered(Graph& graph, std::vector<OptimizerState>& states, const BuildOptions& options, const PassObserver& observer) {
  graph.target = options.target;
  if (observer.after) observer.after({"lower", "the model as graph ops", nullptr}, graph, 0);
  run_passes(graph, build_passes(options, states), observer);
}

}  // namespace gradc
