// One Model in several threads. Built into the tests as they are, and once more with ThreadSanitizer looking at all of runtime/, compile/
// and model/.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "gradc/model.h"

namespace gradc::test {
namespace {

DataSet rows(std::int64_t count) {
  std::vector<float> x(count * 5), y(count);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i) * 0.7f);
  for (std::int64_t i = 0; i < count; ++i) y[i] = static_cast<float>(i % 3);
  return DataSet::from(x, {5}, y, {});
}

Sequential three_classes(double learning_rate) {
  Sequential model({Dense{.units = 7, .activation = "tanh", .input_shape = {5}}, Dense{.units = 3, .activation = "softmax"}});
  model.set_run_options({.threads = 2, .seed = 4});
  model.compile({.optimizer = SGD{.learning_rate = learning_rate}, .metrics = {"accuracy"}});
  return model;
}

void in_threads(int count, const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(work, i);
  for (auto& thread : threads) thread.join();
}

TEST(SharedModel, PredictsAndEvaluatesAtOnceAsOneThreadDoes) {
  auto data = rows(50);
  auto alone = three_classes(0.1), shared = three_classes(0.1);
  auto outputs = alone.predict(data, 16);
  auto logs = alone.evaluate(data, 16);
  std::atomic<int> wrong{0};
  // The first calls compile the steps.
  in_threads(4, [&](int thread) {
    for (int i = 0; i < 100; ++i)
      if (thread % 2 == 0 ? shared.predict(data, 16) != outputs : shared.evaluate(data, 16) != logs) ++wrong;
  });
  EXPECT_EQ(wrong, 0);
}

TEST(SharedModel, TrainsOnceForEachThreadThatAsks) {
  auto data = rows(48);
  auto alone = three_classes(0.1), shared = three_classes(0.1);
  for (int i = 0; i < 3; ++i) alone.fit(data, {.batch_size = 16, .epochs = 2});
  in_threads(3, [&](int) { shared.fit(data, {.batch_size = 16, .epochs = 2}); });
  for (std::size_t i = 0; i < alone.weights().size(); ++i) EXPECT_EQ(alone.weights()[i].values, shared.weights()[i].values);
}

TEST(SharedModel, PredictsWhileItTrains) {
  auto data = rows(48);
  auto model = three_classes(0);  // so that predictions stay the same
  auto expected = model.predict(data);
  std::atomic<bool> trained{false};
  std::atomic<int> predictions{0}, wrong{0};
  in_threads(2, [&](int thread) {
    if (thread == 0) {
      model.fit(data,
                {.batch_size = 4, .epochs = 20, .on_step_end = [&](std::int64_t, const Logs&) { model.gradients(data.slice(0, 4)); }});
      trained = true;
    } else {
      do {
        if (model.predict(data) != expected) ++wrong;
        ++predictions;
      } while (!trained);
    }
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(predictions, 1) << "training leaves turns to others";
}

TEST(SharedModel, ModelsOfTheirOwnAreCompiledAndTrainedAtOnce) {
  auto data = rows(48);
  auto trained = [&] {
    auto model = three_classes(0.1);
    model.fit(data, {.batch_size = 16});
    return model.weights()[0].values;
  };
  auto expected = trained();
  std::atomic<int> wrong{0};
  in_threads(3, [&](int) { wrong += trained() != expected; });
  EXPECT_EQ(wrong, 0);
}

TEST(SharedModel, WeightsAreReadAndSetWhole) {
  auto data = rows(16);
  auto model = three_classes(0);
  auto ones = model.weights(), twos = ones;
  for (auto& weight : ones) std::fill(weight.values.begin(), weight.values.end(), 1.0f);
  for (auto& weight : twos) std::fill(weight.values.begin(), weight.values.end(), 2.0f);
  model.set_weights(ones);
  std::atomic<int> mixed{0};
  in_threads(3, [&](int thread) {
    for (int i = 0; i < 200; ++i) {
      if (thread == 0) model.set_weights(i % 2 == 0 ? twos : ones);
      if (thread == 1) {
        auto first = model.weights();
        for (const auto& weight : first)
          for (auto value : weight.values) mixed += value != first[0].values[0];
      }
      if (thread == 2) model.train_on_batch(data);
    }
  });
  EXPECT_EQ(mixed, 0);
}

}  // namespace
}  // namespace gradc::test
