// Optimizers against the numbers that Keras's own tests state, against formulas of tf.js, and what their reader refuses.
#include "frontend/optimizers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "frontend/training_json.h"
#include "gradc/error.h"
#include "support/files.h"
#include "tests/support/harness.h"

namespace gradc::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

/// Params of these shapes, each with a gradient that is a param of its own.
struct UpdateGraph {
  Graph graph;
  Values values;

  /// All of one dimension, unless `shape` says otherwise.
  UpdateGraph(const Optimizer& optimizer, const std::vector<std::vector<double>>& starts, const std::vector<std::int64_t>& shape = {}) {
    Builder b(graph);
    for (std::size_t i = 0; i < starts.size(); ++i) {
      auto name = "w" + std::to_string(i);
      Type type{DType::f32, shape.empty() ? std::vector<std::int64_t>{static_cast<std::int64_t>(starts[i].size())} : shape};
      values.params[name] = {type.dims, starts[i]};
      values.params["g/" + name] = {type.dims, std::vector<double>(starts[i].size())};
      b.emit_typed(OpKind::param, type, {{"name", name}, {"trainable", std::int64_t{1}}}, name);
      auto gradient = b.emit_typed(OpKind::param, type, {{"name", "g/" + name}, {"trainable", std::int64_t{0}}}, "g/" + name);
      b.emit(OpKind::output, {gradient}, {{"name", "gradient/" + name}});
    }
    for (const auto& state : add_updates(graph, optimizer))
      values.params[state.name] = {state.shape, std::vector<double>(Type{DType::f32, state.shape}.elements(), state.initial)};
  }

  std::vector<double> step(const std::vector<double>& gradient) {
    values.params["g/w0"].data = gradient;
    interpret(graph, values.inputs, values.params);
    return values.params["w0"].data;
  }
};

std::vector<double> steps_of(const Optimizer& optimizer, const std::vector<double>& start,
                             const std::vector<std::vector<double>>& gradients) {
  UpdateGraph graph(optimizer, {start});
  std::vector<double> w;
  for (const auto& gradient : gradients) w = graph.step(gradient);
  return w;
}

TEST(Optimizers, StepAsKerasTestsState) {
  auto facts = json::parse(read_file(GRADC_SOURCE "/tests/frontend/keras_optimizers.json"));
  for (const auto& fact : facts["cases"]) {
    SCOPED_TRACE(fact["optimizer"].dump());
    auto optimizer = optimizer_from_json(fact["optimizer"], UpdateRule::keras);
    std::vector<double> start(10, 1);
    std::vector<std::vector<double>> gradients, after;
    if (fact.contains("golden")) {
      // Ten weights of 1, a first gradient of 0.01 and then of 0.1, 0.2 ... 1.
      for (const auto& row : fact["golden"]) {
        auto values = row.get<std::vector<double>>();
        after.push_back(values.size() == 1 ? std::vector<double>(10, values[0]) : values);
        gradients.push_back(std::vector<double>(10, 0.01));
        for (int i = 0; i < 10 && gradients.size() > 1; ++i) gradients.back()[i] = 0.1 * (i + 1);
      }
    } else {
      start = fact["start"].get<std::vector<double>>();
      gradients = fact["gradients"];
      after = fact["after"];
    }
    UpdateGraph graph(optimizer, {start}, fact.value("shape", std::vector<std::int64_t>{}));
    const auto stated = fact.value("tolerance", facts["tolerance"].get<double>());
    for (std::size_t step = 0; step < after.size(); ++step) {
      graph.values.params["g/w0"].data = gradients[step];
      auto jit = run_jit(graph.graph, graph.values, {});
      auto got = graph.step(gradients[step]);
      for (std::size_t i = 0; i < got.size(); ++i) {
        // Keras's assertAllClose with this as rtol and as atol.
        const auto tolerance = stated * (1 + std::abs(after[step][i]));
        EXPECT_NEAR(got[i], after[step][i], tolerance) << "step " << step << ", weight " << i;
        EXPECT_NEAR(jit.params["w0"].data[i], got[i], 1e-5) << "jit, step " << step << ", weight " << i;
      }
    }
  }
}

