// gradc against tf.js itself: the same models, weights and batches must give the same predictions, losses, metrics and trained weights.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "backends/reference/step.h"
#include "frontend/lower.h"
#include "frontend/model_json.h"
#include "gradc/error.h"
#include "gradc/model.h"
#include "passes/pipeline.h"
#include "support/files.h"
#include "tests/parity/recorded.h"

namespace gradc::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Runs tests/tfjs/parity.js.
void node(const std::string& arguments) {
  run_command("GRADC_TFJS='" GRADC_TFJS "' node '" GRADC_SOURCE "/tests/tfjs/parity.js' " + arguments);
}

/// Every layer, activation, loss and optimizer that tf.js can train.
TEST(Parity, ModelsMadeByTfjsTrainAsInTfjs) {
  TemporaryFolder temporary;
  auto folder = temporary.path() / "made";
  node("make '" + folder.string() + "'");
  auto models = folders_in(folder);
  EXPECT_EQ(models.size(), 101);
  // Each optimization is off alone for some of the models that run in no other way.
  const auto optional = optional_passes();
  for (std::size_t i = 0; i < models.size(); ++i) {
    auto all = runs_of_model(i);
    const auto& off = optional[i / 3 % optional.size()];
    const auto name = "jit --disable " + off;
    if (i % 3 == 2) all.push_back(test::Run{name.c_str(), {.disable = {off}, .threads = 2}});
    for (const auto& run : all) {
      SCOPED_TRACE(models[i].filename().string() + " on " + run.name);
      EXPECT_THAT(differences(models[i], run.options), testing::IsEmpty());
    }
  }
}

/// The smallest distance between the two largest of a 2×2 pooling window, or of a relu's operand from zero, in a forward pass in double.
double smallest_margin(const Model& model, const std::vector<WeightValues>& weights, const DataSet& batch) {
  auto graph = lower(model.topology(), {.mode = Mode::predict}).graph;
  NamedTensors params, inputs;
  for (const auto& weight : weights) params[weight.name] = {weight.shape, {weight.values.begin(), weight.values.end()}};
  StepInput input{batch.rows(), {{.data = batch.images().data(), .dtype = DType::u8, .elements = 784, .scale = 1.0f / 255}}, {}, 0};
  std::map<ValueId, Tensor> values;
  double margin = 1;
  InterpreterOptions options;
  options.after_op = [&](const Op& op, const std::vector<const Tensor*>&, const std::vector<Tensor*>& results) {
    if (op.kind == OpKind::max_pool) {
      const auto& x = values.at(op.operands[0]);
      auto height = x.dims[1], width = x.dims[2], channels = x.dims[3];
      for (std::int64_t i = 0; i < results[0]->size(); ++i) {
        auto c = i % channels, px = i / channels % (width / 2), py = i / channels / (width / 2) % (height / 2),
             n = i / channels / (width / 2) / (height / 2);
        std::vector<double> window;
        for (int k = 0; k < 4; ++k) window.push_back(x.data[((n * height + 2 * py + k / 2) * width + 2 * px + k % 2) * channels + c]);
        std::sort(window.begin(), window.end());
        if (window[3] > 0 && window[3] > window[2]) margin = std::min(margin, window[3] - window[2]);
      }
    }
    if (op.kind == OpKind::relu)
      for (auto v : values.at(op.operands[0]).data)
        if (v != 0) margin = std::min(margin, std::abs(v));
    values[op.result()] = *results[0];
  };
  interpret(graph, interpreter_inputs(graph, input), params, options);
  return margin;
}

/// The tutorial's model from tf.js's own file: the losses of its first 20 steps within 1e-4, and the weights after them within 1e-3. One of
/// these steps has a pooling window whose two largest differ by 8e-7 (step 11), so the near-tie rule applies: the reference backend, which
/// rounds as tf.js does, must follow tf.js all the way; a jit step whose decision differs is counted and printed, must have such a near
/// tie, and training goes on with the reference's decision.
TEST(Parity, TheTutorialsFirst20StepsAreThoseOfTfjs) {
  fs::path tutorial = GRADC_SOURCE "/tests/models/tutorial";
  auto steps = json::parse(read_file(tutorial / "steps.json"))["steps"];
  auto expected = read_model(tutorial / "after_20_steps").weights;
  auto train = load_data(GRADC_SOURCE "/examples/mnist/data").train;
  auto batch = [&](std::size_t i) { return train.slice(static_cast<std::int64_t>(i) * 64, 64); };
  auto difference = [](const std::vector<WeightValues>& a, const std::vector<WeightValues>& b) {
    double worst = 0;
    for (std::size_t w = 0; w < a.size(); ++w)
      for (std::size_t i = 0; i < a[w].values.size(); ++i)
        worst = std::max(worst, static_cast<double>(std::abs(a[w].values[i] - b[w].values[i])));
    return worst;
  };
  auto expect_step = [&](Logs logs, std::size_t i) {
    EXPECT_NEAR(logs["loss"] / steps[i]["loss"].get<double>(), 1, 1e-4) << "step " << i + 1;
    EXPECT_NEAR(logs["acc"], steps[i]["acc"].get<double>(), 1e-6) << "step " << i + 1;
  };

  auto reference = Model::load(tutorial, {.backend = Backend::reference});
  std::vector<std::vector<WeightValues>> trajectory = {reference.weights()};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    expect_step(reference.train_on_batch(batch(i)), i);
    trajectory.push_back(reference.weights());
  }
  EXPECT_LE(difference(trajectory.back(), expected), 1e-3);

  for (const auto& run : runs()) {
    if (run.options.backend == Backend::reference) continue;
    SCOPED_TRACE(run.name);
    auto model = Model::load(tutorial, run.options);
    int different = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      expect_step(model.train_on_batch(batch(i)), i);
      // Without another decision the backends differ by rounding alone, some 1e-7.
      if (difference(model.weights(), trajectory[i + 1]) <= 1e-5) continue;
      auto margin = smallest_margin(model, trajectory[i], batch(i));
      std::cout << run.name << ": step " << i + 1 << " decides otherwise in a near tie of " << margin << "\n";
      EXPECT_LT(margin, 1e-6) << "step " << i + 1 << " differs without a near tie";
      EXPECT_LE(difference(model.weights(), trajectory[i + 1]), 1e-3);
      model.set_weights(trajectory[i + 1]);
      ++different;
    }
    EXPECT_LE(different, 2);
    EXPECT_LE(difference(model.weights(), expected), 1e-3);
  }
}

