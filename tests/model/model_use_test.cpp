// Model and DataSet as C++ programs use them, and misuse them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>

#include <nlohmann/json.hpp>

#include "frontend/training_json.h"
#include "gradc/error.h"
#include "gradc/model.h"
#include "runtime/step.h"
#include "support/files.h"
#include "tests/model/expect_error.h"

namespace gradc::test {
namespace {

using testing::HasSubstr;
using Floats = std::vector<float>;

/// Rows of 3 numbers with classes 0 and 1.
DataSet rows(std::int64_t count, float wrong_label = 0) {
  Floats x(count * 3), y(count);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i) * 0.7f);
  for (std::int64_t i = 0; i < count; ++i) y[i] = static_cast<float>(i % 2);
  if (wrong_label != 0) y.back() = wrong_label;
  return DataSet::from(x, {3}, y, {});
}

/// On the reference backend: what is tested here is not its kernels.
Sequential two_classes(Backend backend = Backend::reference) {
  Sequential model({Dense{.units = 4, .activation = "tanh", .input_shape = {3}}, Dense{.units = 2, .activation = "softmax"}});
  model.set_run_options({.backend = backend, .threads = 2});
  model.compile({.optimizer = SGD{.learning_rate = 0.5}, .metrics = {"accuracy"}});
  return model;
}

std::vector<Floats> values(Model& model) {
  std::vector<Floats> all;
  for (const auto& weight : model.weights()) all.push_back(weight.values);
  return all;
}

TEST(ModelState, CompilingAgainTakesTheNewLearningRate) {
  auto model = two_classes();
  model.fit(rows(8), {.batch_size = 4});
  auto trained = values(model);
  model.compile({.optimizer = SGD{.learning_rate = 0}});
  model.fit(rows(8), {.batch_size = 4});
  EXPECT_EQ(values(model), trained);
}

TEST(ModelState, CompilingAgainForgetsTheMomentsOfTheOptimizer) {
  for (const Optimizer& optimizer : {Optimizer(Adam{.learning_rate = 0.1}), Optimizer(SGD{.learning_rate = 0.1, .momentum = 0.9})}) {
    auto used = two_classes(), fresh = two_classes();
    used.compile({.optimizer = optimizer});
    used.fit(rows(12), {.batch_size = 4, .epochs = 2});
    fresh.set_weights(used.weights());
    used.compile({.optimizer = optimizer});
    fresh.compile({.optimizer = optimizer});
    used.train_on_batch(rows(4));
    fresh.train_on_batch(rows(4));
    EXPECT_EQ(values(used), values(fresh));
  }
}

TEST(ModelState, OtherRunOptionsKeepTheMomentsOfTheOptimizer) {
  auto changed = two_classes(), same = two_classes();
  for (auto* model : {&changed, &same}) {
    model->compile({.optimizer = Adam{.learning_rate = 0.1}});
    model->train_on_batch(rows(4));
  }
  changed.set_run_options({.backend = Backend::reference, .threads = 1});
  for (auto* model : {&changed, &same}) model->train_on_batch(rows(4));
  EXPECT_EQ(values(changed), values(same));
}

TEST(ModelState, ACompileThatFailsChangesNothing) {
  auto model = two_classes();
  expect_error([&] { model.compile({.loss = "no such loss"}); }, "no such loss");
  EXPECT_EQ(model.training().loss.name, "categoricalCrossentropy");
  EXPECT_NO_THROW(model.train_on_batch(rows(4)));
}

TEST(ModelState, EpochsOneByOneAreThoseOfOneFit) {
  auto at_once = two_classes(), one_by_one = two_classes();
  auto history = at_once.fit(rows(20), {.batch_size = 8, .epochs = 3});
  std::vector<Logs> steps;
  for (int epoch = 0; epoch < 3; ++epoch)
    for (const auto& logs : one_by_one.fit(rows(20), {.batch_size = 8, .epochs = 1}).steps) steps.push_back(logs);
  EXPECT_EQ(steps, history.steps);
  EXPECT_EQ(values(at_once), values(one_by_one));
  at_once.set_learning_rate(0);
  auto first = at_once.fit(rows(20), {.batch_size = 8}).steps, second = at_once.fit(rows(20), {.batch_size = 8}).steps;
  EXPECT_NE(first, second) << "nothing but the order changes with a learning rate of 0";
}

