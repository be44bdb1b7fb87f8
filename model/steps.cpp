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

const Lowered& ModelSteps::lowered(Mode mode, const Topology& topology, const TrainingConfig& training, const SampleWeights& weights) {
  const std::pair key(mode, weights);
  auto found = lowered_.find(key);
  if (found == lowered_.end()) found = lowered_.emplace(key, lower(topology, lower_options(mode, training, weights))).first;
  return found->second;
}

const Lowered* ModelSteps::known(Mode mode) const {
  const auto found = lowered_.find({mode, {}});
  return found == lowered_.end() ? nullptr : &found->second;
}

CompiledModelStep* ModelSteps::find(StepKind kind, std::int64_t batch, const SampleWeights& weights) {
  const auto& by_size = steps_[{kind, weights}].by_size;
  const auto found = by_size.find(size_class(batch));
  return found == by_size.end() ? nullptr : found->second;
}

CompiledModelStep& ModelSteps::add(StepKind kind, const SampleWeights& weights, const Lowered& from, const BuildOptions& options,
                                   const Compile& compile) {
  auto& [by_size, all] = steps_[{kind, weights}];
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
  std::erase_if(lowered_, [](const auto& each) { return each.first.first != Mode::predict; });
  std::erase_if(steps_, [](const auto& each) { return each.first.first != StepKind::predict; });
  lowered_.insert_or_assign({Mode::train, {}}, std::move(lowered));
}

void ModelSteps::forget_compiled() { steps_.clear(); }

}  // namespace gradc