/// What gradc saves, tf.js loads, and both predict the same.
TEST(Parity, TfjsLoadsWhatGradcSaves) {
  TemporaryFolder temporary;
  const auto& folder = temporary.path();
  auto check = [&](Model& model, const std::vector<std::int64_t>& shape, const std::string& name) {
    SCOPED_TRACE(name);
    model.save(folder / name);
    Type type{DType::f32, shape};
    std::vector<float> x(5 * type.elements());
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i) * 0.7f);
    std::ofstream(folder / "x.f32", std::ios::binary)
        .write(reinterpret_cast<const char*>(x.data()), static_cast<std::streamsize>(x.size() * 4));
    std::string dims;
    for (auto d : shape) dims += " " + std::to_string(d);
    node("predict '" + (folder / name).string() + "' '" + (folder / "x.f32").string() + "' '" + (folder / "out.f32").string() + "'" + dims);
    auto theirs = read_floats(folder / "out.f32");
    auto ours = model.predict(DataSet::from(x, shape, std::vector<float>(5), {}));
    EXPECT_THAT(ours, testing::Pointwise(testing::FloatNear(1e-5f), theirs));
    // And gradc reads its own file back to the same bits.
    auto again = Model::load(folder / name);
    EXPECT_EQ(again.predict(DataSet::from(x, shape, std::vector<float>(5), {})), ours);
  };
  auto tutorial = Model::load(GRADC_SOURCE "/tests/models/tutorial");
  check(tutorial, {28, 28, 1}, "tutorial");
  auto resnet = Model::load(GRADC_SOURCE "/examples/models/resnet20/model.json");
  check(resnet, {32, 32, 3}, "resnet20");

  Sequential every({
      Conv2D{.filters = 4, .kernel_size = {3, 3}, .padding = "same", .activation = "relu", .input_shape = {8, 8, 2}},
      DepthwiseConv2D{.kernel_size = {3, 3}, .padding = "same", .activation = "tanh"},
      SeparableConv2D{.filters = 3, .kernel_size = {2, 2}, .strides = {2, 2}, .depth_multiplier = 2},
      Conv2DTranspose{.filters = 4, .kernel_size = {3, 3}, .strides = {2, 2}, .padding = "same"},
      BatchNormalization{},
      ReLU{.max_value = 6},
      ZeroPadding2D{.padding = {1, 0, 0, 1}},
      AveragePooling2D{},
      Dropout{.rate = 0.3},
      MaxPooling2D{.pool_size = {2, 2}},
      Flatten{},
      Reshape{.target_shape = {4, 4}},
      Dense{.units = 6, .activation = "gelu", .kernel_initializer = Orthogonal{}},
      Flatten{},
      Dense{.units = 3},
      Softmax{},
  });
  every.compile({.optimizer = Adam{}, .metrics = {"accuracy"}});
  check(every, {8, 8, 2}, "sequential");

  Sequential stateful({InputLayer{.input_shape = {4, 3}, .batch_size = 5}, LSTM{.units = 6, .stateful = true}});
  stateful.compile({});
  check(stateful, {4, 3}, "stateful");

  // What only Keras 3 computes is spelled so that tf.js computes it too.
  auto hard_sigmoid = Model::load(GRADC_SOURCE "/tests/models/keras3/hard_sigmoid.json");
  check(hard_sigmoid, {5}, "hard_sigmoid");

  Functional f;
  auto input = f.input({6, 6, 2});
  auto a = f.apply(Conv2D{.filters = 2, .kernel_size = {3, 3}, .padding = "same"}, input);
  auto sum = f.apply(Add{}, {input, a});
  auto joined = f.apply(Concatenate{}, {sum, f.apply(Activation{.activation = "tanh"}, a)});
  auto functional = f.model(f.apply(Dense{.units = 2, .activation = "softmax"}, f.apply(GlobalAveragePooling2D{}, joined)));
  functional.compile({.metrics = {"accuracy"}});
  check(functional, {6, 6, 2}, "functional");
}

}  // namespace
}  // namespace gradc::test
