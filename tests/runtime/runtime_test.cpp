#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <thread>

#include "backends/cache.h"
#include "compile/build.h"
#include "compile/compile_step.h"
#include "compile/tuned.h"
#include "gradc/error.h"
#include "gradc/model.h"
#include "passes/differentiate.h"
#include "passes/simplify.h"
#include "runtime/thread_choice.h"
#include "runtime/thread_pool.h"
#include "support/files.h"
#include "support/processors.h"
#include "tests/support/harness.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Counts every allocation of the process, for "no heap allocation inside a step".
namespace {
std::atomic<std::int64_t> allocations{0};
}
#if !defined(__SANITIZE_ADDRESS__)
extern "C" void* __libc_malloc(std::size_t);
extern "C" void* malloc(std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(bytes);
}
#endif

namespace gradc::test {
namespace {

DataSet random_data(std::int64_t count, const std::vector<std::int64_t>& shape, int classes) {
  Type type{DType::f32, shape};
  std::vector<float> x(count * type.elements()), y(count);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i * i % 1000) * 0.37f);
  for (std::int64_t i = 0; i < count; ++i) y[i] = static_cast<float>(i * 7 % classes);
  return DataSet::from(x, shape, y, {});
}

Sequential small_cnn() {
  Sequential model({
      Conv2D{.filters = 6, .kernel_size = {3, 3}, .activation = "relu", .input_shape = {9, 9, 2}},
      MaxPooling2D{},
      Dropout{.rate = 0.25},
      Flatten{},
      Dense{.units = 4, .activation = "softmax"},
  });
  model.compile({.optimizer = SGD{.learning_rate = 0.05, .momentum = 0.9}, .metrics = {"accuracy"}});
  return model;
}

TEST(Model, TrainsOnRandomDataWithFallingLoss) {
  auto data = random_data(100, {9, 9, 2}, 4);
  for (auto backend : {Backend::jit, Backend::reference}) {
    auto model = small_cnn();
    model.set_run_options({.backend = backend, .threads = 2, .seed = 3});
    auto history = model.fit(data, {.batch_size = 30, .epochs = 12, .validation_split = 0.2});
    EXPECT_EQ(history.steps.size(), 12u * 3);
    EXPECT_EQ(history.epochs.size(), 12u);
    EXPECT_LT(history.epochs.back()["loss"], history.epochs.front()["loss"]);
    EXPECT_TRUE(history.epochs.back().contains("val_loss") && history.epochs.back().contains("val_acc"));
  }
}

/// The topologies that ship as examples, on random data: the loss falls, and the backends agree on the first steps.
class ExampleModels : public testing::TestWithParam<const char*> {};

TEST_P(ExampleModels, TrainOnRandomDataAndAgreeOnEveryBackend) {
  auto path = std::string(GRADC_SOURCE "/examples/models/") + GetParam() + "/model.json";
  auto shape = Model::load(path).topology().inputs[0].shape;
  auto data = random_data(24, shape, 10);
  auto losses = [&](const RunOptions& options, int steps) {
    auto model = Model::load(path, options);
    std::vector<double> result;
    for (int i = 0; i < steps; ++i) result.push_back(model.train_on_batch(data)["loss"]);
    return result;
  };
  auto fused = losses({.threads = 2}, 8);
  EXPECT_LT(fused.back(), fused.front());
  // The first loss is that of the same weights; later ones differ where a relu decided otherwise, which the next test allows for.
  EXPECT_NEAR(losses({.fuse = false, .threads = 2}, 1)[0] / fused[0], 1, 1e-5) << "unfused";
  EXPECT_NEAR(losses({.backend = Backend::reference}, 1)[0] / fused[0], 1, 1e-5) << "reference";
}

/// Loss and every gradient of a whole model, fused and unfused, against the reference in double, by the near-tie rule.
TEST_P(ExampleModels, GradientsAgreeWithTheReference) {
  auto file = read_model(std::string(GRADC_SOURCE "/examples/models/") + GetParam() + "/model.json");
  auto lowered = lower(file.topology, {.loss = file.training->loss});
  differentiate(lowered.graph);
  eliminate_common_subexpressions(lowered.graph);
  Random random(5);
  auto values = random_values(lowered.graph, 5, random);
  for (std::size_t i = 0; i < lowered.weights.size(); ++i) {
    auto initial = lowered.weights[i].initializer.values(lowered.weights[i].shape, 1, static_cast<std::uint32_t>(i));
    values.params[lowered.weights[i].name].data.assign(initial.begin(), initial.end());
  }
  auto& labels = values.inputs["labels"].data;
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = i % 10 == i / 10 * 3 % 10 ? 1 : 0;
  for (bool fuse : {true, false}) expect_agreement(lowered.graph, values, {.fuse = fuse, .threads = 2}, 1e-4);
}

