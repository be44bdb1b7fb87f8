#include "model/steps.h"

#include <algorithm>
#include <bit>

#include "ir/text.h"

namespace gradc {
namespace {

/// Sizes between the same powers of two are of one class.
int size_class(std::int64_t batch) { return std::bit_width(static_cast<std::uint64_t>(batch)); }

}  // namespace

Mode mode_of(StepKind kind) {
  switch (kind) {
    case StepKind::train:
    case StepKind::gradients: return Mode::train;
    case StepKind::eval: return Mode::eval;
    case StepKind::predict: break;
  }
  return Mode::predict;
}

const Lowered& ModelSteps::lowered(Mode mode, const Topology& topology, const TrainingConfig& training) {
  auto found = lowered_.find(mode);
  if (found == lowered_.end()) found = lowered_.emplace(mode, lower(topology, lower_options(mode, training))).first;
  return found->second;
}

const Lowered* ModelSteps::known(Mode mode) const {
  const auto found = lowered_.find(mode);
  return found == lowered_.end() ? nullptr : &found->second;
}

CompiledModelStep* ModelSteps::find(StepKind kind, std::int64_t batch) {
  const auto& by_size = steps_[kind].by_size;
  const auto found = by_size.find(size_class(batch));
  return found == by_size.end() ? nullptr : found->second;
}

CompiledModelStep& ModelSteps::add(StepKind kind, const Lowered& from, const BuildOptions& options, const Compile& compile) {
  auto& [by_size, all] = steps_[kind];
  auto graph = from.graph;
  std::vector<OptimizerState> states;
  build_lowered(graph, states, options);
  auto text = print(graph);
  auto same = std::find_if(all.begin(), all.end(), [&](const auto& each) { return each->graph == text; });
  if (same == all.end()) {
    auto made = std::make_unique<CompiledModelStep>(CompiledModelStep{std::move(text), nullptr, {}});
    made->step = compile(graph, states, made->report);
    same = all.insert(all.end(), std::move(made));
  }
  by_size[size_class(options.workload.batch)] = same->get();
  return **same;
}

void ModelSteps::set_training(Lowered lowered) {
  lowered_.erase(Mode::eval);
  lowered_.insert_or_assign(Mode::train, std::move(lowered));
  for (const auto kind : {StepKind::train, StepKind::eval, StepKind::gradients}) steps_.erase(kind);
}

void ModelSteps::forget_compiled() { steps_.clear(); }

}  // namespace gradc
