#pragma once
/// model.json and its weight files: the LayersModel format that tf.js writes and reads, and that Keras writes.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "frontend/topology.h"
#include "frontend/training_json.h"
#include "gradc/weights.h"

namespace gradc {

struct ModelFile {
  Topology topology;
  std::vector<WeightValues> weights;  ///< Empty if the file has none.
  std::optional<TrainingConfig> training;
};

/// Reads model.json as tf.js, Keras 2 and Keras 3 write it, or what their to_json() gives, with the weight files beside it. `path` may name
/// the folder.
/// Throws gradc::Error that names the file: one that is missing, broken, of the wrong length or type, or outside the model's folder.
ModelFile read_model(const std::filesystem::path& path, const InputShapes& shapes = {});

/// Writes folder/model.json and a file of weights beside it, which tf.js loads. Both change at once, and stay as they were if anything
/// fails. Throws gradc::Error that names the file.
void write_model(const std::filesystem::path& folder, const ModelFile& model);

}  // namespace gradc
