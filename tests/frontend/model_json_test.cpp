// Model files as their writers write them.
#include "frontend/model_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "compile/build.h"
#include "frontend/lower.h"
#include "gradc/error.h"
#include "gradc/model.h"
#include "ir/text.h"
#include "support/files.h"

namespace gradc::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

ModelFile read(const json& document) {
  TemporaryFolder folder;
  auto path = folder.path() / "model.json";
  std::ofstream(path) << document.dump();
  return read_model(path);
}

/// The same small functional network with a residual sum, as Keras 2, Keras 3 and tf.js write it.
json keras2() {
  auto conv = [](const char* name) {
    return json{{"name", name},          {"filters", 3},
                {"kernel_size", {3, 3}}, {"padding", "same"},
                {"activation", "relu"},  {"kernel_initializer", {{"class_name", "GlorotUniform"}, {"config", {{"seed", nullptr}}}}}};
  };
  return {
      {"format", "layers-model"},
      {"modelTopology",
       {{"keras_version", "2.15.0"},
        {"backend", "tensorflow"},
        {"model_config",
         {{"class_name", "Functional"},
          {"config",
           {{"name", "model"},
            {"layers",
             {{{"class_name", "InputLayer"},
               {"name", "in"},
               {"inbound_nodes", json::array()},
               {"config", {{"batch_input_shape", {nullptr, 6, 6, 3}}, {"name", "in"}}}},
              {{"class_name", "Conv2D"}, {"name", "conv"}, {"config", conv("conv")}, {"inbound_nodes", {{{"in", 0, 0, json::object()}}}}},
              {{"class_name", "Add"},
               {"name", "add"},
               {"config", {{"name", "add"}}},
               {"inbound_nodes", {{{"conv", 0, 0, json::object()}, {"in", 0, 0, json::object()}}}}},
              {{"class_name", "GlobalAveragePooling2D"},
               {"name", "mean"},
               {"config", {{"name", "mean"}, {"keepdims", false}}},
               {"inbound_nodes", {{{"add", 0, 0, json::object()}}}}},
              {{"class_name", "Dense"},
               {"name", "out"},
               {"config", {{"name", "out"}, {"units", 2}, {"activation", "softmax"}}},
               {"inbound_nodes", {{{"mean", 0, 0, json::object()}}}}}}},
            {"input_layers", {{"in", 0, 0}}},
            {"output_layers", {{"out", 0, 0}}}}}}},
        {"training_config",
         {{"loss", "sparse_categorical_crossentropy"},
          {"metrics", {{"accuracy"}}},
          {"optimizer_config",
           {{"class_name", "Adam"},
            {"config", {{"name", "Adam"}, {"learning_rate", 0.002}, {"beta_1", 0.9}, {"beta_2", 0.99}, {"epsilon", 1e-7}}}}}}}}}};
}