INSTANTIATE_TEST_SUITE_P(All, ExampleModels, testing::Values("mlp", "cifar_cnn", "resnet20", "resnet50_layers"));

TEST(Model, GradientsAreWhatPlainDescentSubtracts) {
  // With normalization and its moving statistics, which asking for gradients must leave alone.
  auto dense = [](std::int64_t units, const char* activation) { return Dense{.units = units, .activation = activation}; };
  Sequential model({Dense{.units = 6, .activation = "relu", .input_shape = {5}}, BatchNormalization{}, dense(3, "softmax")});
  constexpr double kRate = 0.25;
  model.compile({.optimizer = SGD{.learning_rate = kRate}, .loss = "sparseCategoricalCrossentropy"});
  std::vector<float> images, labels;
  for (int i = 0; i < 7 * 5; ++i) images.push_back(static_cast<float>(i * 29 % 31) / 31.0f);
  for (int i = 0; i < 7; ++i) labels.push_back(static_cast<float>(i % 3));
  auto batch = DataSet::from(images, {5}, labels, {});
  auto before = model.weights();
  auto gradients = model.gradients(batch);
  ASSERT_EQ(gradients.size(), 6u);  // two kernels, two biases, gamma, beta
  auto untouched = model.weights();
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(before[i].values, untouched[i].values) << before[i].name;
  model.train_on_batch(batch);
  for (const auto& after : model.weights())
    for (const auto& gradient : gradients) {
      if (gradient.name != after.name) continue;
      auto old = std::find_if(before.begin(), before.end(), [&](const WeightValues& each) { return each.name == after.name; });
      for (std::size_t e = 0; e < after.values.size(); ++e)
        EXPECT_NEAR(after.values[e], old->values[e] - kRate * gradient.values[e], 1e-6) << after.name << " " << e;
    }
}

TEST(Model, RefusesOptimizerNumbersAsFilesDo) {
  auto model = small_cnn();
  const auto nan = std::nan("");
  for (const Optimizer& bad : std::vector<Optimizer>{SGD{.learning_rate = nan}, Adam{.beta2 = 2}, Adam{.epsilon = -1}})
    EXPECT_THROW(model.compile({.optimizer = bad}), Error);
  EXPECT_THROW(model.set_learning_rate(INFINITY), Error);
}

TEST(Model, AnyBatchSizeRunsWithoutCompilingAgain) {
  auto model = small_cnn();
  auto report = model.prepare();
  EXPECT_GT(report.kernels, 0);
  for (std::int64_t batch : {1, 2, 15, 16, 17, 64, 65, 200})
    EXPECT_TRUE(std::isfinite(model.train_on_batch(random_data(batch, {9, 9, 2}, 4))["loss"])) << batch;
}

