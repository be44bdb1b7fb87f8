#pragma once
/// The training configuration on the command line: what the file does not say, or says otherwise.

#include <string>
#include <vector>

#include "frontend/training_json.h"
#include "support/command_line.h"

namespace gradc {

struct TrainingOptions {
  std::string optimizer, learning_rate;
  std::vector<std::string> loss, metrics, class_weights;  ///< For all outputs, or with OUTPUT= for one.

  void add_loss(cli::Command command);       ///< --loss and --metrics
  void add_optimizer(cli::Command command);  ///< --optimizer, --learning-rate and --class-weight
  bool any() const { return !loss.empty() || !optimizer.empty() || !metrics.empty() || !learning_rate.empty() || !class_weights.empty(); }
  /// The configuration with these in place of what it has. Throws gradc::Error that lists all problems.
  TrainingConfig applied_to(TrainingConfig training) const;
};

/// "key=value,key=value" as a JSON object. A value in brackets may have commas.
nlohmann::json key_values(const std::string& text);

/// "NAME:key=value,key=value" as model files have it: {"class_name": NAME, "config": {key: value}}.
nlohmann::json named_options(const std::string& text);

}  // namespace gradc