TEST(Labels, AreCheckedInEveryNewBatchWhereverItLies) {
  auto model = two_classes();
  model.train_on_batch(rows(4));
  for (int i = 0; i < 50; ++i)
    expect_error([&] { model.train_on_batch(rows(4, 7)); }, "labels: label 3 is 7, but the model has 2 classes, 0 to 1");
}

TEST(Labels, OutsideOfASliceAreNoErrorOfIt) {
  auto model = two_classes();
  auto data = rows(8, 7);
  EXPECT_NO_THROW(model.train_on_batch(data.slice(0, 7)));
  expect_error([&] { model.train_on_batch(data.slice(4, 4)); }, "label 7 is 7");
}

/// What a loss ignores need not be a class.
TEST(Labels, ThatALossIgnoresCountNothing) {
  const std::vector<float> images = {0.1f, 0.9f, -0.4f, 0.3f, 0.7f, -0.8f, 0.2f, 0.5f};
  for (auto backend : {Backend::reference, Backend::jit})
    for (std::int64_t ignored : {-1, 255}) {
      Sequential model({Dense{.units = 3, .activation = "softmax", .input_shape = {2}}});
      model.set_run_options({.backend = backend, .threads = 1});
      model.compile({.optimizer = SGD{.learning_rate = 0}, .loss = Loss("sparseCategoricalCrossentropy", {.ignore_class = ignored})});
      const auto hidden = static_cast<float>(ignored);
      const auto loss = [&](const std::vector<float>& x, const std::vector<float>& y) {
        return model.train_on_batch(DataSet::from(x, {2}, y, {})).at("loss");
      };
      EXPECT_NEAR(loss(images, {1, hidden, 2, hidden}), loss({images[0], images[1], images[4], images[5]}, {1, 2}), 1e-6);
      expect_error([&] { loss(images, {1, 7, 2, hidden}); },
                   "label 1 is 7, but the model has 3 classes, 0 to 2, and the loss ignores " + std::to_string(ignored));
    }
}

TEST(Stop, InOnEpochEndEndsWithThatEpoch) {
  auto model = two_classes();
  std::atomic<bool> stop{false};
  auto history = model.fit(rows(8), {.batch_size = 4,
                                     .epochs = 5,
                                     .validation_data = rows(4),
                                     .on_epoch_end = [&](std::int64_t epoch, const Logs&) { stop = epoch == 1; },
                                     .stop = &stop});
  EXPECT_TRUE(history.stopped);
  EXPECT_EQ(history.steps.size(), 4u);
  ASSERT_EQ(history.epochs.size(), 2u);
  EXPECT_TRUE(history.epochs.back().contains("val_loss"));
}

TEST(Stop, InOnStepEndEndsWithThatStep) {
  auto model = two_classes();
  std::atomic<bool> stop{false};
  auto history = model.fit(
      rows(8), {.batch_size = 2, .epochs = 5, .on_step_end = [&](std::int64_t step, const Logs&) { stop = step == 3; }, .stop = &stop});
  EXPECT_TRUE(history.stopped);
  EXPECT_EQ(history.steps.size(), 3u);
  ASSERT_EQ(history.epochs.size(), 1u);
  EXPECT_NEAR(history.epochs[0]["loss"], (history.steps[0]["loss"] + history.steps[1]["loss"] + history.steps[2]["loss"]) / 3, 1e-12);
}

TEST(Stop, BeforeTheFirstStepTrainsNothing) {
  auto model = two_classes();
  auto before = values(model);
  std::atomic<bool> stop{true};
  auto history = model.fit(rows(8), {.stop = &stop});
  EXPECT_TRUE(history.stopped && history.steps.empty() && history.epochs.empty());
  EXPECT_EQ(values(model), before);
}