TEST(Model, DropoutIsTheSameForAnyThreadsAndDiffersFromStepToStep) {
  auto data = random_data(70, {9, 9, 2}, 4);
  std::vector<std::vector<double>> runs;
  for (int threads : {1, 2, 3}) {
    auto model = small_cnn();
    model.set_run_options({.threads = threads, .seed = 9});
    model.set_learning_rate(0);
    runs.emplace_back();
    for (int i = 0; i < 3; ++i) runs.back().push_back(model.train_on_batch(data)["loss"]);
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_EQ(runs[0], runs[2]);
  EXPECT_NE(runs[0][0], runs[0][1]) << "nothing but dropout changes with a learning rate of 0";
  auto model = small_cnn();
  EXPECT_EQ(model.evaluate(data), model.evaluate(data)) << "and none in evaluation";
}

#if !defined(__SANITIZE_ADDRESS__)
TEST(Model, AStepAfterTheFirstAllocatesNothing) {
  auto data = random_data(70, {9, 9, 2}, 4);
  auto topology = small_cnn().topology();
  auto built = build(topology, {});
  Params params;
  for (const auto& weight : built.weights) params.set(weight.name, weight.shape, weight.initializer.values(weight.shape, 1, 1));
  for (const auto& state : built.states) params.fill(state.name, state.shape, 0.01f);
  auto step = compile_step(built.graph, params, {.run = {.threads = 2}});
  StepInput input{
      data.rows(), {{.data = data.images().data(), .elements = 162}}, {{.data = data.labels()[0].array.data(), .classes = 4}}, 1};
  step->run(input);
  auto before = allocations.load();
  for (int i = 0; i < 10; ++i) step->run(input);
  EXPECT_EQ(allocations.load(), before);
  EXPECT_TRUE(std::isfinite(step->scalar("loss")));
}
#endif

TEST(Model, AConvolutionInAsManyGroupsAsChannelsIsDepthwise) {
  auto model_of = [](Layer conv) {
    Sequential model({conv, Flatten{}, Dense{.units = 4, .activation = "softmax", .name = "dense"}});
    model.compile({});
    std::vector<WeightValues> weights;
    for (auto weight : model.weights()) {
      for (std::size_t i = 0; i < weight.values.size(); ++i) weight.values[i] = std::sin(static_cast<float>(i) * 0.9f) * 0.3f;
      weights.push_back(weight);
    }
    model.set_weights(weights);
    return model;
  };
  auto grouped = model_of(Conv2D{.filters = 6, .kernel_size = {3, 2}, .groups = 3, .input_shape = {7, 6, 3}, .name = "conv"});
  auto depthwise = model_of(DepthwiseConv2D{.kernel_size = {3, 2}, .depth_multiplier = 2, .input_shape = {7, 6, 3}, .name = "conv"});
  auto data = random_data(9, {7, 6, 3}, 4);
  EXPECT_EQ(grouped.weights()[0].shape, (std::vector<std::int64_t>{3, 2, 1, 6}));
  EXPECT_EQ(grouped.predict(data), depthwise.predict(data));
  for (int step = 0; step < 3; ++step) EXPECT_EQ(grouped.train_on_batch(data)["loss"], depthwise.train_on_batch(data)["loss"]);
  EXPECT_EQ(grouped.weights()[0].values, depthwise.weights()[0].values);
}

TEST(Model, WrongUseIsAnErrorThatSaysWhatWouldBeRight) {
  auto expect_error = [](const std::function<void()>& use, const char* message) {
    try {
      use();
      ADD_FAILURE() << "no error: " << message;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr(message));
    }
  };
  auto model = small_cnn();
  expect_error([&] { model.train_on_batch(random_data(4, {8, 8, 2}, 4)); }, "images have shape 8×8×2, but the model takes 9×9×2");
  expect_error([&] { model.fit(random_data(4, {9, 9, 2}, 4), {.batch_size = 0}); }, "batch size 0: must be at least 1");
  expect_error([&] { model.fit(random_data(2, {9, 9, 2}, 4), {.validation_split = 0.6}); }, "leaves none");
  expect_error([&] { model.train_on_batch(random_data(9, {9, 9, 2}, 5)); }, "but the model has 4 classes");
  expect_error([&] { Sequential({Dense{.units = 2}}); }, "must say its input shape");
  expect_error([&] { Sequential({Conv2D{.filters = 2, .kernel_size = {3, 3}, .input_shape = {4}}}).compile({}); },
               "layer \"conv2d\" (Conv2D): takes images of rank 3");
  expect_error([&] { Sequential({Conv2D{.filters = 4, .kernel_size = {3, 3}, .groups = 3, .input_shape = {9, 9, 6}}}).compile({}); },
               "groups = 3 does not divide both its 6 input channels and its 4 filters");
  expect_error([&] { small_cnn().compile({.loss = "mse", .metrics = {"f1"}}); }, "metric \"f1\" is not known");
  expect_error([&] { model.set_weights({{"dense/kernel", {3, 3}, std::vector<float>(9)}}); }, "has shape 3×3");
}

TEST(ThreadPool, RunsEveryThreadAndKeepsBarriers) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    struct Shared {
      ThreadPool& pool;
      int threads = 0;
      std::atomic<int> before{0}, wrong{0};
    } shared{pool};
    for (int round = 0; round < 1000; ++round) {
      // Runs of fewer threads between those of all.
      shared.threads = 1 + round * 7 % threads;
      shared.before = 0;
      pool.run(
          shared.threads,
          [](void* data, int thread) {
            auto& s = *static_cast<Shared*>(data);
            ++s.before;
            s.pool.barrier(s.threads);
            if (s.before != s.threads || thread >= s.threads) ++s.wrong;
            s.pool.barrier(s.threads);
          },
          &shared);
      ASSERT_EQ(shared.before, shared.threads);
    }
    EXPECT_EQ(shared.wrong, 0) << threads;
  }
}

/// Threads of this process.
int thread_count() {
  std::ifstream status("/proc/self/status");
  int count = 0;
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("Threads:")) count = std::stoi(line.substr(8));
  return count;
}

