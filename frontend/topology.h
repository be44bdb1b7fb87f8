#pragma once
/// A model's layers and how they are connected: what the `modelTopology` of a model.json says, in one form whoever wrote it, with models
/// inside of models inlined.

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "frontend/dialect.h"
#include "frontend/model_tree.h"
#include "gradc/layers.h"

namespace gradc {

/// What a layer's use gives: its first output, or one after it, as the states of a recurrent layer are.
struct NodeOutput {
  std::string node;
  int output = 0;

  bool operator==(const NodeOutput&) const = default;
};

/// As Keras's names of tensors: "lstm", "lstm:1".
std::string to_string(const NodeOutput& output);

/// One use of a layer.
struct LayerNode {
  Layer layer;
  std::string name;                         ///< Unique in its model: the layer's, and for its second use "dense/2".
  std::vector<NodeOutput> inbound;          ///< What it takes; empty for an input.
  std::vector<std::string> arguments = {};  ///< For each of these the name under which the layer takes it; empty: by its place.
  std::string weights = {};                 ///< Under which the layer's weights stand, the same for all its uses; empty: `name`.
  bool inference = false;                   ///< It works as in prediction, also in training.
  bool masked = false;                      ///< The file says that its input has a mask.
  bool operation = false;                   ///< It is an operation of keras.ops, to which masks mean nothing.
};

/// What a model takes.
struct ModelInput {
  std::string layer;            ///< The input's name: that of its layer, which takes nothing else.
  Dims shape;                   ///< One image's.
  std::int64_t batch_size = 0;  ///< That the file states, or 0.
};

/// Inputs, outputs, and layers in an order in which each comes after those it takes its inputs from.
struct Topology {
  bool sequential = true;
  std::string name = "model";
  Writer writer = Writer::keras3;  ///< Whose meaning the configs of the layers have.
  std::vector<LayerNode> layers;
  std::vector<ModelInput> inputs;         ///< In the order in which they are given.
  std::vector<NodeOutput> outputs;        ///< Those of layers that are the model's.
  std::shared_ptr<const ModelTree> tree;  ///< As the file had it, which a save keeps; nullptr for a model made in C++.
};

/// In the order in which inputs are given.
std::vector<std::string> input_names(const Topology& topology);
/// The same of outputs: "lstm", "lstm:1".
std::vector<std::string> output_names(const Topology& topology);

/// A sequence of layers. Layers without a name get one as Keras numbers them: conv2d, conv2d_1.
/// Throws gradc::Error if there is no layer or the first says no input shape.
Topology sequence(const std::vector<Layer>& layers, const std::string& name = "sequential");

/// Reads a `modelTopology` of this writer. Throws gradc::Error that lists all problems of the topology, or shapes that do not fit it.
Topology read_topology(const nlohmann::json& model_topology, Writer writer, const InputShapes& shapes = {});

/// The `modelTopology` that tf.js loads, with its writer named as keras_version, so that it is read as it was meant.
nlohmann::json write_topology(const Topology& topology);

/// Gives a name to every layer that has none, and orders them. Throws gradc::Error for names used twice, unknown or circular connections.
void finish(Topology& topology, const InputShapes& shapes = {});

}  // namespace gradc
