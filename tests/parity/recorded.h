#pragma once
/// Training as another library did it, and how gradc's differs from it.

#include <filesystem>
#include <string>
#include <vector>

#include "gradc/model.h"

namespace gradc::test {

struct Run {
  const char* name;
  RunOptions options;
};

/// Each way in which gradc runs a step: fused and not, on threads, and the reference.
std::vector<Run> runs();
/// Of many models the i-th: on threads, on the reference, and in one of the other ways in turn.
std::vector<Run> runs_of_model(std::size_t i);

/// Runs a command in a shell. Throws gradc::Error with what it wrote if it fails.
void run_command(const std::string& command);

/// What a script of tests/keras writes to `out`, a file or folder, by its recording of this name (tests/keras/recall.py). `input` is empty
/// where the script reads no file.
void run_in_keras(const std::string& recording, const std::string& script, const std::filesystem::path& out,
                  const std::filesystem::path& input = {});

/// The float32 numbers that a file holds.
std::vector<float> read_floats(const std::filesystem::path& path);

/// The folders in `folder`, by name.
std::vector<std::filesystem::path> folders_in(const std::filesystem::path& folder);

/// Trains the model of a folder on the batches that its writer trained it on, and compares predictions, losses, metrics and weights: one
/// line for each that differs, or the error of a model that gradc refuses. Empty where a file
/// "skipped" says why the writer could not train the model. The folder holds model.json and weights.bin before training,
/// x.f32 and y.f32 with the batches one after the other, and result.json: {"batch": 5, "shape": [8,8,3], "labels": [10], "steps":
/// [{"loss": 2.3, "acc": 0.2}, ...], "names": [...], "weights": [...] after the last step, "before": [...] and "after": [...], the
/// predictions for the first batch}, and optionally "evaluated", the loss of the first batch before training, and "epochs", what was logged
/// of epochs of all batches in order that came after the steps, validated on the first "validation" rows. Of a stateful
/// model "again" are predictions that came after these, and "reset" those from states of zero. Tolerances are relative to
/// the largest value: 2e-5 before training, 5e-5 of a step's loss, 1e-4 after training.
std::vector<std::string> differences(const std::filesystem::path& folder, const RunOptions& run);

}  // namespace gradc::test