json keras3() {
  auto tensor = [](const char* from, json shape) {
    return json{{"class_name", "__keras_tensor__"},
                {"config", {{"shape", std::move(shape)}, {"dtype", "float32"}, {"keras_history", {from, 0, 0}}}}};
  };
  auto layer = [](const char* class_name, const char* name, json config, json arguments) {
    config["name"] = name;
    config["dtype"] = {{"module", "keras"}, {"class_name", "DTypePolicy"}, {"config", {{"name", "float32"}}}, {"registered_name", nullptr}};
    json nodes = json::array();
    if (!arguments.is_null()) nodes.push_back({{"args", arguments}, {"kwargs", json::object()}});
    return json{{"module", "keras.layers"}, {"class_name", class_name}, {"config", config}, {"registered_name", nullptr}, {"name", name},
                {"inbound_nodes", nodes}};
  };
  json images = {nullptr, 6, 6, 3};
  json initializer = {
      {"module", "keras.initializers"}, {"class_name", "GlorotUniform"}, {"config", {{"seed", nullptr}}}, {"registered_name", nullptr}};
  json conv = {{"filters", 3},         {"kernel_size", {3, 3}}, {"padding", "same"},
               {"activation", "relu"}, {"groups", 1},           {"kernel_initializer", initializer}};
  return {{"format", "layers-model"},
          {"modelTopology",
           {{"keras_version", "3.5.0"},
            {"backend", "tensorflow"},
            {"model_config",
             {{"class_name", "Functional"},
              {"config",
               {{"name", "functional"},
                {"layers",
                 {layer("InputLayer", "in", {{"batch_shape", images}}, nullptr), layer("Conv2D", "conv", conv, {tensor("in", images)}),
                  layer("Add", "add", json::object(), {json::array({tensor("conv", images), tensor("in", images)})}),
                  layer("GlobalAveragePooling2D", "mean", {{"keepdims", false}}, {tensor("add", images)}),
                  layer("Dense", "out", {{"units", 2}, {"activation", "softmax"}}, {tensor("mean", {nullptr, 3})})}},
                {"input_layers", {"in", 0, 0}},
                {"output_layers", {"out", 0, 0}}}}}},
            {"training_config",
             {{"loss", {{"module", "keras.losses"}, {"class_name", "SparseCategoricalCrossentropy"}, {"config", {{"from_logits", false}}}}},
              {"metrics", {"accuracy"}},
              {"optimizer_config",
               {{"module", "keras.optimizers"}, {"class_name", "Adam"}, {"config", {{"learning_rate", 0.002}, {"beta_2", 0.99}}}}}}}}}};
}

std::string graph_text(const ModelFile& file) { return print(build(file.topology, {.training = *file.training}).graph); }

TEST(ModelJson, Keras2Keras3AndTfjsSpellingsMeanTheSameModel) {
  auto two = read(keras2()), three = read(keras3());
  EXPECT_EQ(graph_text(two), graph_text(three));
  EXPECT_EQ(std::get<Adam>(three.training->optimizer).learning_rate, 0.002);
  EXPECT_EQ(std::get<Adam>(three.training->optimizer).beta2, 0.99);
  // What gradc writes is read back as the same model, in the form that tf.js takes.
  TemporaryFolder folder;
  write_model(folder.path(), {three.topology, {}, three.training});
  auto again = read_model(folder.path());
  EXPECT_EQ(graph_text(again), graph_text(three));
  auto text = json::parse(std::ifstream(folder.path() / "model.json"));
  EXPECT_EQ(text["modelTopology"]["config"]["layers"][0]["config"]["batch_input_shape"], json({nullptr, 6, 6, 3}));
  EXPECT_FALSE(text["modelTopology"]["config"]["layers"][0]["config"].contains("batch_shape"));
}

TEST(ModelJson, ASequentialModelMayStartWithAnInputLayerOrNot) {
  json dense = {{"class_name", "Dense"}, {"config", {{"name", "d"}, {"units", 2}}}};
  json with_shape = dense;
  with_shape["config"]["batch_input_shape"] = {nullptr, 3};
  json input = {{"class_name", "InputLayer"}, {"config", {{"batch_shape", {nullptr, 3}}, {"name", "in"}}}};
  auto model = [](json layers) {
    return json{{"modelTopology", {{"class_name", "Sequential"}, {"config", {{"layers", std::move(layers)}}}}}};
  };
  auto a = lower(read(model({with_shape})).topology, {.mode = Mode::predict}),
       b = lower(read(model({input, dense})).topology, {.mode = Mode::predict});
  EXPECT_EQ(print(a.graph), print(b.graph));
  EXPECT_THROW(read(model({dense})), Error);
}

