// Model and DataSet as C++ programs use them, and misuse them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>

#include "frontend/training_json.h"
#include "gradc/error.h"
#include "gradc/model.h"
#include "runtime/step.h"

namespace gradc::test {
namespace {

using testing::HasSubstr;
using Floats = std::vector<float>;

void expect_error(const std::function<void()>& use, const std::string& message) {
  try {
    use();
    ADD_FAILURE() << "no error: " << message;
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr(message));
  }
}

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

TEST(DataSet, FromMemoryIsCheckedAgainstItsShape) {
  expect_error([] { DataSet::from(Floats(401), {2}, Floats(200), {}); }, "401 numbers are no whole rows of shape 2");
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

}  // namespace
}  // namespace gradc::test