TEST(Optimizers, EpsilonStandsWhereTheWriterOfTheFileHasIt) {
  const double g = 1e-3, epsilon = 1e-3;
  json adam = {{"class_name", "Adam"}, {"config", {{"learning_rate", 1}, {"epsilon", epsilon}}}};
  // After one step the corrected moments are g and g²; those that are not are 0.1 g and 0.001 g².
  EXPECT_NEAR(steps_of(optimizer_from_json(adam, UpdateRule::tfjs), {0}, {{g}})[0], -g / (g + epsilon), 1e-9);
  EXPECT_NEAR(steps_of(optimizer_from_json(adam, UpdateRule::keras), {0}, {{g}})[0],
              -std::sqrt(0.001) / 0.1 * (0.1 * g) / (std::sqrt(0.001) * g + epsilon), 1e-9);
  // Optimizers of Keras before 2.11 write "decay".
  json rmsprop = {{"class_name", "RMSprop"}, {"config", {{"learning_rate", 1}, {"rho", 0.9}, {"epsilon", epsilon}}}};
  EXPECT_NEAR(steps_of(optimizer_from_json(rmsprop, UpdateRule::keras), {0}, {{g}})[0], -g / std::sqrt(0.1 * g * g + epsilon), 1e-9);
  rmsprop["config"]["decay"] = 0.0;
  EXPECT_NEAR(steps_of(optimizer_from_json(rmsprop, UpdateRule::keras), {0}, {{g}})[0], -g / (std::sqrt(0.1) * g + epsilon), 1e-9);
  // tf.js's Adadelta divides by the mean of the squares before this step's.
  json adadelta = {{"class_name", "Adadelta"}, {"config", {{"learning_rate", 1}, {"rho", 0.9}, {"epsilon", epsilon}}}};
  EXPECT_NEAR(steps_of(optimizer_from_json(adadelta, UpdateRule::tfjs), {0}, {{g}})[0], -g, 1e-9);
}

TEST(Optimizers, DecayDividesTheRateByTheStepsDone) {
  json sgd = {{"class_name", "SGD"}, {"config", {{"learning_rate", 1}, {"decay", 0.5}}}};
  EXPECT_NEAR(steps_of(optimizer_from_json(sgd, UpdateRule::keras), {0}, {{1}, {1}, {1}})[0], -(1 + 1 / 1.5 + 1 / 2.0), 1e-12);
  // RMSProp's "decay" is rho in tf.js, and in Keras, which has rho besides, it is this.
  auto tfjs = std::get<RMSProp>(optimizer_from_json({{"class_name", "RMSProp"}, {"config", {{"decay", 0.8}}}}, UpdateRule::tfjs));
  EXPECT_EQ(tfjs.decay, 0.8);
  EXPECT_EQ(tfjs.options.decay, 0);
  auto keras =
      std::get<RMSProp>(optimizer_from_json({{"class_name", "RMSprop"}, {"config", {{"rho", 0.7}, {"decay", 0.1}}}}, UpdateRule::keras));
  EXPECT_EQ(keras.decay, 0.7);
  EXPECT_EQ(keras.options.decay, 0.1);
}

TEST(Optimizers, GlobalClipnormIsThatOfAllGradientsTogether) {
  UpdateGraph graph(SGD{.learning_rate = 1, .options = {.global_clipnorm = 1}}, {{0}, {0, 0}});
  graph.values.params["g/w1"].data = {4, 0};
  EXPECT_NEAR(graph.step({3})[0], -0.6, 1e-12);
  EXPECT_NEAR(graph.values.params["w1"].data[0], -0.8, 1e-12);
}

