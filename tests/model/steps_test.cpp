#include "model/steps.h"

#include <gtest/gtest.h>

#include "frontend/topology.h"

namespace gradc::test {
namespace {

/// Lowers and compiles the steps of a model of two dense layers for a target that need not be this machine.
class Steps {
 public:
  const CompiledModelStep* find(StepKind kind, std::int64_t batch) {
    BuildOptions options{.mode = mode_of(kind), .training = training_, .target = parse_target("avx2"), .workload = {.batch = batch}};
    options.update = kind != StepKind::gradients;
    if (const auto* found = steps_.find(kind, batch)) return found;
    return &steps_.add(kind, {}, steps_.lowered(options.mode, topology_, training_), options,
                       [&](const Graph&, const std::vector<OptimizerState>& states, CompileReport&) {
                         ++compiled;
                         states_of_last = states.size();
                         return std::unique_ptr<Step>();
                       });
  }
  ModelSteps& steps() { return steps_; }
  void train_by(const Loss& loss) {
    training_.loss = loss;
    steps_.set_training(lower(topology_, lower_options(Mode::train, training_)));
  }

  int compiled = 0;
  std::size_t states_of_last = 0;

 private:
  Topology topology_ = sequence({Dense{.units = 64, .input_shape = {100}}, Dense{.units = 10, .activation = "softmax"}});
  TrainingConfig training_{.loss = "categoricalCrossentropy", .optimizer = Adam{}};
  ModelSteps steps_;
};

TEST(ModelSteps, BatchesShareAStepUnlessOtherCodeIsBetterForThem) {
  Steps steps;
  const auto* of_many = steps.find(StepKind::predict, 4096);
  const auto* of_one = steps.find(StepKind::predict, 1);
  EXPECT_NE(of_many, of_one) << "what a tile of 32 images is good for";
  EXPECT_EQ(steps.compiled, 2);
  EXPECT_EQ(steps.find(StepKind::predict, 5000), of_many);
  EXPECT_EQ(steps.find(StepKind::predict, 1024), of_many) << "of another size, but with the same code";
  EXPECT_EQ(steps.find(StepKind::predict, 1), of_one);
  EXPECT_EQ(steps.compiled, 2);
}

TEST(ModelSteps, EachKindHasItsOwnAndOnlyTrainingHasAnOptimizersState) {
  Steps steps;
  steps.find(StepKind::train, 64);
  EXPECT_GT(steps.states_of_last, 0u);
  for (const auto kind : {StepKind::eval, StepKind::predict, StepKind::gradients}) {
    steps.find(kind, 64);
    EXPECT_EQ(steps.states_of_last, 0u);
  }
  EXPECT_EQ(steps.compiled, 4);
}

TEST(ModelSteps, AnotherTrainingLeavesOnlyThePredictions) {
  Steps steps;
  for (const auto kind : {StepKind::train, StepKind::eval, StepKind::predict, StepKind::gradients}) steps.find(kind, 64);
  steps.train_by("meanSquaredError");
  EXPECT_EQ(steps.steps().known(Mode::train)->outputs[0].loss.name, "meanSquaredError");
  EXPECT_EQ(steps.steps().known(Mode::eval), nullptr);
  const auto before = steps.compiled;
  steps.find(StepKind::predict, 64);
  EXPECT_EQ(steps.compiled, before);
  for (const auto kind : {StepKind::train, StepKind::eval, StepKind::gradients}) steps.find(kind, 64);
  EXPECT_EQ(steps.compiled, before + 3);
}

}  // namespace
}  // namespace gradc::test
