#include "bench/timed_step.h"

#include <algorithm>
#include <cmath>

#include "frontend/optimizers.h"
#include "frontend/training_choice.h"

namespace gradc {

Times Times::of(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  constexpr std::size_t kKept = 1001;
  Times all{std::move(seconds)}, some;
  if (all.sorted.size() <= kKept) return all;
  for (std::size_t i = 0; i < kKept; ++i) some.sorted.push_back(all.at(static_cast<double>(i) / (kKept - 1)));
  return some;
}

TimedStep::TimedStep(const ModelFile& file, const Options& options) {
  const auto target = chosen_target();
  BuildOptions build_options{.fuse = options.fuse, .disable = options.disable, .target = target, .workload = {.batch = options.batch_size}};
  if (options.lanes) build_options.workload.force_lanes = options.lanes;
  build_options.training = training_of(file);
  auto built = build(file.topology, build_options);
  for (std::size_t i = 0; i < built.weights.size(); ++i) {
    const auto& weight = built.weights[i];
    params_.set(weight.name, weight.shape, weight.initializer.values(weight.shape, 1, static_cast<std::uint32_t>(i)));
  }
  for (const auto& given : file.weights)
    if (params_.has(given.name)) params_.set(given.name, given.shape, given.values);
  for (const auto& state : built.states)
    params_.fill(state.name, state.shape, state.name == kLearningRate ? 0.0f : static_cast<float>(state.initial));
  step_ = compile_step(built.graph, params_, options.step, &report);
  make_batch(file, built, options.batch_size);
  step_->run(input_);
}

MadeUpBatch made_up_batch(const Topology& topology, const Graph& graph, const std::vector<LoweredOutput>& outputs, std::int64_t batch) {
  MadeUpBatch made;
  const auto tables = numbered_tables(graph);
  for (const auto& input : topology.inputs) {
    const auto& table = tables[made.inputs.size()];
    auto& numbers = made.inputs.emplace_back(batch * Type{DType::f32, input.shape}.elements());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      // Multiples of a prime go through all rows, and far from one to the next.
      constexpr std::int64_t kStride = 2147483647;
      numbers[i] =
          table ? static_cast<float>(static_cast<std::int64_t>(i) * kStride % table->rows) : std::sin(static_cast<float>(i) * 0.37f);
    }
  }
  for (const auto& output : outputs) {
    auto& numbers = made.labels.emplace_back(batch * output.labels.elements());
    const auto classes = output.predictions.dims.back();
    const bool one_hot = output.labels.elements() == output.predictions.elements() && classes > 1;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      auto at = static_cast<std::int64_t>(i);
      numbers[i] = static_cast<float>(one_hot ? at % classes == at / classes % classes : at % std::max<std::int64_t>(classes, 2));
    }
  }
  return made;
}

void TimedStep::make_batch(const ModelFile& file, const Built& built, std::int64_t batch) {
  batch_ = made_up_batch(file.topology, built.graph, built.outputs, batch);
  for (std::int64_t i = 0; i < batch; ++i) rows_.push_back(static_cast<std::uint32_t>(i));
  input_ = {.rows = rows_, .random_key = 1};
  for (std::size_t i = 0; i < batch_.inputs.size(); ++i)
    input_.data.push_back({.data = batch_.inputs[i].data(), .elements = Type{DType::f32, file.topology.inputs[i].shape}.elements()});
  for (std::size_t i = 0; i < batch_.labels.size(); ++i)
    input_.labels.push_back({.data = batch_.labels[i].data(), .elements = built.outputs[i].labels.elements()});
}

}  // namespace gradc
