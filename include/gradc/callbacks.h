#pragma once
/// What `fit` does between epochs besides training, with the meaning that Keras 3's callbacks of these names have.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <variant>

namespace gradc {

/// Ends training when what is monitored got better in none of `patience` epochs.
struct EarlyStopping {
  std::string monitor = "val_loss";
  double min_delta = 0;                 ///< The least change that counts as better.
  std::int64_t patience = 0;            ///< In epochs.
  std::string mode = "auto";            ///< "min" or "max" is better; "auto" knows for losses and most metrics.
  std::optional<double> baseline = {};  ///< What is not better than this does not count.
  bool restore_best_weights = false;    ///< At the end of `fit`, wherever that is.
  std::int64_t start_from_epoch = 0;    ///< Epochs that do not count.
};

/// Multiplies the learning rate by `factor` when what is monitored got better in none of `patience` epochs.
struct ReduceLROnPlateau {
  std::string monitor = "val_loss";
  double factor = 0.1;
  std::int64_t patience = 10;
  std::string mode = "auto";
  double min_delta = 1e-4;
  std::int64_t cooldown = 0;  ///< Epochs after a reduction that do not count.
  double min_lr = 0;
};

/// Saves the model after each epoch that was the best yet.
struct SaveBest {
  std::filesystem::path folder;
  std::string monitor = "val_loss";
  std::string mode = "auto";
  std::optional<double> initial_value_threshold = {};  ///< What is not better than this is not saved.
};

/// Writes the logs of epochs as rows of numbers, below their names.
struct CSVLogger {
  std::filesystem::path filename;
  std::string separator = ",";
  bool append = false;
};

/// Sets the learning rate before each epoch, to what `schedule` makes of the epoch (from 0) and of the rate that it was.
struct LearningRateScheduler {
  std::function<double(std::int64_t epoch, double rate)> schedule;
};

/// Lets a loss or weight that is not finite end the training, as it was after its last good epoch, and not be an error.
struct TerminateOnNaN {};

using Callback = std::variant<EarlyStopping, ReduceLROnPlateau, SaveBest, CSVLogger, LearningRateScheduler, TerminateOnNaN>;

}  // namespace gradc
