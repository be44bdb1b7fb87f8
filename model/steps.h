#pragma once
/// The steps of a model: lowered once for each mode, and compiled for the sizes of batches that ask for them.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compile/build.h"
#include "compile/compile_step.h"

namespace gradc {

/// What a step is for. `gradients` gives the gradient of each trainable weight and changes nothing.
enum class StepKind { train, eval, predict, gradients };

Mode mode_of(StepKind kind);

struct CompiledModelStep {
  std::string graph;  ///< What it was compiled from, as text.
  std::unique_ptr<Step> step;
  CompileReport report;
};

/// Batches whose sizes lie between the same powers of two share a step. A size between other ones gets a step of its own if the passes
/// choose other code for it: another layout or other tiles. Data with other weights of samples have steps of their own.
class ModelSteps {
 public:
  /// Throws gradc::Error that lists all problems of the model.
  const Lowered& lowered(Mode mode, const Topology& topology, const TrainingConfig& training, const SampleWeights& weights = {});
  /// The same without weights if it was asked for before, or nullptr.
  const Lowered* known(Mode mode) const;

  /// The step that batches of this size have, or nullptr.
  CompiledModelStep* find(StepKind kind, std::int64_t batch, const SampleWeights& weights = {});
  /// Makes the step of a graph with kernels, after the optimizer's state that it needs.
  using Compile = std::function<std::unique_ptr<Step>(const Graph&, const std::vector<OptimizerState>&, CompileReport&)>;
  /// Gives batches of options.workload the step that they ask for: one that others have, or else a new one.
  CompiledModelStep& add(StepKind kind, const SampleWeights& weights, const Lowered& from, const BuildOptions& options,
                         const Compile& compile);

  /// The model is trained in another way: as this graph of Mode::train says.
  void set_training(Lowered lowered);
  /// Steps are run in another way.
  void forget_compiled();

 private:
  struct OfKind {
    std::map<int, CompiledModelStep*> by_size;  ///< By the bits of the batch's size.
    std::vector<std::unique_ptr<CompiledModelStep>> all;
  };

  std::map<std::pair<Mode, SampleWeights>, Lowered> lowered_;
  std::map<std::pair<StepKind, SampleWeights>, OfKind> steps_;
};

}  // namespace gradc