TEST(ThreadPool, OfTheProcessGrowsAndIsShared) {
  const auto before = thread_count();
  auto two = ThreadPool::of_process(2, false), five = ThreadPool::of_process(5, false), three = ThreadPool::of_process(3, false);
  EXPECT_EQ(two, five);
  EXPECT_EQ(two, three);
  EXPECT_NE(two, ThreadPool::of_process(2, true));
  std::atomic<int> ran{0};
  auto count = [](void* data, int) { ++*static_cast<std::atomic<int>*>(data); };
  two->run(5, count, &ran);
  EXPECT_EQ(ran, 5);
  EXPECT_EQ(thread_count(), before + 4);
  two.reset(), five.reset(), three.reset();
  EXPECT_EQ(thread_count(), before);
}

TEST(ThreadPool, RunsOfSeveralCallersTakeTurnsAndThoseOfOneThreadDoNotWait) {
  ThreadPool pool(2);
  struct Shared {
    ThreadPool& pool;
    std::atomic<int> inside{0}, overlapping{0}, alone{0};
  } shared{pool};
  auto together = [](void* data, int thread) {
    auto& s = *static_cast<Shared*>(data);
    if (thread == 0 && ++s.inside > 1) ++s.overlapping;
    s.pool.barrier(2);
    // A run of one thread within this one: waiting for a turn would never end.
    if (thread == 0) s.pool.run(1, [](void* of, int) { ++static_cast<Shared*>(of)->alone; }, data);
    s.pool.barrier(2);
    if (thread == 0) --s.inside;
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i)
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) pool.run(2, together, &shared);
    });
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(shared.overlapping, 0);
  EXPECT_EQ(shared.alone, 600);
}

TEST(Model, FortyShareOneThreadPool) {
  const auto before = thread_count();
  std::vector<Sequential> models;
  const auto data = DataSet::from(std::vector<float>(8 * 4, 0.5f), {4}, std::vector<float>(8), {});
  for (int i = 0; i < 40; ++i) {
    auto& model = models.emplace_back(Sequential({Dense{.units = 3, .input_shape = {4}}}));
    model.predict(data);
  }
  EXPECT_LT(thread_count(), before + available_processors());
}

TEST(ThreadPool, ProcessorsAreThoseOfTheAffinityMaskUnlessTheEnvironmentSaysHowMany) {
  const char* given = std::getenv("GRADC_PROCESSORS");
  const std::string before = given == nullptr ? "" : given;
  setenv("GRADC_PROCESSORS", "7", 1);
  EXPECT_EQ(available_processors(), 7);
  setenv("GRADC_PROCESSORS", "", 1);
  cpu_set_t all, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(available_processors(), 1);
  sched_setaffinity(0, sizeof all, &all);
  EXPECT_LE(available_processors(), CPU_COUNT(&all));
  setenv("GRADC_PROCESSORS", before.c_str(), 1);
}

TEST(ThreadPool, AWrongNumberOfProcessorsIsAnErrorOfThePool) {
  const char* given = std::getenv("GRADC_PROCESSORS");
  const std::string before = given == nullptr ? "" : given;
  setenv("GRADC_PROCESSORS", "many", 1);
  EXPECT_THROW(ThreadPool(2), Error);
  setenv("GRADC_PROCESSORS", before.c_str(), 1);
}

TEST(ThreadPool, PinsItsThreadsAndNotTheCaller) {
  cpu_set_t mask;
  ASSERT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
  const int processors = CPU_COUNT(&mask);
  ThreadPool pool(processors, true);
  std::vector<int> counts(processors), which(processors);
  struct Shared {
    std::vector<int>&counts, &which;
  } shared{counts, which};
  pool.run(
      processors,
      [](void* data, int thread) {
        auto& s = *static_cast<Shared*>(data);
        cpu_set_t own;
        sched_getaffinity(0, sizeof own, &own);
        s.counts[thread] = CPU_COUNT(&own);
        s.which[thread] = sched_getcpu();
      },
      &shared);
  EXPECT_EQ(counts[0], processors);
  for (int i = 1; i < processors; ++i) {
    EXPECT_EQ(counts[i], 1);
    for (int j = 1; j < i; ++j) EXPECT_NE(which[i], which[j]);
  }
}

