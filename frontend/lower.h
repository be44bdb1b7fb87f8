#pragma once
/// From a topology to a graph.

#include <string>
#include <vector>

#include "frontend/layers/context.h"
#include "frontend/losses.h"
#include "frontend/metrics.h"
#include "frontend/topology.h"
#include "ir/graph.h"

namespace gradc {

struct LowerOptions {
  Mode mode = Mode::train;
  Loss loss = {};  ///< Not read in Mode::predict.
  std::vector<Metric> metrics = {};
  Writer writer = Writer::tfjs;            ///< Whose meaning the metrics have.
  std::vector<std::string> problems = {};  ///< Of how the model is to be trained; not read in Mode::predict.
};

/// A graph with an input of role data and, unless in Mode::predict, those of label, batch_mask and batch_size; in training also those of
/// step_key and sample_index. Its outputs are the scalars that `metrics` names, or in Mode::predict "predictions". A BatchNormalization in
/// training also updates its moving statistics.
struct Lowered {
  /// What became of a layer of the topology.
  struct LoweredLayer {
    Type output;
    std::int64_t trainable = 0, frozen = 0;  ///< Numbers in its weights, which count in its first use.
  };

  Graph graph;
  std::vector<WeightSpec> weights;
  std::vector<LoweredLayer> layers;   ///< As the topology's.
  Type output;                        ///< Of the predictions.
  Type labels;                        ///< Of the labels, where there are any.
  std::vector<MetricResult> metrics;  ///< First the loss.
};

/// Throws gradc::Error that lists all problems of the model: each with its layer, the shapes and a remedy.
Lowered lower(const Topology& topology, const LowerOptions& options);

}  // namespace gradc