/// One number in, one out.
Sequential line(double learning_rate, Backend backend = Backend::reference) {
  Sequential model({Dense{.units = 1, .use_bias = false, .kernel_initializer = Constant{.value = 0.5}, .input_shape = {1}}});
  model.set_run_options({.backend = backend, .threads = 1});
  model.compile({.optimizer = SGD{.learning_rate = learning_rate}, .loss = "meanSquaredError"});
  return model;
}

DataSet point(float x, float y) { return DataSet::from({x}, {1}, {y}, {1}); }

/// The message of NotFinite and the epochs that it names.
std::pair<std::string, std::int64_t> not_finite(const std::function<void()>& use) {
  try {
    use();
  } catch (const NotFinite& error) {
    return {error.what(), error.good_epochs()};
  }
  return {"no NotFinite", -1};
}

TEST(NotFinite, LossStopsFitAndTheModelIsAsAfterTheLastGoodEpoch) {
  auto good = two_classes(), bad = two_classes();
  good.fit(rows(8), {.batch_size = 1, .epochs = 2});
  auto [message, epochs] = not_finite([&] {
    bad.fit(rows(8), {.batch_size = 1, .epochs = 5, .on_epoch_end = [&](std::int64_t epoch, const Logs&) {
                        if (epoch == 1) bad.set_learning_rate(3e38);
                      }});
  });
  EXPECT_THAT(message, testing::ContainsRegex("^step (1[789]|2[0-4]): (the loss|weight \"[a-z_0-9/]+\") became "));
  EXPECT_THAT(message, HasSubstr("\nthe model is as it was after epoch 2"));
  EXPECT_EQ(epochs, 2);
  EXPECT_EQ(values(bad), values(good));
  // It goes on from there as if nothing had been.
  EXPECT_EQ(bad.fit(rows(8), {.batch_size = 4}).steps, good.fit(rows(8), {.batch_size = 4}).steps);
}

TEST(NotFinite, WeightStopsTheStepWhoseLossIsStillFinite) {
  for (auto backend : {Backend::reference, Backend::jit}) {
    auto model = line(1e30, backend);
    auto [message, epochs] = not_finite([&] { model.fit(point(1, 1e10f), {.epochs = 3}); });
    EXPECT_THAT(message, HasSubstr("step 1: weight \"dense/kernel\" became NaN or infinite"));
    EXPECT_THAT(message, HasSubstr("the model is as it was before this training"));
    EXPECT_EQ(epochs, 0);
    EXPECT_EQ(values(model), (std::vector<Floats>{{0.5f}}));
    EXPECT_THAT(not_finite([&] { model.train_on_batch(point(1, 1e10f)); }).first, HasSubstr("step 1: weight \"dense/kernel\""));
  }
}

TEST(NotFinite, WeightsAreNeverSaved) {
  auto model = line(0.1);
  model.set_weights({{"dense/kernel", {1, 1}, {NAN}}});
  expect_error([&] { model.save("no-such-folder"); }, "no-such-folder: nothing is saved there, as weight \"dense/kernel\" holds NaN");
  EXPECT_THAT(not_finite([&] { model.fit(point(1, 1), {}); }).first, HasSubstr("weight \"dense/kernel\" is NaN or infinite"));
}

TEST(DataSet, ArraysInMemoryAreRowsAndMayHaveNoLabels) {
  const auto data = DataSet::from(DataSet::Array::of({1, 2, 3, 4, 5, 6}, {1, 2}), {});
  EXPECT_EQ(data.size(), 3);
  EXPECT_TRUE(data.labels().empty());
  EXPECT_EQ(data.images().text(5), "6");
}

