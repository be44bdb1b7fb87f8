#pragma once
/// What the callbacks of one `fit` do, between its epochs.

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "gradc/model.h"

namespace gradc {

class CallbackRun {
 public:
  /// One callback at work.
  class Part {
   public:
    virtual ~Part() = default;
    virtual void begin_epoch(std::int64_t) {}
    /// False ends training.
    virtual bool end_epoch(std::int64_t, Logs&) { return true; }
    virtual void end() {}
  };

  /// `names` are those of the numbers that an epoch logs. Throws gradc::Error with all that is wrong: numbers out of range, a name that is
  /// not logged, a mode that is not known.
  CallbackRun(Model& model, const std::vector<Callback>& callbacks, std::vector<std::string> names);

  void begin_epoch(std::int64_t epoch);
  /// Whether training goes on. Those that look after the learning rate add it to the logs.
  bool end_epoch(std::int64_t epoch, Logs& logs);
  /// After training, unless it failed.
  void end();
  /// Whether a number that is not finite is an end, and not an error.
  bool ends_at_nan() const { return ends_at_nan_; }

 private:
  std::vector<std::unique_ptr<Part>> parts_;
  bool ends_at_nan_ = false;
};

/// Options by Keras's names, as a JSON object. Throws gradc::Error with all problems.
EarlyStopping early_stopping_from_json(const nlohmann::json& config);
ReduceLROnPlateau reduce_lr_from_json(const nlohmann::json& config);

}  // namespace gradc
