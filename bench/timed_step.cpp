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

MadeUpBatch made_up_batch(const Topology& topology, const Type& labels, const Type& output, std::int64_t batch) {
  MadeUpBatch made{std::vector<float>(batch * Type{DType::f32, topology.input_shape}.elements()),
                   std::vector<float>(batch * labels.elements())};
  for (std::size_t i = 0; i < made.images.size(); ++i) made.images[i] = std::sin(static_cast<float>(i) * 0.37f);
  auto classes = output.dims.back();
  bool one_hot = labels.elements() == output.elements() && classes > 1;
  for (std::size_t i = 0; i < made.labels.size(); ++i) {
    auto at = static_cast<std::int64_t>(i);
    made.labels[i] = static_cast<float>(one_hot ? at % classes == at / classes % classes : at % std::max<std::int64_t>(classes, 2));
  }
  return made;
}

void TimedStep::make_batch(const ModelFile& file, const Built& built, std::int64_t batch) {
  batch_ = made_up_batch(file.topology, built.labels, built.output, batch);
  for (std::int64_t i = 0; i < batch; ++i) rows_.push_back(static_cast<std::uint32_t>(i));
  input_ = {rows_,
            {.data = batch_.images.data(), .elements = Type{DType::f32, file.topology.input_shape}.elements()},
            {.data = batch_.labels.data(), .elements = built.labels.elements()},
            1};
}

}  // namespace gradc