TEST(ThreadChoice, SettlesOnTheFastestNumberOfThreads) {
  auto settle = [](ThreadChoice& choice, std::int64_t images, auto seconds) {
    int runs = 0;
    for (; choice.undecided(images); ++runs) choice.took(images, seconds(choice.threads(images)) * (runs == 3 ? 100 : 1));
    EXPECT_LT(runs, 60);
    return choice.threads(images);
  };
  ThreadChoice choice(8);
  // Work that threads share, and 2 µs for waking each of them.
  auto step = [](double work) { return [work](int threads) { return work / threads + 2e-6 * (threads - 1); }; };
  EXPECT_EQ(settle(choice, 1, step(1e-6)), 1);
  EXPECT_EQ(settle(choice, 64, step(20e-6)), 4);
  EXPECT_EQ(settle(choice, 1024, step(2e-3)), 8);
  EXPECT_FALSE(choice.undecided(65)) << "as for 64";
  EXPECT_TRUE(choice.undecided(128));
  EXPECT_FALSE(ThreadChoice(1).undecided(1)) << "there is nothing to choose from";
}

#if defined(__x86_64__)
TEST(ThreadPool, FlushesDenormalsOnEveryThreadAndRestoresTheCaller) {
  ThreadPool pool(3);
  auto before = _mm_getcsr();
  _mm_setcsr(before | 0x6000u);  // round toward zero: the caller's own choice
  std::atomic<int> flushing{0};
  pool.run(3, [](void* data, int) { *static_cast<std::atomic<int>*>(data) += (_mm_getcsr() & 0x8040u) == 0x8040u; }, &flushing);
  EXPECT_EQ(flushing, 3);
  EXPECT_EQ(_mm_getcsr(), before | 0x6000u);
  _mm_setcsr(before);
}
#endif

TEST(KernelCache, StaysWithinItsLimitAndDropsWhatWasUnusedForLongest) {
  namespace fs = std::filesystem;
  TemporaryFolder temporary;
  const auto& folder = temporary.path();
  KernelCache cache(folder, nullptr, 10000);
  auto now = fs::file_time_type::clock::now();
  for (int i = 0; i < 20; ++i) {
    auto key = "key" + std::to_string(i);
    cache.store(key, std::string(1000, static_cast<char>('a' + i)));
    cache.trim();
    if (fs::exists(folder / (key + ".o"))) fs::last_write_time(folder / (key + ".o"), now - std::chrono::hours(100 - i));
    std::uintmax_t total = 0;
    for (const auto& entry : fs::directory_iterator(folder)) total += entry.file_size();
    EXPECT_LE(total, 10000u) << i;
  }
  EXPECT_FALSE(cache.find("key0"));
  EXPECT_EQ(cache.find("key19"), std::string(1000, 'a' + 19));
}

TEST(Tuned, CandidatesAreKeptUntilForgottenAndOthersAreNotBelieved) {
  TemporaryFolder folder;
  KernelCache cache(folder.path(), nullptr);
  EXPECT_EQ(tuned_candidate(cache, "code"), 0);
  keep_candidate(cache, "code", 5);
  EXPECT_EQ(tuned_candidate(cache, "code"), 5);
  EXPECT_EQ(tuned_candidate(cache, "other"), 0);
  keep_candidate(cache, "code", kMostCandidates);
  EXPECT_EQ(tuned_candidate(cache, "code"), 0);
  cache.store("code-tuned", "fast");
  EXPECT_EQ(tuned_candidate(cache, "code"), 0);
  keep_candidate(cache, "code", 3);
  keep_candidate(cache, "code", 0);
  EXPECT_EQ(tuned_candidate(cache, "code"), 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(DataSet, ShufflesBySeedAndSlices) {
  auto data = random_data(100, {2}, 3);
  EXPECT_EQ(data.shuffled(1).rows(), data.shuffled(1).rows());
  EXPECT_NE(data.shuffled(1).rows(), data.shuffled(2).rows());
  auto rows = data.shuffled(5).rows();
  std::sort(rows.begin(), rows.end());
  EXPECT_EQ(rows, data.rows());
  EXPECT_EQ(data.slice(90, 20).size(), 10);
  EXPECT_EQ(data.slice(30, 20).rows().front(), 30u);
}

TEST(DataSet, MnistIsWhatItIs) {
  auto [train, test] = load_data(GRADC_SOURCE "/examples/mnist/data");
  EXPECT_EQ(train.size(), 60000);
  EXPECT_EQ(test.size(), 10000);
  EXPECT_EQ(train.images().dtype, DType::u8) << "images stay bytes";
  EXPECT_EQ(train.images().bytes.size() - train.images().begin, 60000u * 784);
  EXPECT_EQ(train.labels()[0].array.data()[0], 5);
  EXPECT_EQ(test.labels()[0].array.data()[0], 7);
}

}  // namespace
}  // namespace gradc::test
