// Layers whose states live from batch to batch. What tf.js makes of them is compared in tests/parity.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include <nlohmann/json.hpp>

#include "gradc/error.h"
#include "gradc/model.h"
#include "support/files.h"
#include "tests/model/expect_error.h"

namespace gradc::test {
namespace {

using testing::Not;
using testing::Pointwise;
using Floats = std::vector<float>;

/// Some steps of sequences of six, of the shape of a step.
DataSet steps(std::int64_t images, const Dims& step, std::int64_t begin, std::int64_t count, float first = 0) {
  std::int64_t size = 1;
  for (auto dim : step) size *= dim;
  Floats x, y;
  for (std::int64_t i = 0; i < images; ++i) {
    for (std::int64_t e = begin * size; e < (begin + count) * size; ++e) x.push_back(std::sin(static_cast<float>(i * 6 * size + e) * 0.7f));
    y.push_back(static_cast<float>(i % 2));
  }
  if (first != 0) x[0] = first;
  Dims shape = {count};
  shape.insert(shape.end(), step.begin(), step.end());
  return DataSet::from(x, shape, y, {});
}

Sequential of_layer(const Layer& layer, const Dims& step, std::int64_t count, std::int64_t batch_size, const RunOptions& run = {}) {
  Dims shape = {count};
  shape.insert(shape.end(), step.begin(), step.end());
  Sequential model(
      {InputLayer{.input_shape = shape, .batch_size = batch_size}, layer, Flatten{}, Dense{.units = 2, .activation = "softmax"}});
  model.set_run_options(run);
  model.compile({.optimizer = SGD{.learning_rate = 0.5}, .loss = "sparseCategoricalCrossentropy"});
  return model;
}

Sequential small(const RunOptions& run = {}) { return of_layer(LSTM{.units = 5, .stateful = true}, {3}, 3, 4, run); }

TEST(Stateful, TwoHalvesOfSequencesGiveWhatTheWholeGives) {
  struct Case {
    Layer plain, stateful;
    Dims step = {3};
  };
  const StackedRNNCells cells{.cells = {LSTMCell{.units = 4}, GRUCell{.units = 3}}};
  const Case cases[] = {
      {SimpleRNN{.units = 5}, SimpleRNN{.units = 5, .stateful = true}},
      {GRU{.units = 5, .reset_after = true}, GRU{.units = 5, .reset_after = true, .stateful = true}},
      {LSTM{.units = 20}, LSTM{.units = 20, .stateful = true}},
      {RNN{.cell = cells}, RNN{.cell = cells, .stateful = true}},
      {ConvLSTM1D{.filters = 3, .kernel_size = {2}}, ConvLSTM1D{.filters = 3, .kernel_size = {2}, .stateful = true}, {5, 2}},
  };
  for (const auto& [plain, stateful, step] : cases)
    for (const auto& run : {RunOptions{.threads = 2}, RunOptions{.fuse = false, .threads = 1}, RunOptions{.backend = Backend::reference}}) {
      SCOPED_TRACE(plain.class_name());
      auto whole = of_layer(plain, step, 6, 0, run), halves = of_layer(stateful, step, 3, 21, run);
      auto weights = whole.weights();
      for (std::size_t i = 0; i < weights.size(); ++i) weights[i].name = halves.weights()[i].name;
      halves.set_weights(weights);
      const auto expected = whole.predict(steps(21, step, 0, 6));
      const auto first = halves.predict(steps(21, step, 0, 3)), second = halves.predict(steps(21, step, 3, 3));
      EXPECT_THAT(second, Pointwise(testing::FloatNear(2e-6f), expected));
      EXPECT_THAT(first, Not(Pointwise(testing::FloatNear(1e-3f), expected)));
    }
}

TEST(Stateful, EveryKindOfStepGoesOnFromTheLast) {
  const auto first = steps(4, {3}, 0, 3), second = steps(4, {3}, 3, 3);
  auto predicted = small(), evaluated = small(), trained = small();
  evaluated.set_weights(predicted.weights());
  trained.set_weights(predicted.weights());
  trained.compile({.optimizer = SGD{.learning_rate = 0}, .loss = "sparseCategoricalCrossentropy"});
  predicted.predict(first);
  evaluated.evaluate(first);
  trained.fit(first, {.batch_size = 4, .shuffle = false});
  const auto expected = predicted.predict(second);
  EXPECT_EQ(evaluated.predict(second), expected);
  EXPECT_EQ(trained.predict(second), expected);
}

TEST(Stateful, TheBitsAreThoseOfOneThread) {
  const auto data = steps(200, {3}, 0, 3);
  std::vector<Floats> predictions;
  std::vector<std::vector<Floats>> weights;
  for (int threads : {1, 2}) {
    auto model = of_layer(GRU{.units = 7, .stateful = true}, {3}, 3, 100, {.threads = threads});
    model.fit(data, {.batch_size = 100, .epochs = 3});
    predictions.push_back(model.predict(data));
    for (const auto& weight : model.weights()) weights.resize(predictions.size()), weights.back().push_back(weight.values);
  }
  EXPECT_EQ(predictions[0], predictions[1]);
  EXPECT_EQ(weights[0], weights[1]);
}

TEST(Stateful, WhatIsNotFiniteStaysAtItsPlace) {
  const auto clean = steps(21, {3}, 0, 3);
  auto model = of_layer(LSTM{.units = 5, .stateful = true}, {3}, 3, 21, {.threads = 1});
  model.predict(clean);
  const auto expected = model.predict(clean);
  model.reset_states();
  model.predict(steps(21, {3}, 0, 3, NAN));
  const auto got = model.predict(clean);
  EXPECT_TRUE(std::isnan(got[0]));
  EXPECT_EQ(Floats(got.begin() + 2, got.end()), Floats(expected.begin() + 2, expected.end()));
}

TEST(Stateful, ResettingPutsStatesToZeroAndNothingElseDoes) {
  const auto data = steps(4, {3}, 0, 3);
  auto model = small();
  const auto first = model.predict(data), second = model.predict(data);
  EXPECT_NE(first, second);
  model.reset_states();
  EXPECT_EQ(model.predict(data), first);
  model.gradients(data);
  model.set_weights(model.weights());
  model.compile({.loss = "sparseCategoricalCrossentropy"});
  EXPECT_EQ(model.predict(data), second);
}

TEST(Stateful, StatesAreNoWeights) {
  auto model = small();
  EXPECT_EQ(model.weights().size(), 5U);
  const auto data = steps(4, {3}, 0, 3);
  const auto first = model.predict(data);
  TemporaryFolder folder;
  model.save(folder.path());
  const auto saved = nlohmann::json::parse(read_file(folder.path() / "model.json"));
  EXPECT_EQ(saved["weightsManifest"][0]["weights"].size(), 5U);
  const auto& layers = saved["modelTopology"]["config"]["layers"];
  EXPECT_EQ(layers[0]["config"]["batch_input_shape"], nlohmann::json({4, 3, 3}));
  EXPECT_EQ(layers[1]["config"]["stateful"], true);
  EXPECT_EQ(Model::load(folder.path()).predict(data), first);
}

TEST(Stateful, BatchesThatDoNotFitAreRefusedBeforeTheFirstStep) {
  auto model = small();
  const auto eight = steps(8, {3}, 0, 3), ten = steps(10, {3}, 0, 3);
  const auto first = small().predict(eight);
  EXPECT_EQ(first.size(), 16U);
  const std::string size = "but the model's inputs state batches of 4", whole = "10 images are not whole batches of 4";
  expect_error([&] { model.fit(eight, {}); }, "batches of 32 images, " + size);
  expect_error([&] { model.fit(ten, {.batch_size = 4}); }, whole);
  expect_error([&] { model.fit(eight, {.batch_size = 4, .validation_data = ten}); }, whole);
  expect_error([&] { model.fit(eight, {.batch_size = 4, .validation_split = 0.25}); }, "6 images are not whole batches of 4");
  expect_error([&] { model.train_on_batch(eight); }, "batches of 8 images, " + size);
  expect_error([&] { model.gradients(eight); }, "batches of 8 images, " + size);
  expect_error([&] { model.prepare(eight, 2); }, "batches of 2 images, " + size);
  expect_error([&] { model.evaluate(ten); }, whole);
  expect_error([&] { model.predict(ten); }, whole);
  expect_error([&] { model.predict(eight, 8); }, "batches of 8 images, " + size);
  EXPECT_EQ(model.predict(eight), first);
}

TEST(Stateful, InputsStateOneBatchSize) {
  Functional f;
  auto x = f.input({3, 2}, "x", 4), y = f.input({3, 2}, "y", 5);
  auto z = f.apply(LSTM{.units = 2, .stateful = true}, f.apply(Add{}, {x, y}));
  expect_error([&] { f.model(z).prepare(false); }, "let all inputs of the model state the same number");
}

}  // namespace
}  // namespace gradc::test
