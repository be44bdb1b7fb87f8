#include "model/steps.h"

#include <bit>

#include "ir/text.h"

namespace gradc {

Mode mode_of(StepKind kind) {
  switch (kind) {
    case StepKind::train:
    case StepKind::gradients: return Mode::train;
    case StepKind::eval: return Mode::eval;
    case StepKind::predict: break;
  }
  return Mode::predict;
}

LowerOptions how_to_lower(Mode mode, const TrainingConfig& training) {
  auto options = lower_options(mode, training);
  if (mode != Mode::predict) options.problems = training.problems;
  return options;
}

const Lowered& ModelSteps::lowered(Mode mode, const Topology& topology, const TrainingConfig& training) {
  auto found = lowered_.find(mode);
  if (found == lowered_.end()) found = lowered_.emplace(mode, lower(topology, how_to_lower(mode, training))).first;
  return found->second;
}

const Lowered* ModelSteps::known(Mode mode) const {
  const auto found = lowered_.find(mode);
  return found == lowered_.end() ? nullptr : &found->second;
}

CompiledModelStep& ModelSteps::find_or_compile(StepKind kind, const Lowered& from, const BuildOptions& options, const Compile& compile) {
  auto& [by_size, all] = steps_[kind];
  auto& step = by_size[std::bit_width(static_cast<std::uint64_t>(options.workload.batch))];
  if (step != nullptr) return *step;
  auto graph = from.graph;
  std::vector<OptimizerState> states;
  build_lowered(graph, states, options);
  auto text = print(graph);
  for (const auto& each : all)
    if (each->graph == text) {
      step = each.get();
      return *step;
    }
  auto made = std::make_unique<CompiledModelStep>(CompiledModelStep{std::move(text), nullptr, {}});
  made->step = compile(graph, states, made->report);
  step = all.emplace_back(std::move(made)).get();
  return *step;
}

void ModelSteps::set_training(Lowered lowered) {
  lowered_.erase(Mode::eval);
  lowered_.insert_or_assign(Mode::train, std::move(lowered));
  for (const auto kind : {StepKind::train, StepKind::eval, StepKind::gradients}) steps_.erase(kind);
}

void ModelSteps::forget_compiled() { steps_.clear(); }

}  // namespace gradc