TEST(DataSet, FromMemoryIsCheckedAgainstItsShape) {
  expect_error([] { DataSet::from(Floats(401), {2}, Floats(200), {}); }, "401 numbers are no whole rows of shape 2");
  expect_error([] { DataSet::Array::of(Floats(7), {2, 2}, "ages"); }, "ages: 7 numbers are no whole rows of shape 2×2, which have 4 each");
  expect_error([] { DataSet::from(Floats(4), {-2}, Floats(2), {}); }, "rows of shape -2; each dimension is at least 1");
  expect_error([] { DataSet::from(Floats(4), {0}, Floats(2), {}); }, "each dimension is at least 1");
  expect_error([] { DataSet::from(Floats{}, {2}, Floats{}, {}); }, "holds no rows");
  auto bytes = [](std::int64_t count, std::vector<std::int64_t> shape, DType dtype = DType::u8, std::size_t begin = 0) {
    return DataSet::from({.shape = std::move(shape), .dtype = dtype, .bytes = Bytes(16), .begin = begin, .count = count, .name = "x"}, {});
  };
  EXPECT_EQ(bytes(4, {4}).size(), 4);
  EXPECT_EQ(bytes(2, {2}, DType::f32).size(), 2);
  expect_error([&] { bytes(50'000'000, {1}); }, "x: 50000000 rows of shape 1 and type u8 are 50000000 bytes, but there are 16");
  expect_error([&] { bytes(-1, {1}); }, "holds no rows");
  expect_error([&] { bytes(1, {3}); }, "are 3 bytes, but there are 16");
  expect_error([&] { bytes(1, {2}, DType::f32); }, "are 8 bytes, but there are 16");
  expect_error([&] { bytes(1, {1}, DType::u8, 17); }, "but there are 0");
  expect_error([&] { bytes(7, {1}, DType::f32, 3); }, "are 28 bytes, but there are 13");
  expect_error([&] { bytes(1, {std::int64_t{1} << 62, 4}); }, "their product fits 63 bits");
  expect_error([&] { bytes(std::int64_t{1} << 40, {1}); }, "at most 4294967296");
}

TEST(DataSet, WithoutImagesIsRefusedByEveryUse) {
  auto model = two_classes();
  for (const auto& [data, message] :
       {std::pair(DataSet(), "the data set is empty"), std::pair(rows(4).slice(2, 0), "images: there are no images among these rows")}) {
    expect_error([&] { model.fit(data, {}); }, message);
    expect_error([&] { model.fit(rows(4), {.validation_data = data}); }, message);
    expect_error([&] { model.train_on_batch(data); }, message);
    expect_error([&] { model.evaluate(data); }, message);
    expect_error([&] { model.predict(data); }, message);
    expect_error([&] { model.gradients(data); }, message);
    expect_error([&] { model.step_input(data); }, message);
  }
}

TEST(Model, MovedFromIsAnErrorUntilAnotherIsAssigned) {
  Model model = two_classes();
  Model taken = std::move(model);
  for (const auto& use : std::vector<std::function<void()>>{
           [&] { model.fit(rows(4), {}); }, [&] { model.predict(rows(4)); }, [&] { model.evaluate(rows(4)); }, [&] { model.compile({}); },
           [&] { model.weights(); }, [&] { model.set_weights({}); }, [&] { model.save("nowhere"); }, [&] { model.prepare(); },
           [&] { model.set_run_options({}); }, [&] { model.set_learning_rate(1); }, [&] { model.topology(); }, [&] { model.training(); },
           [&] { model.output_shape(); }, [&] { model.gradients(rows(4)); }, [&] { model.train_on_batch(rows(4)); }})
    expect_error(use, "this Model was moved from");
  model = std::move(taken);
  EXPECT_NO_THROW(model.train_on_batch(rows(4)));
}

TEST(Functional, MovedFromIsAnErrorUntilAnotherIsAssigned) {
  Functional functional;
  const auto input = functional.input({3});
  Functional taken = std::move(functional);
  for (const auto& use : std::vector<std::function<void()>>{
           [&] { functional.input({3}); }, [&] { functional.apply(Dense{.units = 2}, input); }, [&] { functional.model(input); }})
    expect_error(use, "this Functional was moved from");
  EXPECT_NO_THROW(taken.model(taken.apply(Dense{.units = 2}, input)));
  functional = std::move(taken);
  EXPECT_NO_THROW(functional.input({4}));
}

