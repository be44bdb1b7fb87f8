#pragma once
/// How a model is trained, as model files say it: a `trainingConfig` of tf.js, a `training_config` or `compile_config` of Keras.

#include <optional>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "frontend/dialect.h"
#include "frontend/losses.h"
#include "frontend/metrics.h"
#include "frontend/optimizers.h"

namespace gradc {

/// How a model is trained.
struct TrainingConfig {
  Loss loss = {};  ///< For each output that `outputs` does not name, as are the metrics.
  std::vector<Metric> metrics = {"accuracy"};
  std::map<std::string, OutputTraining> outputs = {};  ///< By names of outputs.
  Optimizer optimizer = SGD{};
  Writer writer = Writer::keras3;          ///< Whose meaning these names and numbers have.
  std::vector<std::string> chosen = {};    ///< What a file did not say: "loss", "optimizer", "metrics".
  std::vector<std::string> problems = {};  ///< What a file asks for that gradc does not know or do: matters only to training.
};

/// Lets a configuration name each of several `outputs`, and none where there is only one: those that it does not name yet get its loss and
/// metrics.
void complete_outputs(TrainingConfig& training, const std::vector<std::string>& outputs);

/// Records all problems: what is not known, and what is known but not done. `writer` wrote the model; a configuration that comes from
/// elsewhere names another one. `outputs` are the model's, of which losses, their weights and metrics may be lists or objects; none where
/// the model has problems, so that they are not known.
TrainingConfig read_training(const nlohmann::json& config, Writer writer, const std::vector<std::string>& outputs);

/// Whether tf.js would train the same by this configuration.
bool for_tfjs(const TrainingConfig& training);
/// In tf.js's form, or where that has no words for it in Keras's.
nlohmann::json write_training(const TrainingConfig& training);

/// A loss, a metric: a name, {"class_name": ..., "config": {...}}, or a function or wrapper of one. Problems are added; a metric that only
/// repeats the loss is none.
Loss loss_from_json(const nlohmann::json& value, std::vector<std::string>& problems);
std::optional<Metric> metric_from_json(const nlohmann::json& value, std::vector<std::string>& problems);

}  // namespace gradc
