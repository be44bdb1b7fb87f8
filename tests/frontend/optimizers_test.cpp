// Optimizers against the numbers that Keras's own tests state, against formulas of tf.js, and what their reader refuses.
#include "frontend/optimizers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

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

  explicit UpdateGraph(const Optimizer& optimizer, const std::vector<std::vector<double>>& starts) {
    Builder b(graph);
    for (std::size_t i = 0; i < starts.size(); ++i) {
      auto name = "w" + std::to_string(i);
      Type type{DType::f32, {static_cast<std::int64_t>(starts[i].size())}};
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
    UpdateGraph graph(optimizer, {start});
    for (std::size_t step = 0; step < after.size(); ++step) {
      graph.values.params["g/w0"].data = gradients[step];
      auto jit = run_jit(graph.graph, graph.values, {});
      auto got = graph.step(gradients[step]);
      for (std::size_t i = 0; i < got.size(); ++i) {
        // Keras's assertAllClose with this as rtol and as atol.
        const auto tolerance = facts["tolerance"].get<double>() * (1 + std::abs(after[step][i]));
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
  expect_refused({{"use_ema", true}}, "optimizer Adam: \"use_ema\" is true, which is not supported");
  expect_refused({{"gradient_accumulation_steps", 4}}, "\"gradient_accumulation_steps\" is 4, which is not supported");
  expect_refused({{"centered", true}}, "\"centered\" (true) is not an option of it");
  expect_refused({{"beta_1", 2}}, "\"beta_1\" is 2, expected a number from 0 up to, not including, 1");
  expect_refused({{"epsilon", "small"}}, "\"epsilon\" is \"small\", expected a number");
  expect_refused({{"amsgrad", 1}}, "\"amsgrad\" is 1, expected true or false");
  expect_refused({{"learning_rate", {{"class_name", "ExponentialDecay"}, {"config", json::object()}}}}, "is a \"ExponentialDecay\"");
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
  std::vector<Optimizer> optimizers = {
      SGD{},     SGD{.momentum = 0.5, .nesterov = true}, Adam{.beta1 = 0.5}, RMSProp{.decay = 0.3, .centered = true}, Adadelta{},
      Adagrad{}, Adamax{.options = {.decay = 0.1}}};
  for (const auto& optimizer : optimizers) EXPECT_TRUE(for_tfjs(optimizer)) << to_json(optimizer);
  std::vector<Optimizer> others = {Adam{.amsgrad = true},          Adam{.options = {.rule = UpdateRule::keras}},
                                   Nadam{.schedule_decay = 0.004}, SGD{.options = {.clipnorm = 1, .weight_decay = 0.1, .decay = 0.2}},
                                   Adagrad{.epsilon = 0.1},        RMSProp{.options = {.decay = 0.1, .rule = UpdateRule::keras_legacy}}};
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
  for (Optimizer bad : std::vector<Optimizer>{SGD{.learning_rate = nan}, SGD{.learning_rate = -1}, SGD{.momentum = 1.5}, Adam{.beta2 = 2},
                                              Adam{.epsilon = -1}, RMSProp{.decay = 1.1}, Nadam{.options = {.clipvalue = infinity}}})
    EXPECT_THROW(validate(bad), Error) << to_json(bad);
  Optimizer optimizer = SGD{.learning_rate = 0.25};
  for (double rate : {nan, infinity, -0.1}) EXPECT_THROW(set_learning_rate(optimizer, rate), Error);
  EXPECT_EQ(learning_rate(optimizer), 0.25);
}

}  // namespace
}  // namespace gradc::test
