// Learning rates and callbacks of fit against Keras 3's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include <nlohmann/json.hpp>

#include "frontend/optimizers.h"
#include "frontend/schedules.h"
#include "model/callbacks.h"
#include "support/files.h"
#include "tests/parity/recorded.h"

namespace gradc::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// What a script of tests/keras writes.
json from_keras(const std::string& name) {
  TemporaryFolder temporary;
  const auto file = temporary.path() / "out.json";
  run_in_keras(name, name + ".py", file);
  auto text = read_file(file);
  // Python writes NaN so, which JSON has not.
  for (std::size_t at = 0; (at = text.find("NaN", at)) != std::string::npos;) text.replace(at, 3, "null");
  return json::parse(text);
}

double number(const json& value) { return value.is_null() ? std::nan("") : value.get<double>(); }

/// A model with one weight.
Sequential one_weight(const Optimizer& optimizer, Backend backend = Backend::reference) {
  Sequential model({Dense{.units = 1, .activation = "sigmoid", .use_bias = false, .input_shape = {1}}});
  model.set_run_options({.backend = backend, .threads = 1});
  model.compile({.optimizer = optimizer, .loss = "meanSquaredError", .metrics = {"accuracy"}});
  return model;
}

TEST(KerasFit, SchedulesGiveKerassRates) {
  const auto data = DataSet::from({1, 2}, {1}, {0, 1}, {});
  const auto cases = from_keras("schedules");
  EXPECT_EQ(cases.size(), 19);
  for (const auto& each : cases) {
    SCOPED_TRACE(each["schedule"].dump());
    std::vector<std::string> problems;
    auto rate = learning_rate_from_json(each["schedule"], problems);
    EXPECT_THAT(problems, testing::IsEmpty());
    auto written = each["schedule"];
    written["config"].erase("name");
    EXPECT_EQ(to_json(rate), written);
    const auto rates = each["rates"].get<std::vector<double>>();
    const auto largest = *std::max_element(rates.begin(), rates.end());
    for (auto backend : {Backend::reference, Backend::jit}) {
      auto model = one_weight(SGD{.learning_rate = rate}, backend);
      for (std::size_t step = 0; step < rates.size(); ++step) {
        EXPECT_NEAR(model.learning_rate(), rates[step], 2e-6 * largest) << "step " << step << (backend == Backend::jit ? " on jit" : "");
        model.train_on_batch(data);
      }
    }
  }
}

/// The callback of a case, which saves to `folder`.
Callback callback_of(const json& given, const fs::path& folder) {
  const auto& options = given["options"];
  if (given["kind"] == "EarlyStopping") return early_stopping_from_json(options);
  if (given["kind"] == "ReduceLROnPlateau") return reduce_lr_from_json(options);
  if (given["kind"] == "CSVLogger") return CSVLogger{.filename = folder / "log.csv"};
  if (given["kind"] == "LearningRateScheduler")
    return LearningRateScheduler{[](std::int64_t epoch, double rate) { return epoch % 3 == 2 ? rate * 0.5 : rate + 0.125; }};
  SaveBest best{.folder = folder / "best", .monitor = options["monitor"], .mode = options["mode"]};
  if (options.contains("initial_value_threshold")) best.initial_value_threshold = options["initial_value_threshold"].get<double>();
  return best;
}

TEST(KerasFit, CallbacksDoWhatKerassDo) {
  const auto cases = from_keras("callbacks");
  EXPECT_EQ(cases.size(), 142);
  auto model = one_weight(SGD{.learning_rate = 0.5});
  model.train_on_batch(DataSet::from({1, 2}, {1}, {0, 1}, {}));
  std::size_t stopped_early = 0, reduced = 0, saved_some = 0;
  for (const auto& each : cases) {
    SCOPED_TRACE(each.dump());
    TemporaryFolder temporary;
    model.set_learning_rate(0.5);
    CallbackRun run(model, {callback_of(each, temporary.path())}, {"loss", "acc", "val_loss", "val_acc"});
    const auto saved = temporary.path() / "best" / "model.json";
    std::vector<std::int64_t> saved_epochs;
    std::int64_t epochs = 0;
    for (const auto& numbers : each["logs"]) {
      run.begin_epoch(epochs);
      model.set_weights({{model.weights()[0].name, {1, 1}, {static_cast<float>(1 + epochs)}}});
      Logs logs;
      for (const auto& [name, value] : numbers.items()) {
        const auto accuracy = name.find("accuracy");
        logs[accuracy == std::string::npos ? name : name.substr(0, accuracy) + "acc"] = number(value);
      }
      const bool goes_on = run.end_epoch(epochs, logs);
      EXPECT_NEAR(model.learning_rate(), each["rates"][static_cast<std::size_t>(epochs)].get<double>(), 1e-7) << "epoch " << epochs;
      if (fs::exists(saved)) saved_epochs.push_back(epochs);
      fs::remove(saved);
      ++epochs;
      if (!goes_on) break;
    }
    run.end();
    EXPECT_EQ(epochs, each["stopped"].get<std::int64_t>());
    EXPECT_EQ(model.weights()[0].values[0], each["weight"].get<float>());
    EXPECT_EQ(saved_epochs, each["saved"].get<std::vector<std::int64_t>>());
    stopped_early += epochs < static_cast<std::int64_t>(each["logs"].size());
    reduced += each["kind"] == "ReduceLROnPlateau" && model.learning_rate() < 0.5;
    saved_some += !saved_epochs.empty();
    if (each["kind"] != "CSVLogger") continue;
    // Keras calls the accuracy so, and its columns are in this order, too.
    std::ifstream file(temporary.path() / "log.csv");
    std::string line;
    std::getline(file, line);
    EXPECT_EQ(line, "epoch,acc,loss,val_loss");
    EXPECT_EQ(each["names"], json({"epoch", "accuracy", "loss", "val_loss"}));
    for (const auto& row : each["rows"]) {
      ASSERT_TRUE(std::getline(file, line));
      std::vector<double> values;
      std::stringstream cells(line);
      for (std::string cell; std::getline(cells, cell, ',');) values.push_back(std::stod(cell));
      EXPECT_EQ(values, row.get<std::vector<double>>());
    }
    EXPECT_FALSE(std::getline(file, line));
  }
  // Cases that tell something.
  EXPECT_GT(stopped_early, 20);
  EXPECT_GT(reduced, 30);
  EXPECT_GT(saved_some, 10);
}

}  // namespace
}  // namespace gradc::test