TEST(Model, OptionsOutOfRangeAreErrors) {
  auto model = two_classes();
  expect_error([&] { model.set_run_options({.threads = -3}); }, "threads -3: must be from 0");
  expect_error([&] { model.set_run_options({.threads = 1 << 20}); }, "threads 1048576: must be from 0");
  expect_error([&] { model.prepare(true, 0); }, "batch size 0");
  expect_error([&] { model.predict(rows(4), -1); }, "batch size -1");
  expect_error([&] { model.evaluate(rows(4), 0); }, "batch size 0");
  expect_error([&] { model.fit(rows(4), {.epochs = 0}); }, "epochs 0");
  expect_error([&] { model.fit(rows(4), {.validation_split = NAN}); }, "validation split nan");
  expect_error([&] { model.set_weights({{"dense/kernel", {3, 4}, Floats(11)}}); }, "has 11 values, its shape 3×4 takes 12");
}

TEST(Model, ValidationDataAreCheckedBeforeTheFirstStep) {
  auto model = two_classes();
  auto before = values(model);
  expect_error([&] { model.fit(rows(8), {.validation_data = rows(4, 7)}); }, "label 3 is 7");
  EXPECT_EQ(values(model), before);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(Model, AForkedProcessStartsThreadsOfItsOwn) {
  auto model = two_classes(Backend::jit);
  auto data = rows(64);
  model.train_on_batch(data);
  auto expected = model.predict(data);
  auto child = fork();
  if (child == 0) {
    alarm(60);
    bool same = model.predict(data) == expected;
    model.train_on_batch(data);
    {
      auto ends_here = std::move(model);
    }
    _exit(same ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(model.predict(data), expected);
}
#endif

/// Training data on which the validation loss of two_classes gets worse from its second epoch on: the labels are the other way round.
FitOptions worse_and_worse(std::int64_t epochs) {
  auto validation = rows(8);
  Floats x(24), y(8);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i) * 0.7f);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<float>(1 - i % 2);
  return {.batch_size = 4, .epochs = epochs, .validation_data = DataSet::from(x, {3}, y, {})};
}

TEST(Callbacks, EarlyStoppingEndsAtTheEndOfAnEpoch) {
  auto model = two_classes();
  auto options = worse_and_worse(50);
  std::int64_t steps = 0, epochs = 0;
  options.on_step_end = [&](std::int64_t, const Logs&) { ++steps; };
  options.on_epoch_end = [&](std::int64_t, const Logs&) { ++epochs; };
  options.callbacks = {EarlyStopping{.patience = 2, .restore_best_weights = true}};
  auto history = model.fit(rows(8), options);
  EXPECT_TRUE(history.stopped);
  EXPECT_LT(epochs, 50);
  EXPECT_EQ(steps, 2 * epochs);
  EXPECT_EQ(history.epochs.size(), epochs);
  double best = history.epochs[0]["val_loss"];
  for (auto& logs : history.epochs) best = std::min(best, logs["val_loss"]);
  EXPECT_EQ(history.epochs[epochs - 3]["val_loss"], best);
  EXPECT_NEAR(model.evaluate(*options.validation_data)["loss"], best, 1e-6);
}

TEST(Callbacks, FunctionsMayStopTraining) {
  auto model = two_classes();
  std::int64_t steps = 0;
  FitOptions options{.batch_size = 4, .epochs = 9, .on_step_end = [&](std::int64_t, const Logs&) { ++steps; }};
  options.on_epoch_end = [&](std::int64_t epoch, const Logs&) {
    if (epoch == 1) model.stop_training();
  };
  auto history = model.fit(rows(8), options);
  EXPECT_TRUE(history.stopped);
  EXPECT_EQ(steps, 4);
  EXPECT_EQ(history.epochs.size(), 2);
  options.on_epoch_end = {};
  options.on_step_end = [&](std::int64_t, const Logs&) {
    if (++steps == 7) model.stop_training();
  };
  EXPECT_TRUE(model.fit(rows(8), options).stopped);
  EXPECT_EQ(steps, 7);
  EXPECT_FALSE(model.fit(rows(8), {.batch_size = 4}).stopped);
}

TEST(Callbacks, NumbersThatAreNotFiniteMayBeAnEnd) {
  auto model = two_classes();
  FitOptions options{.batch_size = 4, .epochs = 9};
  Floats after_second;
  options.on_epoch_end = [&](std::int64_t epoch, const Logs&) {
    if (epoch != 1) return;
    after_second = values(model)[0];
    auto weights = model.weights();
    weights[0].values[0] = NAN;
    model.set_weights(weights);
  };
  options.callbacks = {TerminateOnNaN{}};
  auto history = model.fit(rows(8), options);
  EXPECT_TRUE(history.stopped);
  EXPECT_EQ(history.epochs.size(), 2);
  EXPECT_EQ(values(model)[0], after_second);
}

TEST(Callbacks, TheBestModelIsSaved) {
  auto model = two_classes();
  TemporaryFolder temporary;
  auto options = worse_and_worse(6);
  options.callbacks = {SaveBest{.folder = temporary.path() / "best"}};
  auto history = model.fit(rows(8), options);
  double best = history.epochs[0]["val_loss"];
  for (auto& logs : history.epochs) best = std::min(best, logs["val_loss"]);
  EXPECT_GT(history.epochs.back()["val_loss"], best);
  auto saved = Model::load(temporary.path() / "best", {.backend = Backend::reference});
  EXPECT_NEAR(saved.evaluate(*options.validation_data)["loss"], best, 1e-6);
}

TEST(Callbacks, WhatIsWrongIsSaidBeforeTheFirstStep) {
  auto model = two_classes();
  auto before = values(model);
  auto refuses = [&](const Callback& callback, const std::string& message) {
    expect_error([&] { model.fit(rows(8), {.batch_size = 4, .callbacks = {callback}}); }, message);
  };
  refuses(EarlyStopping{}, "early stopping: there is no \"val_loss\" in the logs, which have loss, acc; there are no data to validate on");
  refuses(EarlyStopping{.monitor = "loss", .patience = -1}, "early stopping: \"patience\" is -1, expected a finite number of at least 0");
  refuses(EarlyStopping{.monitor = "loss", .mode = "best"}, "early stopping: \"mode\" is \"best\"; auto, min, max are known");
  refuses(ReduceLROnPlateau{.monitor = "loss", .factor = 1},
          "reduce-lr: \"factor\" is 1, expected a number from 0 up to, not including, 1");
  refuses(SaveBest{.folder = "/proc/none", .monitor = "loss"}, "/proc/none");
  refuses(CSVLogger{.filename = "/proc/none/log.csv"}, "/proc/none/log.csv: cannot be written");
  refuses(LearningRateScheduler{}, "learning rate scheduler: there is no function");
  expect_error([&] { model.fit(rows(8), {.callbacks = {EarlyStopping{}, SaveBest{.folder = "x"}}}); }, "2 problems");
  EXPECT_EQ(values(model), before);
  model.compile({.metrics = {"truePositives"}});
  refuses(EarlyStopping{.monitor = "truePositives"}, "whether more of \"truePositives\" is better or less is not known; give the mode max");
}

TEST(LearningRates, FollowASchedule) {
  auto model = two_classes();
  model.compile({.optimizer = SGD{.learning_rate = PolynomialDecay{.initial_learning_rate = 1, .decay_steps = 4, .end_learning_rate = 0}}});
  std::vector<double> rates = {model.learning_rate()};
  model.fit(rows(8), {.batch_size = 2, .on_step_end = [&](std::int64_t, const Logs&) { rates.push_back(model.learning_rate()); }});
  EXPECT_THAT(rates, testing::ElementsAre(1, 0.75, 0.5, 0.25, 0));
  auto trained = values(model);
  model.train_on_batch(rows(8));
  EXPECT_EQ(values(model), trained);
  expect_error([&] { model.set_learning_rate(0.5); }, "the learning rate follows a PolynomialDecay and cannot be set");
  expect_error([&] { model.fit(rows(8), {.callbacks = {ReduceLROnPlateau{.monitor = "loss"}}}); }, "the learning rate follows a schedule");
}

TEST(LearningRates, AndAllElseOfAnOptimizerAreSaved) {
  auto model = two_classes();
  const SGD sgd{.learning_rate = CosineDecay{.initial_learning_rate = 0.5, .decay_steps = 9},
                .options = {.gradient_accumulation_steps = 2, .use_ema = true, .ema_overwrite_frequency = 3}};
  model.compile({.optimizer = sgd});
  TemporaryFolder temporary;
  model.save(temporary.path());
  auto loaded = Model::load(temporary.path(), {.backend = Backend::reference});
  EXPECT_EQ(to_json(loaded.training().optimizer), to_json(Optimizer(sgd)));
  for (Model* each : {static_cast<Model*>(&model), &loaded}) each->fit(rows(8), {.batch_size = 2, .epochs = 2, .shuffle = false});
  EXPECT_EQ(values(loaded), values(model));
}

/// Also where nothing was averaged yet.
TEST(LearningRates, AveragesBecomeTheWeightsAtTheEndOfFit) {
  auto model = two_classes();
  model.compile({.optimizer = SGD{.learning_rate = 0.5, .options = {.use_ema = true, .ema_momentum = 1}}});
  auto start = values(model);
  std::atomic<bool> stop{true};
  model.fit(rows(8), {.batch_size = 4, .stop = &stop});
  EXPECT_EQ(values(model), start);
  std::vector<Floats> after_first;
  model.fit(rows(8), {.batch_size = 2, .on_step_end = [&](std::int64_t, const Logs&) {
                        if (after_first.empty()) after_first = values(model);
                      }});
  // An average that keeps all of itself is what the first update made.
  EXPECT_EQ(values(model), after_first);
}

TEST(Regularizers, OrthogonalOnesAreForMatrices) {
  const Regularizer columns{.orthogonal = 0.5, .columns = true};
  // Columns (1, 0) and (3, 4): the cosine is 0.6.
  Sequential model({Dense{.units = 2, .kernel_regularizer = columns, .input_shape = {2}, .name = "d"}});
  model.set_run_options({.backend = Backend::reference});
  model.compile({.loss = "meanSquaredError"});
  model.set_weights({{"d/kernel", {2, 2}, {1, 3, 0, 4}}});
  const auto zeros = DataSet::from({0, 0}, {2}, {0, 0}, {2});
  EXPECT_NEAR(model.evaluate(zeros)["loss"], 0.3, 1e-6);
  TemporaryFolder temporary;
  model.save(temporary.path());
  auto loaded = Model::load(temporary.path(), {.backend = Backend::reference});
  EXPECT_NEAR(loaded.evaluate(zeros)["loss"], 0.3, 1e-6);
  auto refuses = [](const Dense& dense, const std::string& message) {
    expect_error(
        [&] {
          Sequential refused({dense});
          refused.compile({.loss = "meanSquaredError"});
        },
        message);
  };
  refuses({.units = 2, .bias_regularizer = columns, .input_shape = {2}, .name = "d"},
          "layer \"d\" (Dense): OrthogonalRegularizer is for weights that are matrices; this is of shape 2");
  refuses({.units = 2, .activity_regularizer = columns, .input_shape = {2}, .name = "d"}, "OrthogonalRegularizer is for weights");
  refuses({.units = 1, .kernel_regularizer = columns, .input_shape = {2}, .name = "d"}, "OrthogonalRegularizer needs two columns or more");
}

}  // namespace
}  // namespace gradc::test
