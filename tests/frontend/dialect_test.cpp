// What a file means by a name, by who wrote it. The values are those that Keras 3.15 computes; those of tf.js are its formulas'.
#include "frontend/dialect.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "frontend/initializers.h"
#include "gradc/model.h"
#include "support/files.h"

namespace gradc::test {
namespace {

using nlohmann::json;

/// A sequence of layers with these marks of its writer; the first layer takes `inputs` numbers.
json document(json layers, std::int64_t inputs, const json& marks) {
  layers[0]["config"]["batch_input_shape"] = {nullptr, inputs};
  json topology = {{"class_name", "Sequential"}, {"config", {{"name", "m"}, {"layers", layers}}}};
  topology.update(marks);
  return {{"modelTopology", topology}};
}

json layer(const char* class_name, json config) {
  config["name"] = std::string(class_name) + "_layer";
  return {{"class_name", class_name}, {"config", config}};
}

Model load(const json& file) {
  TemporaryFolder folder;
  std::ofstream(folder.path() / "model.json") << file.dump();
  return Model::load(folder.path(), {.backend = Backend::reference});
}

/// The model as it comes back from a save.
Model saved(Model& model) {
  TemporaryFolder folder;
  model.save(folder.path());
  return Model::load(folder.path(), {.backend = Backend::reference});
}

DataSet rows(std::vector<float> x, std::int64_t width, std::vector<float> y = {}, std::int64_t labels = 1) {
  if (y.empty()) y.resize(x.size() / static_cast<std::size_t>(width), 0.0f);
  return DataSet::from(std::move(x), {width}, std::move(y), {labels});
}

const json kTfjs = {{"keras_version", "tfjs-layers 4.22.0"}}, kKeras2 = {{"keras_version", "2.15.0"}},
           kKeras3 = {{"keras_version", "3.15.1"}}, kNobody = json::object();

TEST(Dialect, IsThatOfTheWriterWhichAFileNames) {
  EXPECT_EQ(writer_of({{"modelTopology", kTfjs}}), Writer::tfjs);
  EXPECT_EQ(writer_of({{"modelTopology", kKeras2}}), Writer::keras2);
  EXPECT_EQ(writer_of({{"modelTopology", kKeras3}}), Writer::keras3);
  EXPECT_EQ(writer_of({{"modelTopology", {{"keras_version", "2.1.6-tf"}}}}), Writer::keras2);
  EXPECT_EQ(
      writer_of({{"generatedBy", "keras v2.4.0"}, {"convertedBy", "TensorFlow.js Converter v3.8.0"}, {"modelTopology", json::object()}}),
      Writer::keras2);
  EXPECT_EQ(writer_of({{"generatedBy", "TensorFlow.js tfjs-layers v4.22.0"}, {"modelTopology", json::object()}}), Writer::tfjs);
  EXPECT_EQ(writer_of(kKeras3), Writer::keras3) << "a bare to_json()";
  EXPECT_EQ(writer_of({{"module", "keras"}, {"registered_name", nullptr}, {"config", {{"batch_shape", {nullptr, 4}}}}}), Writer::keras3);
  EXPECT_EQ(writer_of({{"generatedBy", "gradc"}, {"modelTopology", json::object()}}), Writer::unnamed);
  EXPECT_EQ(writer_of(json(3)), Writer::unnamed);
}

TEST(Dialect, HardSigmoidIsSteeperInTfjsAndKeras2ThanInKeras3) {
  const std::vector<float> x = {-4, -3, -2.5, -1, 0, 0.5, 1, 2.5, 2.9f, 3, 4};
  const std::vector<float> flat = {0, 0, 0.0833333358f, 0.3333333433f, 0.5, 0.5833333731f, 0.6666666865f, 0.9166666865f, 0.9833333492f,
                                   1, 1},
                           steep = {0, 0, 0, 0.3f, 0.5f, 0.6f, 0.7f, 1, 1, 1, 1};
  for (const auto& [marks, right] : {std::pair(kTfjs, steep), {kKeras2, steep}, {kNobody, steep}, {kKeras3, flat}}) {
    auto model = load(document({layer("Activation", {{"activation", "hard_sigmoid"}})}, 1, marks));
    auto again = saved(model);
    for (auto* each : {&model, &again}) {
      auto y = each->predict(rows(x, 1));
      for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(y[i], right[i], 1e-7) << marks << " " << x[i];
    }
  }
}

TEST(Dialect, FrozenNormalizationKeepsItsStatisticsExceptInTfjs) {
  auto norm = layer("BatchNormalization", {{"momentum", 0.5}, {"trainable", false}});
  auto dense = layer("Dense", {{"units", 1}, {"kernel_initializer", "ones"}});
  for (const auto& [marks, infers] : {std::pair(kTfjs, false), {kKeras2, true}, {kKeras3, true}, {kNobody, true}}) {
    auto file = document({norm, dense}, 1, marks);
    file["trainingConfig"] = {{"loss", "mean_squared_error"},
                              {"optimizer_config", {{"class_name", "SGD"}, {"config", {{"learning_rate", 0.1}}}}}};
    auto first = load(file);
    auto again = saved(first);
    for (auto* model : {&first, &again}) {
      auto loss = model->train_on_batch(rows({1, 2, 3, 4}, 1, {2, 4, 6, 8}))["loss"];
      std::map<std::string, float> weights;
      for (const auto& weight : model->weights()) weights[weight.name] = weight.values[0];
      EXPECT_EQ(weights["BatchNormalization_layer/moving_mean"], infers ? 0.0f : 1.25f) << marks;
      if (!infers) continue;
      EXPECT_NEAR(loss, 7.507497310638428, 1e-5) << marks;
      EXPECT_NEAR(weights["Dense_layer/kernel"], 2.499999761581421, 1e-5) << marks;
      EXPECT_NEAR(weights["Dense_layer/bias"], 0.5002498626708984, 1e-5) << marks;
    }
  }
}

/// Deviation and largest magnitude of an initializer's values.
std::pair<double, double> spread(const json& config, const std::vector<std::int64_t>& shape, Writer writer) {
  double square = 0, largest = 0;
  auto values = initializer_from_json(config, dialect_of(writer)).values(shape, 1, 2);
  for (double v : values) {
    square += v * v / static_cast<double>(values.size());
    largest = std::max(largest, std::abs(v));
  }
  return {std::sqrt(square), largest};
}

TEST(Dialect, KerasWidensTruncatedNormalsToTheDeviationBeforeTheCut) {
  for (const char* name : {"glorot_normal", "he_normal", "lecun_normal"}) {
    const double variance = name[0] == 'g' ? 2.0 / 700 : name[0] == 'h' ? 2.0 / 300 : 1.0 / 300;
    for (auto writer : {Writer::keras2, Writer::keras3}) {
      auto [deviation, largest] = spread(name, {300, 400}, writer);
      EXPECT_NEAR(deviation, std::sqrt(variance), 0.0005) << name;
      EXPECT_NEAR(largest, 2 * std::sqrt(variance) / 0.8796, 0.001) << name;
    }
    for (auto writer : {Writer::tfjs, Writer::unnamed})
      EXPECT_NEAR(spread(name, {300, 400}, writer).first, 0.8796 * std::sqrt(variance), 0.0005) << name;
  }
  json uncut = {{"class_name", "VarianceScaling"}, {"config", {{"distribution", "untruncated_normal"}}}};
  auto [deviation, largest] = spread(uncut, {300, 400}, Writer::keras3);
  EXPECT_NEAR(deviation, std::sqrt(1.0 / 300), 0.0005);
  EXPECT_GT(largest, 4 * std::sqrt(1.0 / 300));
}

TEST(Dialect, FansOfAVectorAreItsSizeInKerasAndTheRootOfItInTfjs) {
  EXPECT_NEAR(spread("glorot_uniform", {400}, Writer::keras3).second, std::sqrt(3.0 / 400), 0.001);
  EXPECT_NEAR(spread("glorot_uniform", {400}, Writer::tfjs).second, std::sqrt(3.0 / 20), 0.01);
}

TEST(Dialect, AKernelWithoutAnInitializerIsUniformInKerasAndNormalInTfjs) {
  for (const auto& [marks, uniform] : {std::pair(kTfjs, false), {kKeras2, true}, {kKeras3, true}, {kNobody, false}}) {
    auto model = load(document({layer("Dense", {{"units", 300}})}, 300, marks));
    double most = 0;
    const auto weights = model.weights();
    for (auto v : weights[0].values) most = std::max(most, std::abs(static_cast<double>(v)));
    EXPECT_NEAR(most, uniform ? std::sqrt(6.0 / 600) : 2 * std::sqrt(2.0 / 600), 0.001) << marks;
  }
}

TEST(Dialect, AccuracyOfABinaryCrossentropyOfSeveralOutputsIsOfClassesInKeras) {
  for (const auto& [marks, right] : {std::pair(kTfjs, 5.0 / 9), {kKeras2, 2.0 / 3}, {kKeras3, 2.0 / 3}}) {
    auto file = document({layer("Activation", {{"activation", "linear"}})}, 3, marks);
    file["trainingConfig"] = {{"loss", "binary_crossentropy"},
                              {"metrics", {"accuracy"}},
                              {"optimizer_config", {{"class_name", "SGD"}, {"config", json::object()}}}};
    auto first = load(file);
    auto again = saved(first);
    for (auto* model : {&first, &again}) {
      auto logs = model->evaluate(rows({.6f, .7f, .1f, .2f, .3f, .4f, .9f, .1f, .8f}, 3, {0, 1, 0, 1, 0, 1, 1, 0, 0}, 3));
      EXPECT_NEAR(logs["acc"], right, 1e-6) << marks;
      EXPECT_NEAR(logs["loss"], 0.6756543517112732, 1e-5) << marks;
    }
  }
}

TEST(Dialect, WhatAFileDoesNotSayOfGatesIsItsLibrarys) {
  for (const auto& [marks, gates, after] :
       {std::tuple(kTfjs, "hardSigmoid", false), {kKeras2, "sigmoid", true}, {kKeras3, "sigmoid", true}}) {
    auto file = document({layer("GRU", {{"units", 3}, {"return_sequences", true}}), layer("LSTM", {{"units", 2}})}, 1, marks);
    file["modelTopology"]["config"]["layers"][0]["config"]["batch_input_shape"] = {nullptr, 4, 2};
    auto said = file;
    for (auto& each : said["modelTopology"]["config"]["layers"]) each["config"]["recurrent_activation"] = gates;
    said["modelTopology"]["config"]["layers"][0]["config"]["reset_after"] = after;
    auto left_out = load(file), told = load(said);
    told.set_weights(left_out.weights());
    const auto data = DataSet::from({1, 2, -3, 1, 2, -1, 0, 3}, {4, 2}, {0}, {1});
    EXPECT_EQ(left_out.predict(data), told.predict(data)) << marks;
  }
}

/// hard_sigmoid(1) is 4 / 6 in Keras 3 and 0.7 elsewhere.
TEST(Dialect, ModelsMadeInCppMeanWhatKeras3Means) {
  Sequential made({Dense{.units = 1, .activation = "hardSigmoid", .kernel_initializer = Ones{}, .input_shape = {1}}});
  auto again = saved(made);
  for (Model* model : std::initializer_list<Model*>{&made, &again}) EXPECT_NEAR(model->predict(rows({1, -1}, 1))[0], 4.0 / 6, 1e-6);
  EXPECT_EQ(Adam{}.options.rule, UpdateRule::keras);
}

}  // namespace
}  // namespace gradc::test