TEST(Optimizers, NoOptionIsIgnored) {
  auto expect_refused = [](json config, const char* message) {
    try {
      optimizer_from_json({{"class_name", "Adam"}, {"config", config}}, UpdateRule::keras);
      ADD_FAILURE() << "no error: " << message;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(message));
    }
  };
  expect_refused({{"use_ema", 1}}, "optimizer Adam: \"use_ema\" is 1, expected true or false");
  expect_refused({{"ema_momentum", 1.5}}, "\"ema_momentum\" is 1.5, expected a number from 0 to 1");
  expect_refused({{"ema_overwrite_frequency", -2}}, "\"ema_overwrite_frequency\" is -2, expected a whole number of at least 1");
  expect_refused({{"gradient_accumulation_steps", 1}}, "\"gradient_accumulation_steps\" is 1, expected a whole number of at least 2");
  expect_refused({{"gradient_accumulation_steps", 2.5}}, "\"gradient_accumulation_steps\" is 2.5, expected a whole number");
  expect_refused({{"centered", true}}, "\"centered\" (true) is not an option of it");
  expect_refused({{"beta_1", 2}}, "\"beta_1\" is 2, expected a number from 0 up to, not including, 1");
  expect_refused({{"epsilon", "small"}}, "\"epsilon\" is \"small\", expected a number");
  expect_refused({{"amsgrad", 1}}, "\"amsgrad\" is 1, expected true or false");
  auto schedule = [](const char* name, json config) {
    return json{{"learning_rate", {{"class_name", name}, {"config", std::move(config)}}}};
  };
  expect_refused(schedule("ExponentialDecay", {{"decay_steps", 3}, {"decay_rate", 1}}),
                 "learning rate ExponentialDecay: \"initial_learning_rate\" is missing");
  expect_refused(schedule("CosineDecay", {{"initial_learning_rate", 1}, {"decay_steps", 0}}),
                 "learning rate CosineDecay: \"decay_steps\" is 0, expected at least 1");
  expect_refused(schedule("PiecewiseConstantDecay", {{"boundaries", {1, 2}}, {"values", {1, 2}}}),
                 "there are 2 \"values\" for 2 \"boundaries\", expected one more than these");
  expect_refused(schedule("PiecewiseConstantDecay", {{"boundaries", {2, 1}}, {"values", {1, 2, 3}}}), "\"boundaries\" have to rise");
  expect_refused(schedule("CosineDecay", {{"initial_learning_rate", 1}, {"decay_steps", 9}, {"warm", 1}}), "\"warm\" (1) is not an option");
  expect_refused(schedule("OneCycle", json::object()), "learning rate schedule \"OneCycle\" is not known; known are ExponentialDecay");
  expect_refused({{"learning_rate", -1}, {"clipnorm", -2}}, "2 problems");
  // As tf.keras 2.12 and Keras 3 write them when nothing is asked for.
  json neutral = {{"name", "adam"},
                  {"learning_rate", 0.5},
                  {"weight_decay", nullptr},
                  {"clipnorm", nullptr},
                  {"use_ema", false},
                  {"ema_momentum", 0.99},
                  {"jit_compile", true},
                  {"ema_overwrite_frequency", nullptr},
                  {"amsgrad", false},
                  {"clipvalue", nullptr},
                  {"epsilon", nullptr},
                  {"global_clipnorm", nullptr},
                  {"loss_scale_factor", nullptr},
                  {"gradient_accumulation_steps", nullptr},
                  {"is_legacy_optimizer", false}};
  auto adam = std::get<Adam>(optimizer_from_json({{"class_name", "Custom>Adam"}, {"config", neutral}}, UpdateRule::keras));
  EXPECT_EQ(adam.learning_rate, 0.5);
  EXPECT_EQ(adam.options.rule, UpdateRule::keras);
}

TEST(Optimizers, WhatIsWrittenIsReadAsTheSame) {
  const OptimizerOptions as_tfjs = {.rule = UpdateRule::tfjs};
  std::vector<Optimizer> optimizers = {SGD{},
                                       SGD{.momentum = 0.5, .nesterov = true, .options = as_tfjs},
                                       Adam{.beta1 = 0.5, .options = as_tfjs},
                                       RMSProp{.decay = 0.3, .centered = true, .options = as_tfjs},
                                       Adadelta{.options = as_tfjs},
                                       Adagrad{.options = as_tfjs},
                                       Adamax{.options = {.decay = 0.1, .rule = UpdateRule::tfjs}}};
  for (const auto& optimizer : optimizers) EXPECT_TRUE(for_tfjs(optimizer)) << to_json(optimizer);
  std::vector<Optimizer> others = {Adam{.amsgrad = true},
                                   Adam{},
                                   SGD{.momentum = 0.5},
                                   Nadam{.schedule_decay = 0.004},
                                   SGD{.options = {.clipnorm = 1, .weight_decay = 0.1, .decay = 0.2}},
                                   SGD{.learning_rate = CosineDecay{.decay_steps = 7, .warmup_target = 0.1, .warmup_steps = 2}},
                                   SGD{.learning_rate = PiecewiseConstantDecay{{3}, {0.1, 0.2}}},
                                   Adam{.options = {.gradient_accumulation_steps = 3}},
                                   Adam{.options = {.use_ema = true, .ema_momentum = 0.5, .ema_overwrite_frequency = 4}},
                                   Adafactor{.epsilon_2 = 0.1},
                                   Muon{.options = {.weight_decay = 0}},
                                   Muon{.exclude_layers = {"a", "b.*"}, .rms_rate = {}},
                                   Adagrad{.epsilon = 0.1},
                                   RMSProp{.options = {.decay = 0.1, .rule = UpdateRule::keras_legacy}}};
  for (const auto& optimizer : others) EXPECT_FALSE(for_tfjs(optimizer)) << to_json(optimizer);
  optimizers.insert(optimizers.end(), others.begin(), others.end());
  for (const auto& optimizer : optimizers) {
    auto written = to_json(optimizer);
    for (auto rule : {UpdateRule::tfjs, UpdateRule::keras})
      if (!for_tfjs(optimizer) || rule == UpdateRule::tfjs) {
        EXPECT_EQ(to_json(optimizer_from_json(written, rule)), written);
      }
  }
}