TEST(ModelJson, ConnectionsThatDoNotHoldAreErrors) {
  auto expect_error = [](const std::function<void(json&)>& damage, const char* message) {
    auto model = keras2();
    damage(model["modelTopology"]["model_config"]["config"]);
    try {
      read(model);
      ADD_FAILURE() << "no error: " << message;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(message));
    }
  };
  expect_error([](json& c) { c["layers"][1]["inbound_nodes"][0][0][0] = "nobody"; },
               "layer \"conv\": takes the output of \"nobody\", but there is no such layer");
  expect_error([](json& c) { c["layers"][1]["inbound_nodes"][0][0][0] = "add"; }, "lead back to itself");
  expect_error([](json& c) { c["layers"][2]["name"] = "conv"; }, "layer \"conv\": the name is used twice");
  expect_error([](json& c) { c["output_layers"].push_back({"nobody", 0, 0}); },
               "the output of the model: takes the output of \"nobody\", but there is no such layer");
  expect_error([](json& c) { c["output_layers"].push_back(c["output_layers"][0]); }, "is twice one of the model");
  expect_error([](json& c) { c["input_layers"][0][0] = "nobody"; },
               "the input of the model: takes the output of \"nobody\", but there is no such layer");
}

TEST(ModelJson, AnyDamageToAFileIsAnErrorOrHarmless) {
  // Each value of the document in turn becomes something else; reading it must end in a model or in an Error.
  auto document = keras3();
  auto flat = document.flatten();
  for (const auto& [pointer, value] : flat.items())
    for (const json& other : {json(nullptr), json(-1), json("x"), json::array(), json::object(), json(1e300), json(true)}) {
      auto damaged = document;
      damaged[json::json_pointer(pointer)] = other;
      try {
        auto file = read(damaged);
        build(file.topology, {.training = file.training.value_or(TrainingConfig{}), .kernels = false});
      } catch (const Error&) {
      }
    }
}

TEST(Initializers, HaveTheDistributionsOfTfjs) {
  auto moments = [](const Initializer& initializer, const std::vector<std::int64_t>& shape) {
    auto values = initializer.values(shape, 1, 2);
    double mean = 0, square = 0, largest = 0;
    for (auto v : values) {
      mean += v / static_cast<double>(values.size());
      square += v * v / static_cast<double>(values.size());
      largest = std::max(largest, std::abs(static_cast<double>(v)));
    }
    return std::tuple(mean, std::sqrt(square - mean * mean), largest);
  };
  // A normal cut at two deviations keeps 0.8796 of its deviation.
  auto [mean, deviation, largest] = moments(VarianceScaling{.scale = 2, .mode = "fanIn"}, {5, 5, 8, 100});
  EXPECT_NEAR(mean, 0, 0.002);
  EXPECT_NEAR(deviation, 0.8796 * std::sqrt(2.0 / 200), 0.002);
  EXPECT_LE(largest, 2 * std::sqrt(2.0 / 200) + 1e-6);
  std::tie(mean, deviation, largest) = moments("glorotUniform", {300, 200});
  EXPECT_NEAR(deviation, std::sqrt(2.0 / 500), 0.001);
  EXPECT_LE(largest, std::sqrt(6.0 / 500));
  std::tie(mean, deviation, largest) = moments(RandomNormal{.mean = 1, .stddev = 0.5}, {100, 200});
  EXPECT_NEAR(mean, 1, 0.01);
  EXPECT_NEAR(deviation, 0.5, 0.01);
  auto q = Initializer(Orthogonal{.gain = 2}).values({3, 4, 5}, 1, 1);
  for (int a = 0; a < 5; ++a)
    for (int b = 0; b < 5; ++b) {
      double dot = 0;
      for (int r = 0; r < 12; ++r) dot += q[r * 5 + a] * q[r * 5 + b];
      EXPECT_NEAR(dot, a == b ? 4 : 0, 1e-5);
    }
  EXPECT_EQ(Initializer(Identity{}).values({2, 2}, 0, 0), (std::vector<float>{1, 0, 0, 1}));
  EXPECT_EQ(Initializer("heNormal").values({9, 9}, 7, 1), Initializer("heNormal").values({9, 9}, 7, 1));
  EXPECT_NE(Initializer("heNormal").values({9, 9}, 7, 1), Initializer("heNormal").values({9, 9}, 7, 2));
  EXPECT_EQ(Initializer(RandomNormal{.seed = 3}).values({9}, 7, 1), Initializer(RandomNormal{.seed = 3}).values({9}, 8, 2));
}

}  // namespace
}  // namespace gradc::test
