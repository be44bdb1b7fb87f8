// Losses, metrics and regularizers with their options: what is read, what is refused, and numbers that can be computed by hand. What Keras
// and tf.js compute is compared in tests/keras and tests/parity.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "frontend/model_json.h"
#include "gradc/error.h"
#include "gradc/model.h"
#include "support/files.h"

namespace gradc::test {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A model of one dense layer whose kernel is the identity, so that it gives its input or the activation of that.
Sequential identity(std::int64_t units, const std::string& activation = "linear") {
  return Sequential(
      {Dense{.units = units, .activation = activation, .use_bias = false, .kernel_initializer = Identity{}, .input_shape = {units}}});
}

Logs evaluated(Sequential model, const CompileOptions& options, const std::vector<float>& x, const std::vector<float>& y,
               std::int64_t batch_size = 256) {
  model.set_run_options({.backend = Backend::reference});
  model.compile(options);
  auto width = model.topology().inputs[0].shape;
  auto rows = static_cast<std::int64_t>(x.size()) / width[0];
  std::vector<std::int64_t> label_shape;
  if (static_cast<std::int64_t>(y.size()) != rows) label_shape = width;
  return model.evaluate(DataSet::from(x, width, y, label_shape), batch_size);
}

TEST(Losses, LogitsGiveWhatProbabilitiesGive) {
  std::vector<float> x = {1, -2, 0.5f, 0, 3, -1}, one_hot = {0, 0, 1, 0, 1, 0}, classes = {2, 1}, binary = {1, 0, 0, 1, 1, 0};
  auto expected = evaluated(identity(3, "softmax"), {.loss = "categoricalCrossentropy"}, x, one_hot)["loss"];
  EXPECT_NEAR(evaluated(identity(3), {.loss = {"categoricalCrossentropy", {.from_logits = true}}}, x, one_hot)["loss"], expected, 1e-6);
  EXPECT_NEAR(evaluated(identity(3), {.loss = {"sparseCategoricalCrossentropy", {.from_logits = true}}}, x, classes)["loss"], expected,
              1e-6);
  expected = evaluated(identity(3, "sigmoid"), {.loss = "binaryCrossentropy"}, x, binary)["loss"];
  EXPECT_NEAR(evaluated(identity(3), {.loss = {"binaryCrossentropy", {.from_logits = true}}}, x, binary)["loss"], expected, 1e-6);
}

TEST(Losses, SmoothingReductionAndWeightChangeTheNumber) {
  // Logits of 0: every class has log(3), whatever the labels are, and smoothing changes nothing but where the classes differ.
  EXPECT_NEAR(
      evaluated(identity(3, "softmax"), {.loss = {"categoricalCrossentropy", {.label_smoothing = 0.3}}}, {0, 0, 0}, {1, 0, 0})["loss"],
      std::log(3), 1e-6);
  auto log_sum = std::log(std::exp(1.0) + 2);  // of logits 1, 0, 0
  EXPECT_NEAR(
      evaluated(identity(3, "softmax"), {.loss = {"categoricalCrossentropy", {.label_smoothing = 0.3}}}, {1, 0, 0}, {1, 0, 0})["loss"],
      0.8 * (log_sum - 1) + 0.2 * log_sum, 1e-6);
  std::vector<float> x = {1, 2, 3, 4}, y = {0, 0, 0, 0};
  EXPECT_NEAR(evaluated(identity(2), {.loss = "mse"}, x, y)["loss"], (2.5 + 12.5) / 2, 1e-5);
  EXPECT_NEAR(evaluated(identity(2), {.loss = {"mse", {.reduction = Reduction::sum}}}, x, y)["loss"], 2.5 + 12.5, 1e-5);
  EXPECT_NEAR(evaluated(identity(2), {.loss = {"mse", {.weight = 0.5}}}, x, y)["loss"], (2.5 + 12.5) / 4, 1e-5);
}

TEST(Losses, AHuberLossIsLinearBeyondItsDelta) {
  std::vector<float> x = {0.25f, 3}, y = {0, 0};
  EXPECT_NEAR(evaluated(identity(2), {.loss = {"huber", {.delta = 0.5}}}, x, y)["loss"], (0.5 * 0.0625 + 0.5 * 3 - 0.125) / 2, 1e-6);
  EXPECT_NEAR(evaluated(identity(2), {.loss = "huber"}, x, y)["loss"], (0.5 * 0.0625 + 3 - 0.5) / 2, 1e-6);
}

TEST(Metrics, ARatioIsThatOfAllImagesAndNotAMeanOfBatches) {
  // Of four predictions above 0.5 three are right; of batches of 2 the precisions are 1, 0 and 1.
  std::vector<float> x = {0.9f, 0.8f, 0.7f, 0.1f, 0.6f, 0.2f}, y = {1, 1, 0, 1, 1, 1};
  for (std::int64_t batch : {1, 2, 4, 256}) {
    auto logs = evaluated(identity(1), {.loss = "mse", .metrics = {"precision", "recall", "rootMeanSquaredError"}}, x, y, batch);
    EXPECT_NEAR(logs["precision"], 3.0 / 4, 1e-6) << batch;
    EXPECT_NEAR(logs["recall"], 3.0 / 5, 1e-6) << batch;
    EXPECT_NEAR(logs["rootMeanSquaredError"], std::sqrt(logs["loss"]), 1e-6) << batch;
  }
  auto none = evaluated(identity(1), {.loss = "mse", .metrics = {"precision"}}, {0, 0}, {1, 0});
  EXPECT_EQ(none["precision"], 0);
}

TEST(Metrics, R2CountsItsRegressors) {
  // Labels 0 to 5 have a squared deviation of 17.5; errors of 0.5 add up to 1.5.
  std::vector<float> y = {0, 1, 2, 3, 4, 5}, x = {0.5f, 0.5f, 2.5f, 2.5f, 4.5f, 4.5f};
  const auto r2 = 1 - 1.5 / 17.5;
  for (std::int64_t batch : {2, 4, 256}) {
    auto logs = evaluated(identity(1), {.loss = "mse", .metrics = {"r2Score", {"r2Score", {.num_regressors = 2}}}}, x, y, batch);
    EXPECT_NEAR(logs["r2Score"], r2, 1e-6);
    EXPECT_NEAR(logs["r2Score_1"], 1 - (1 - r2) * 5 / 3, 1e-6);
  }
}

TEST(Metrics, AnEpochAddsUpItsStepsAndAsksForNoMeanOfRatios) {
  auto model = identity(1);
  model.set_run_options({.backend = Backend::reference});
  model.compile({.optimizer = SGD{.learning_rate = 0}, .loss = "mse", .metrics = {"precision"}});
  auto data = DataSet::from({0.9f, 0.8f, 0.7f, 0.1f, 0.6f, 0.2f}, {1}, {1, 1, 0, 1, 1, 1}, {});
  auto history = model.fit(data, {.batch_size = 2, .validation_data = data, .shuffle = false});
  EXPECT_NEAR(history.epochs[0]["precision"], 3.0 / 4, 1e-6);
  EXPECT_NEAR(history.epochs[0]["val_precision"], 3.0 / 4, 1e-6);
  EXPECT_EQ(history.steps[1]["precision"], 0);
}

TEST(Metrics, OptionsChooseThresholdClassAndK) {
  std::vector<float> x = {0.1f, 0.2f, 0.7f, 0.4f, 0.5f, 0.1f}, y = {1, 0, 0, 0, 1, 0};
  auto logs = evaluated(identity(3),
                        {.loss = "mse",
                         .metrics = {{"precision", {.threshold = 0.3}},
                                     {"recall", {.class_id = 1}},
                                     {"topKCategoricalAccuracy", {.k = 2}},
                                     {"binaryAccuracy", {.threshold = 0.3}}}},
                        x, y);
  EXPECT_NEAR(logs["precision"], 1.0 / 3, 1e-6);
  EXPECT_NEAR(logs["recall"], 0, 1e-6);  // 0.5 is not above 0.5
  EXPECT_NEAR(logs["topKCategoricalAccuracy"], 0.5, 1e-6);
  EXPECT_NEAR(logs["binaryAccuracy"], 3.0 / 6, 1e-6);
}

TEST(Metrics, OfTheSameNameAreNumbered) {
  auto logs = evaluated(identity(2), {.loss = "mse", .metrics = {{"recall", {.class_id = 0}}, {"recall", {.class_id = 1}}}}, {1, 0, 0, 0},
                        {1, 1, 0, 1});
  EXPECT_EQ(logs["recall"], 1);
  EXPECT_EQ(logs["recall_1"], 0);
}

TEST(Regularizers, AddTheirPenaltyToTheLossAndItsGradientToTheWeights) {
  for (auto backend : {Backend::reference, Backend::jit}) {
    Sequential model({Dense{.units = 1,
                            .use_bias = false,
                            .kernel_initializer = Constant{.value = -2},
                            .kernel_regularizer = {.l1 = 0.5, .l2 = 0.25},
                            .activity_regularizer = {.l2 = 0.125},
                            .input_shape = {1}}});
    model.set_run_options({.backend = backend});
    model.compile({.optimizer = SGD{.learning_rate = 1}, .loss = "mse"});
    auto data = DataSet::from({1, 3}, {1}, {-2, -6}, {1});
    // No error, 0.5 * |-2| + 0.25 * 4, and 0.125 times the mean of 4 and 36.
    EXPECT_NEAR(model.evaluate(data)["loss"], 1 + 1 + 2.5, 1e-6);
    EXPECT_NEAR(model.train_on_batch(data)["loss"], 4.5, 1e-6);
    // d/dw: 0.5 * sign(w), 2 * 0.25 * w, and 0.125 * 2 * w * the mean of 1 and 9.
    EXPECT_NEAR(model.weights()[0].values[0], -2 - (-0.5 - 1 - 2.5), 1e-6);
  }
}

json dense_file(const json& training) {
  return {{"modelTopology",
           {{"class_name", "Sequential"},
            {"config",
             {{"layers", {{{"class_name", "Dense"}, {"config", {{"name", "d"}, {"units", 3}, {"batch_input_shape", {nullptr, 4}}}}}}}}}}},
          {"trainingConfig", training}};
}

TrainingConfig read(const json& training) { return read_training(training, Writer::keras3, {"output"}); }

TEST(TrainingJson, WhatIsAskedForIsReadWhateverWrapsIt) {
  auto training = read(
      {{"loss",
        {{"out", {{"class_name", "CategoricalCrossentropy"}, {"config", {{"from_logits", true}, {"axis", -1}, {"reduction", "sum"}}}}}}},
       {"metrics",
        {{{{"class_name", "MeanMetricWrapper"}, {"config", {{"name", "accuracy"}, {"dtype", "float32"}, {"fn", "categorical_accuracy"}}}},
          {{"class_name", "function"}, {"config", "binary_accuracy"}},
          {{"class_name", "Precision"}, {"config", {{"thresholds", {0.7}}, {"top_k", nullptr}, {"class_id", nullptr}}}},
          {{"class_name", "Mean"}, {"config", {{"name", "loss"}}}}}}},
       {"loss_weights", {2.0}},
       {"weighted_metrics", nullptr},
       {"optimizer_config", {{"class_name", "Custom>Adam"}, {"config", {{"learning_rate", 0.5}}}}}});
  EXPECT_THAT(training.problems, IsEmpty());
  EXPECT_TRUE(training.loss.options.from_logits);
  EXPECT_EQ(training.loss.options.reduction, Reduction::sum);
  EXPECT_EQ(training.loss.options.weight, 2);
  ASSERT_EQ(training.metrics.size(), 3u);
  EXPECT_EQ(training.metrics[0].name, "categorical_accuracy");
  EXPECT_EQ(training.metrics[2].options.threshold, 0.7);
  EXPECT_EQ(std::get<Adam>(training.optimizer).options.rule, UpdateRule::keras);
  for (const json& none : {json::array(), json::object(), json(nullptr)})
    EXPECT_THAT(read({{"loss", "mse"}, {"metrics", none}}).metrics, IsEmpty());
}

TEST(TrainingJson, MetricsThatHeedWeightsStandApart) {
  const auto training = read({{"loss", "mse"}, {"metrics", {"mae"}}, {"weighted_metrics", {"mae", "mse"}}});
  EXPECT_THAT(training.problems, IsEmpty());
  ASSERT_EQ(training.metrics.size(), 3u);
  EXPECT_FALSE(training.metrics[0].weighted);
  EXPECT_TRUE(training.metrics[1].weighted);
  EXPECT_FALSE(for_tfjs(training));  // which cannot read them
  const auto written = write_training(training);
  EXPECT_EQ(written["metrics"], json::array({"mae"}));
  EXPECT_EQ(written["weighted_metrics"], json::array({"mae", "mse"}));
}

TEST(TrainingJson, WhatIsNotDoneIsRefusedByName) {
  auto expect_problem = [](const json& training, const char* message) {
    EXPECT_THAT(read(training).problems, ElementsAre(HasSubstr(message)));
  };
  auto loss = [](const char* name, const json& config) { return json{{"loss", {{"class_name", name}, {"config", config}}}}; };
  expect_problem(loss("CategoricalCrossentropy", {{"axis", 1}}), "loss CategoricalCrossentropy: \"axis\" is 1, which is not supported");
  expect_problem(loss("CategoricalCrossentropy", {{"ignore_class", 255}}),
                 "\"ignore_class\" is an option of sparseCategoricalCrossentropy");
  expect_problem(loss("MeanSquaredError", {{"reduction", "none"}}), "\"reduction\" is \"none\", which gives no single number to train on");
  expect_problem(loss("MeanSquaredError", {{"from_logits", true}}),
                 "\"from_logits\" is an option of categoricalCrossentropy, sparseCategoricalCrossentropy, binaryCrossentropy, ");
  expect_problem(loss("SparseCategoricalCrossentropy", {{"label_smoothing", 0.1}}),
                 "\"label_smoothing\" is an option of categoricalCrossentropy, binaryCrossentropy, ");
  expect_problem(loss("MeanSquaredError", {{"delta", 1}}), "\"delta\" is an option of huber");
  expect_problem(loss("MeanSquaredError", {{"slope", 1}}), "\"slope\" (1) is not an option of it");
  expect_problem(loss("Huber", {{"delta", -1}}), "loss Huber: \"delta\" is -1, expected a number of at least 0");
  expect_problem(loss("CategoricalGeneralizedCrossEntropy", {{"q", 0}}), "\"q\" is 0, expected a number above 0, up to 1");
  expect_problem({{"loss", "circle"}}, "loss \"circle\" is not known");
  expect_problem({{"loss", {"mse", "mae"}}}, "there are 2 losses; the model's outputs are output");
  expect_problem({{"loss", {{"output", "mse"}, {"other", "mse"}}}}, "there are losses for \"other\"; the model's outputs are output");
  auto metric = [](const char* name, const json& config) { return json{{"metrics", {{{"class_name", name}, {"config", config}}}}}; };
  expect_problem(metric("Sum", json::object()), "metric \"Sum\" is not known");
  expect_problem(metric("F1Score", {{"average", nullptr}}), "metric F1Score: needs \"average\", one of micro, macro, weighted");
  expect_problem(metric("F1Score", {{"average", "mean"}}), "\"average\" is \"mean\"; micro, macro, weighted are known");
  expect_problem(metric("AUC", {{"num_thresholds", 1}}), "\"num_thresholds\" is 1, expected a number from 2 to 1000000");
  expect_problem(metric("AUC", {{"label_weights", {1, 2}}}), "\"label_weights\" is [1,2], which is not supported");
  expect_problem(metric("RecallAtPrecision", json::object()), "metric RecallAtPrecision: needs \"precision\"");
  expect_problem(metric("BinaryIoU", {{"target_class_ids", "all"}}), "\"target_class_ids\" is \"all\", expected whole numbers");
  expect_problem({{"metrics", {{{"class_name", "Precision"}, {"config", {{"thresholds", {0.1, 0.2}}}}}}}},
                 "gradc has one threshold for a metric");
  expect_problem({{"metrics", {{{"class_name", "AUC"}, {"config", {{"top_k", 3}}}}}}}, "\"top_k\" is 3, which is not supported");
  expect_problem({{"accumulate", 3}}, "\"accumulate\" (3) is not an option of it");
  // All of them in one message.
  EXPECT_EQ(read({{"loss", "circle"},
                  {"metrics", {"mystery"}},
                  {"optimizer_config", {{"class_name", "ScheduleFreeAdamW"}, {"config", json::object()}}}})
                .problems.size(),
            3u);
}

TEST(TrainingJson, WhatTfjsHasNoWordsForIsWrittenWhereItDoesNotLook) {
  TemporaryFolder folder;
  auto path = folder.path() / "model.json";
  write_file(
      path,
      dense_file({{"loss", {{"class_name", "CategoricalCrossentropy"}, {"config", {{"from_logits", true}, {"label_smoothing", 0.25}}}}},
                  {"metrics", {{{"class_name", "Precision"}, {"config", {{"thresholds", 0.75}}}}, "accuracy"}},
                  {"optimizer_config", {{"class_name", "Nadam"}, {"config", {{"learning_rate", 0.5}, {"clipnorm", 2}}}}}})
          .dump());
  auto file = read_model(path);
  write_model(folder.path() / "saved", file);
  auto written = json::parse(read_file(folder.path() / "saved" / "model.json"));
  EXPECT_FALSE(written.contains("trainingConfig"));
  auto again = read_model(folder.path() / "saved");
  EXPECT_EQ(again.training->loss.options.label_smoothing, 0.25);
  EXPECT_TRUE(again.training->loss.options.from_logits);
  EXPECT_EQ(again.training->metrics[0].options.threshold, 0.75);
  EXPECT_EQ(std::get<Nadam>(again.training->optimizer).options.clipnorm, 2);
  EXPECT_EQ(write_training(*again.training), write_training(*file.training));
}

}  // namespace
}  // namespace gradc::test