TEST(Optimizers, NumbersOutOfRangeAreErrorsFromEverySource) {
  const auto nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  for (Optimizer bad :
       std::vector<Optimizer>{SGD{.learning_rate = nan}, SGD{.learning_rate = -1}, SGD{.momentum = 1.5}, Adam{.beta2 = 2},
                              Adam{.epsilon = -1}, RMSProp{.decay = 1.1}, Nadam{.options = {.clipvalue = infinity}},
                              SGD{.options = {.gradient_accumulation_steps = -1}}, Muon{.exclude_layers = {"("}},
                              SGD{.learning_rate = ExponentialDecay{.decay_rate = nan}}, SGD{.learning_rate = PiecewiseConstantDecay{}}})
    EXPECT_THROW(validate(bad), Error) << to_json(bad);
  Optimizer optimizer = SGD{.learning_rate = 0.25};
  for (double rate : {nan, infinity, -0.1}) EXPECT_THROW(set_learning_rate(optimizer, rate), Error);
  EXPECT_EQ(learning_rate(optimizer), 0.25);
}

/// Weights and moments stay as they are in between, and a moment is of means of gradients.
TEST(Optimizers, AccumulatedGradientsAreOneStep) {
  UpdateGraph graph(SGD{.learning_rate = 1, .momentum = 0.5, .options = {.gradient_accumulation_steps = 3}}, {{0}});
  std::vector<double> weights, moments;
  for (double gradient : {1, 2, 6, 3, 3, 3}) {
    weights.push_back(graph.step({gradient})[0]);
    moments.push_back(graph.values.params["optimizer/w0/momentum"].data[0]);
  }
  EXPECT_THAT(weights, testing::ElementsAre(0, 0, -3, -3, -3, -3 - 4.5));
  EXPECT_THAT(moments, testing::ElementsAre(0, 0, 3, 3, 3, 4.5));
}

/// Its average begins elsewhere.
TEST(Optimizers, AveragesOfKeras2AreRefused) {
  json config = {{"optimizer_config", {{"class_name", "SGD"}, {"config", {{"use_ema", true}}}}}};
  EXPECT_THAT(read_training(config, Writer::keras3, {"out"}).problems, testing::IsEmpty());
  EXPECT_THAT(read_training(config, Writer::keras2, {"out"}).problems, testing::ElementsAre(HasSubstr("\"use_ema\" of Keras 2")));
}

TEST(Optimizers, LossScaleOptimizersAreWhatIsInside) {
  json inner = {{"class_name", "Adam"}, {"config", {{"learning_rate", 0.5}, {"beta_1", 0.25}}}};
  json config = {{"name", "scaled"}, {"inner_optimizer", inner}, {"initial_scale", 32768.0}, {"dynamic_growth_steps", 2000}};
  auto read = optimizer_from_json({{"class_name", "LossScaleOptimizer"}, {"config", config}}, UpdateRule::keras);
  EXPECT_EQ(to_json(read), to_json(optimizer_from_json(inner, UpdateRule::keras)));
  config.erase("inner_optimizer");
  EXPECT_THROW(optimizer_from_json({{"class_name", "LossScaleOptimizer"}, {"config", config}}, UpdateRule::keras), Error);
}

}  // namespace
}  // namespace gradc::test
