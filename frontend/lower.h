#pragma once
/// From a topology to a graph.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "frontend/layers/context.h"
#include "frontend/losses.h"
#include "frontend/metrics.h"
#include "frontend/topology.h"
#include "ir/graph.h"

namespace gradc {

/// The shapes of samples' weights, without the batch, by names of the outputs in whose losses they count.
using SampleWeights = std::map<std::string, std::vector<std::int64_t>>;

struct LowerOptions {
  Mode mode = Mode::train;
  Loss loss = {};  ///< For each output that `outputs` does not name. Not read in Mode::predict.
  std::vector<Metric> metrics = {};
  std::map<std::string, OutputTraining> outputs = {};  ///< Instead, by names of outputs.
  SampleWeights sample_weights = {};                   ///< Those that the data have; not read in Mode::predict.
  Writer writer = Writer::keras3;                      ///< Whose meaning the metrics have.
  std::vector<std::string> problems = {};              ///< What is wrong with the training; not read in Mode::predict.
};

/// What became of an output of the topology.
struct LoweredOutput {
  std::string name;  ///< Its layer's.
  Type predictions;
  Type labels;  ///< Where there are any.
  Loss loss;    ///< Likewise.
};

/// A graph with an input of role data for each of the model's and, unless in Mode::predict, one of label for each of its outputs, one of
/// sample_weight for each that has weights, and those of batch_mask and batch_size; in training also those of step_key and sample_index.
/// Its outputs are the scalars that `metrics` names, or in Mode::predict the predictions of each output. A BatchNormalization in training
/// also updates its moving statistics; with stateful layers each graph has inputs of sample_index and batch_mask, and updates states.
struct Lowered {
  /// What became of a layer of the topology.
  struct LoweredLayer {
    Type output;
    std::int64_t trainable = 0, frozen = 0;  ///< Numbers in its weights, which count in its first use.
  };

  Graph graph;
  std::vector<WeightSpec> weights;
  std::vector<StateSpec> states;       ///< Params as well, which every step changes and no file has.
  std::vector<LoweredLayer> layers;    ///< As the topology's.
  std::vector<LoweredOutput> outputs;  ///< As the topology's.
  std::vector<MetricResult> metrics;   ///< First the loss.
};

/// The graph's output that a model's output is in Mode::predict: "predictions", or of several "predictions/NAME".
std::string predictions_of(const Topology& topology, const std::string& output);

/// A table whose rows an input of a model numbers.
struct NumberedTable {
  std::int64_t rows = 0;
  std::string layer;
};

/// For each input of a model's graph, by its number, the smallest table that it is read as numbers of: as it is given, but for its shape.
std::vector<std::optional<NumberedTable>> numbered_tables(const Graph& graph);

/// Throws gradc::Error that lists all problems of the model: each with its layer, the shapes and a remedy.
Lowered lower(const Topology& topology, const LowerOptions& options);

}  // namespace gradc
