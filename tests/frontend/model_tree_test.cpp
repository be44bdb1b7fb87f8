// Models inside of models, shared layers, and what stands around a model in a file.
#include "frontend/model_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "compile/build.h"
#include "frontend/names.h"
#include "gradc/error.h"
#include "gradc/model.h"
#include "ir/text.h"
#include "support/files.h"

namespace gradc::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

ModelFile read_text(const std::string& text) {
  TemporaryFolder folder;
  std::ofstream(folder.path() / "model.json") << text;
  return read_model(folder.path());
}
ModelFile read(const json& document) { return read_text(document.dump()); }

Model load(const json& document, const RunOptions& options = {.backend = Backend::reference}) {
  TemporaryFolder folder;
  std::ofstream(folder.path() / "model.json") << document.dump();
  return Model::load(folder.path(), options);
}

std::string message_of(const std::function<void()>& work) {
  try {
    work();
    return "no error";
  } catch (const Error& error) {
    return error.what();
  }
}

json dense(const char* name, int units, json more = json::object()) {
  more.update({{"name", name}, {"units", units}});
  return {{"class_name", "Dense"}, {"config", more}};
}
json taking(const char* name, int units, int inputs) { return dense(name, units, {{"batch_input_shape", {nullptr, inputs}}}); }
json sequential(const char* name, json layers) { return {{"class_name", "Sequential"}, {"config", {{"name", name}, {"layers", layers}}}}; }
json used_by(json layer, json nodes) {
  layer["name"] = layer["config"]["name"];
  layer["inbound_nodes"] = std::move(nodes);
  return layer;
}
json input(const char* name, json shape) {
  return used_by({{"class_name", "InputLayer"}, {"config", {{"name", name}, {"batch_input_shape", shape}}}}, json::array());
}
json functional(const char* name, json layers, const char* in, const char* out) {
  return {{"class_name", "Functional"},
          {"config", {{"name", name}, {"layers", layers}, {"input_layers", {{in, 0, 0}}}, {"output_layers", {{out, 0, 0}}}}}};
}
json one(const char* from, int call = 0) { return json::array({json::array({from, call, 0, json::object()})}); }

std::vector<std::string> names_of(const Topology& topology) {
  std::vector<std::string> names;
  for (const auto& node : topology.layers) names.push_back(node.name);
  return names;
}
std::vector<std::string> metrics_of(const ModelFile& file) {
  std::vector<std::string> names;
  for (const auto& metric : file.training->metrics) names.push_back(metric.name);
  return names;
}
std::vector<std::string> weights_of(Model& model) {
  std::vector<std::string> names;
  for (const auto& weight : model.weights()) names.push_back(weight.name);
  return names;
}

/// A sequence of two sequences, as in files of Teachable Machine.
json nested() {
  return {{"modelTopology", sequential("s", {sequential("a", {taking("d1", 5, 4)}), sequential("b", {taking("d2", 3, 5)})})}};
}

/// x -> twice -> tower -> + -> twice -> out, with another tower from x to the sum.
json shared() {
  auto tower =
      functional("tower", {input("t", {nullptr, 4}), used_by(dense("inside", 4, {{"activation", "tanh"}}), {one("t")})}, "t", "inside");
  json sum = {{"class_name", "Add"}, {"config", {{"name", "sum"}}}};
  return {{"modelTopology", functional("whole",
                                       {input("x", {nullptr, 4}), used_by(dense("twice", 4), {one("x"), one("sum")}),
                                        used_by(tower, {one("twice"), one("x")}),
                                        used_by(sum, {json::array({{"tower", 0, 0, json::object()}, {"tower", 1, 0, json::object()}})}),
                                        used_by(dense("out", 3, {{"activation", "softmax"}}), {one("twice", 1)})},
                                       "x", "out")}};
}

TEST(ModelTree, ModelsInsideOfModelsAreInlined) {
  auto file = read(nested());
  EXPECT_THAT(names_of(file.topology), testing::ElementsAre("d1", "d2"));
  EXPECT_TRUE(file.topology.sequential);
  auto flat = read({{"modelTopology", sequential("s", {taking("d1", 5, 4), dense("d2", 3)})}});
  EXPECT_EQ(print(lower(file.topology, {.mode = Mode::predict}).graph), print(lower(flat.topology, {.mode = Mode::predict}).graph));
}

TEST(ModelTree, ASaveKeepsModelsInsideOfModelsAndTheNamesOfTheirWeights) {
  for (const auto& document : {nested(), shared()}) {
    auto model = load(document);
    TemporaryFolder folder;
    model.save(folder.path());
    auto written = json::parse(std::ifstream(folder.path() / "model.json"));
    auto before = document["modelTopology"]["config"]["layers"], after = written["modelTopology"]["config"]["layers"];
    ASSERT_EQ(after.size(), before.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
      EXPECT_EQ(after[i]["config"]["name"], before[i]["config"]["name"]);
      EXPECT_EQ(after[i].value("inbound_nodes", json()).size(), before[i].value("inbound_nodes", json()).size());
      EXPECT_EQ(after[i]["config"].contains("layers"), before[i]["config"].contains("layers"));
    }
    auto again = Model::load(folder.path(), {.backend = Backend::reference});
    EXPECT_EQ(weights_of(again), weights_of(model));
    auto data = DataSet::from({1, -2, 3, -4}, {4}, {0}, {1});
    EXPECT_EQ(again.predict(data), model.predict(data));
  }
}

TEST(ModelTree, LayersAndModelsUsedTwiceHaveOneSetOfWeightsWhoseGradientsAddUp) {
  auto file = read(shared());
  EXPECT_THAT(names_of(file.topology), testing::UnorderedElementsAre("x", "twice", "twice/2", "inside", "inside/2", "sum", "out"));
  auto document = shared();
  document["trainingConfig"] = {{"loss", "mean_squared_error"}, {"optimizer_config", {{"class_name", "SGD"}, {"config", json::object()}}}};
  auto data = DataSet::from({1, -2, 0.5, -1, 0.3f, 0.2f, -0.7f, 0.1f}, {4}, {1, 0, 0, 0, 1, 0}, {3});
  for (auto backend : {Backend::reference, Backend::jit}) {
    auto model = load(document, {.backend = backend, .threads = 1});
    EXPECT_THAT(weights_of(model),
                testing::UnorderedElementsAre("twice/kernel", "twice/bias", "inside/kernel", "inside/bias", "out/kernel", "out/bias"));
    auto gradients = model.gradients(data);
    auto weights = model.weights();
    for (const auto& gradient : gradients)
      for (std::size_t i = 0; i < gradient.values.size(); i += 3) {
        auto loss_at = [&](float shift) {
          auto moved = weights;
          for (auto& weight : moved)
            if (weight.name == gradient.name) weight.values[i] += shift;
          model.set_weights(moved);
          return model.evaluate(data)["loss"];
        };
        constexpr float kShift = 1e-2f;
        EXPECT_NEAR((loss_at(kShift) - loss_at(-kShift)) / (2 * kShift), gradient.values[i], 2e-4) << gradient.name << " " << i;
      }
  }
}

TEST(ModelTree, UsesOfModelsAreCountedFromOneInTfjsAndKeras2) {
  auto from_one = shared();
  auto& sum = from_one["modelTopology"]["config"]["layers"][3]["inbound_nodes"][0];
  sum[0][1] = 1;
  sum[1][1] = 2;
  EXPECT_EQ(print(lower(read(from_one).topology, {.mode = Mode::predict}).graph),
            print(lower(read(shared()).topology, {.mode = Mode::predict}).graph));
  for (const auto& [version, first] : {std::pair("2.15.0", 1), {"tfjs-layers 4.22.0", 1}, {"3.15.1", 0}}) {
    from_one["modelTopology"]["keras_version"] = version;
    auto written = write_topology(read(from_one).topology);
    EXPECT_EQ(written["config"]["layers"][3]["inbound_nodes"][0][0][1], first) << version;
  }
}

TEST(ModelTree, ALayerUsedForInputsOfTwoShapesIsAnError) {
  json document = {{"modelTopology", functional("whole",
                                                {input("x", {nullptr, 4}), used_by(dense("twice", 5), {one("x"), one("twice")}),
                                                 used_by(dense("out", 3), {one("twice", 1)})},
                                                "x", "out")}};
  EXPECT_THAT(message_of([&] { load(document); }),
              HasSubstr("layer \"twice/2\" (Dense): is used for inputs of two shapes: its kernel is 4×5 in one use and 5×5 in another"));
}

TEST(ModelTree, NamesThatSeveralModelsGiveAreToldApartByTheModels) {
  json document = {{"modelTopology", sequential("s", {sequential("a", {taking("d", 5, 4)}), sequential("b", {taking("d", 3, 5)})})}};
  auto model = load(document);
  EXPECT_THAT(weights_of(model), testing::ElementsAre("a/d/kernel", "a/d/bias", "b/d/kernel", "b/d/bias"));
}

TEST(ModelTree, AModelCalledWithoutTrainingPredictsInKeras2AndTrainsInKeras3AndTfjs) {
  json norm = {{"class_name", "BatchNormalization"},
               {"config", {{"name", "norm"}, {"momentum", 0.5}, {"batch_input_shape", {nullptr, 1}}}}};
  auto base = used_by(sequential("base", {norm}), {one("x")});
  base["inbound_nodes"][0][0][3] = {{"training", false}};
  auto topology = functional("whole", {input("x", {nullptr, 1}), base, used_by(dense("out", 1), {one("base")})}, "x", "out");
  for (const auto& [version, moving_mean] : {std::pair("2.15.0", 0.0f), {"3.15.1", 1.25f}, {"tfjs-layers 4.22.0", 1.25f}}) {
    topology["keras_version"] = version;
    auto model = load({{"modelTopology", topology}});
    model.compile({.loss = "mse"});
    model.train_on_batch(DataSet::from({1, 2, 3, 4}, {1}, {2, 4, 6, 8}, {1}));
    for (const auto& weight : model.weights()) {
      if (weight.name != "norm/moving_mean") continue;
      EXPECT_EQ(weight.values[0], moving_mean) << version;
    }
  }
}

TEST(ModelTree, ConnectionsThatLeadNowhereAreErrors) {
  auto expect = [&](const std::function<void(json&)>& damage, const char* message) {
    auto document = shared();
    damage(document["modelTopology"]["config"]);
    EXPECT_THAT(message_of([&] { load(document); }), HasSubstr(message));
  };
  expect([](json& c) { c["layers"][4]["inbound_nodes"][0][0][1] = 7; },
         "layer \"out\": takes output 0 of use 7 of \"twice\", but there is no such output");
  expect([](json& c) { c["layers"][2]["config"]["output_layers"][0][0] = "nobody"; }, "\"nobody\", but there is no such layer");
  expect([](json& c) { c["layers"][1]["inbound_nodes"][0][0][0] = "tower"; }, "lead back to itself");
  expect([](json& c) { c["layers"][2]["inbound_nodes"][0].push_back({"x", 0, 0, json::object()}); },
         "model \"tower\": takes 1 inputs, got 2");
  expect([](json& c) { c["layers"][1]["inbound_nodes"][0][0][3] = {{"training", true}}; }, "is called with \"training\" = true");
}

TEST(ModelFile, ABareToJsonOfKerasIsAModel) {
  auto topology = sequential("s", {taking("d", 3, 4)});
  topology.update({{"keras_version", "2.4.0"}, {"backend", "tensorflow"}});
  auto file = read(topology);
  EXPECT_EQ(file.topology.writer, Writer::keras2);
  EXPECT_FALSE(file.training);
  // What Keras 3 compiled the model with.
  topology["keras_version"] = "3.15.1";
  topology["compile_config"] = {
      {"optimizer",
       {{"module", "keras.optimizers"}, {"class_name", "Adam"}, {"config", {{"learning_rate", 0.25}}}, {"registered_name", nullptr}}},
      {"loss", "mean_squared_error"},
      {"loss_weights", nullptr},
      {"metrics", {"mae"}},
      {"weighted_metrics", nullptr},
      {"run_eagerly", false},
      {"steps_per_execution", 1},
      {"jit_compile", true}};
  file = read(topology);
  ASSERT_TRUE(file.training);
  EXPECT_THAT(file.training->problems, testing::IsEmpty());
  EXPECT_EQ(file.training->writer, Writer::keras3);
  EXPECT_EQ(file.training->loss.name, "mean_squared_error");
  EXPECT_EQ(learning_rate(file.training->optimizer), 0.25);
  EXPECT_THAT(metrics_of(file), testing::ElementsAre("mae"));
}

/// A model of one output that is trained so.
json trained(const json& training) { return {{"modelTopology", sequential("m", {taking("out", 3, 4)})}, {"trainingConfig", training}}; }

TEST(ModelFile, LossesAndMetricsMayBeObjectsListsAndWrappers) {
  json adam = {{"class_name", "Custom>Adam"}, {"config", {{"learning_rate", 0.5}}}};
  json wrapper = {{"class_name", "MeanMetricWrapper"},
                  {"config", {{"name", "accuracy"}, {"dtype", "float32"}, {"fn", "categorical_accuracy"}}}};
  auto file = read(trained({{"loss", {{"out", "mean_squared_error"}}}, {"metrics", {{"out", {"mae"}}}}, {"optimizer_config", adam}}));
  EXPECT_THAT(file.training->problems, testing::IsEmpty());
  EXPECT_EQ(file.training->loss.name, "mean_squared_error");
  EXPECT_THAT(metrics_of(file), testing::ElementsAre("mae"));
  EXPECT_EQ(learning_rate(file.training->optimizer), 0.5);
  for (const auto& none : {json::object(), json::array(), json()})
    EXPECT_THAT(read(trained({{"loss", "mse"}, {"metrics", none}})).training->metrics, testing::IsEmpty());
  file = read(trained({{"loss", {"mse"}}, {"metrics", {{wrapper}}}}));
  EXPECT_THAT(metrics_of(file), testing::ElementsAre("categorical_accuracy"));
  EXPECT_THAT(file.training->problems, testing::IsEmpty());
}

TEST(ModelFile, PredictsWithoutTheTrainingConfigurationThatItNames) {
  auto model = load(trained({{"loss", "no_such_loss"},
                             {"metrics", {"f1"}},
                             {"optimizer_config", {{"class_name", "ScheduleFreeAdamW"}, {"config", json::object()}}}}));
  EXPECT_EQ(model.predict(DataSet::from({1, 2, 3, 4}, {4}, {0}, {1})).size(), 3);
  auto all = AllOf(HasSubstr("3 problems"), HasSubstr("\"no_such_loss\""), HasSubstr("\"f1\""), HasSubstr("\"ScheduleFreeAdamW\""));
  EXPECT_THAT(message_of([&] { model.expect_trainable(); }), all);
  EXPECT_THAT(message_of([&] { model.evaluate(DataSet::from({1, 2, 3, 4}, {4}, {1, 2, 3}, {3})); }), HasSubstr("\"no_such_loss\""));
  model.compile({.loss = "mse"});
  EXPECT_GT(model.evaluate(DataSet::from({1, 2, 3, 4}, {4}, {1, 2, 3}, {3}))["loss"], 0);
}

TEST(ModelFile, AllItsProblemsAreInOneMessage) {
  json document = {{"modelTopology", sequential("m", {dense("first", 3, {{"batch_input_shape", {nullptr, nullptr, 4}}}),
                                                      {{"class_name", "Hashing"}, {"config", {{"name", "memory"}}}}})},
                   {"trainingConfig", {{"optimizer_config", {{"class_name", "ScheduleFreeAdamW"}, {"config", json::object()}}}}}};
  EXPECT_THAT(message_of([&] { load(document); }), AllOf(HasSubstr("3 problems"), HasSubstr("batch_input_shape is [null,null,4]"),
                                                         HasSubstr("layer \"memory\" (Hashing)"), HasSubstr("\"ScheduleFreeAdamW\"")));
}

TEST(ModelFile, AnOptionThatNobodyReadsIsAnError) {
  auto expect = [](json config, const char* message) {
    config["batch_input_shape"] = {nullptr, 4};
    EXPECT_THAT(message_of([&] { load({{"modelTopology", sequential("m", {dense("d", 3, config)})}}); }), HasSubstr(message));
  };
  expect({{"trainable", true}, {"dtype", "float32"}, {"quantization_config", nullptr}}, "no error");
  expect({{"lora_rank", 4}, {"lora_alpha", 2}}, "no error");
  expect({{"lora_scale", 4}}, "layer \"d\" (Dense): \"lora_scale\" is 4, an option that gradc does not have");
  expect({{"dtype", "mixed_float16"}}, "\"dtype\" is \"mixed_float16\", which is not supported; gradc computes in float32");
  expect({{"dtype", {{"module", "keras"}, {"class_name", "QuantizedDTypePolicy"}, {"config", {{"name", "int8_from_float32"}}}}}},
         "\"dtype\" is \"int8_from_float32\"");
  expect({{"kernel_initializer", {{"class_name", "HeNormal"}, {"config", {{"seed", 1}, {"gain", 2}}}}}},
         "initializer HeNormal: \"gain\" is 2");
  expect({{"kernel_regularizer", {{"class_name", "L1L2"}, {"config", {{"l1", 0.0}, {"l2", 0}}}}}}, "no error");
}

TEST(ModelFile, ADepthwiseKernelMayHaveTheNameThatKeras3GivesIt) {
  json layer = {{"class_name", "DepthwiseConv2D"},
                {"config", {{"name", "dw"}, {"kernel_size", 2}, {"use_bias", false}, {"batch_input_shape", {nullptr, 2, 2, 1}}}}};
  TemporaryFolder folder;
  json document = {
      {"modelTopology", sequential("m", {layer})},
      {"weightsManifest",
       {{{"paths", {"w.bin"}}, {"weights", {{{"name", "model/dw/kernel:0"}, {"shape", {2, 2, 1, 1}}, {"dtype", "float32"}}}}}}}};
  std::ofstream(folder.path() / "model.json") << document.dump();
  const float values[] = {1, 2, 3, 4};
  std::ofstream(folder.path() / "w.bin", std::ios::binary).write(reinterpret_cast<const char*>(values), sizeof values);
  auto model = Model::load(folder.path(), {.backend = Backend::reference});
  EXPECT_THAT(model.predict(DataSet::from({1, 10, 100, 1000}, {2, 2, 1}, {0}, {1})), testing::ElementsAre(4321));
}

TEST(ModelFile, JsonNestedTooDeepIsRefusedInLinearTime) {
  for (const char* place : {"config", "metrics", "inbound_nodes"}) {
    auto text = std::string("{\"modelTopology\":{\"class_name\":\"Functional\",\"") + place + "\":";
    text += std::string(200'000, '[') + std::string(200'000, ']') + "}}";
    EXPECT_THAT(message_of([&] { read_text(text); }), HasSubstr("JSON nested deeper than 500 levels is no model")) << place;
  }
}

TEST(ModelFile, NamesThatAreNotUtf8AreErrors) {
  EXPECT_THAT(message_of([] { Sequential({Dense{.units = 1, .input_shape = {2}, .name = "d\xff"}}); }), HasSubstr("the name is not UTF-8"));
  EXPECT_THAT(message_of([] { read_text("{\"modelTopology\": \"d\xff\"}"); }), HasSubstr("not valid JSON"));
}

/// What the layer makes of 0, 1, 2, ... in this shape.
std::vector<float> applied(const char* class_name, json config, std::vector<std::int64_t> shape) {
  config["name"] = "layer";
  json batch_shape = {nullptr};
  std::vector<float> x(static_cast<std::size_t>(Type{DType::f32, shape}.elements()));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  for (auto dim : shape) batch_shape.push_back(dim);
  config["batch_input_shape"] = batch_shape;
  auto model = load({{"modelTopology", sequential("m", {{{"class_name", class_name}, {"config", config}}})}});
  return model.predict(DataSet::from(x, shape, {0}, {1}));
}

TEST(ChannelsFirst, IsComputedAsKerasDoes) {
  const json first = {{"data_format", "channels_first"}};
  // Keras flattens to channels last; numpy: x.transpose(1, 2, 0).ravel().
  EXPECT_THAT(applied("Flatten", first, {2, 2, 3}), testing::ElementsAre(0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11));
  EXPECT_THAT(applied("Flatten", json::object(), {2, 2, 3}), testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  EXPECT_THAT(applied("GlobalAveragePooling2D", first, {2, 2, 3}), testing::ElementsAre(2.5, 8.5));
  json pool = first;
  pool["pool_size"] = {2, 1};
  EXPECT_THAT(applied("MaxPooling2D", pool, {2, 2, 3}), testing::ElementsAre(3, 4, 5, 9, 10, 11));
  json conv = {{"filters", 1}, {"kernel_size", {2, 3}}, {"kernel_initializer", "ones"}, {"data_format", "channels_first"}};
  EXPECT_THAT(applied("Conv2D", conv, {2, 2, 3}), testing::ElementsAre(66));
}

TEST(ModelTree, LayersThatAreNoneAreToldOf) {
  for (const json& layers : {json{nullptr}, json{json::array()}, json{{{"class_name", "Dense"}}}, json{{{"config", json::object()}}}}) {
    EXPECT_THAT(message_of([&] { read({{"modelTopology", sequential("s", layers)}}); }),
                HasSubstr("layer 0 of model \"s\": has no class_name and config"));
    EXPECT_THAT(message_of([&] { read({{"modelTopology", sequential("whole", {taking("d", 2, 3), sequential("s", layers)})}}); }),
                HasSubstr("layer 0 of model \"s\": has no class_name and config"));
  }
}

TEST(ModelTree, OptionsAreCheckedAlsoBehindALayerThatFails) {
  auto two = taking("two", 2, 3);
  two["config"]["dtype"] = "float64";
  const json behind = {dense("three", -3), dense("four", 4, {{"activation", "rleu"}})};
  const auto three = HasSubstr("layer \"three\" (Dense): \"units\" is -3"), four = HasSubstr("Did you mean relu?");
  EXPECT_THAT(message_of([&] { load({{"modelTopology", sequential("s", {two, behind[0], behind[1]})}}); }),
              AllOf(HasSubstr("3 problems"), HasSubstr("\"two\" (Dense): \"dtype\""), three, four));
  const json graph = {{"class_name", "Model"},
                      {"config",
                       {{"name", "m"},
                        {"layers",
                         {input("in", {nullptr, 3}), used_by(behind[0], {{{"nowhere", 0, 0, json::object()}}}),
                          used_by(behind[1], {{{"in", 0, 0, json::object()}}})}},
                        {"input_layers", {{"in", 0, 0}}},
                        {"output_layers", {{"three", 0, 0}}}}}};
  EXPECT_THAT(message_of([&] { load({{"modelTopology", graph}}); }),
              AllOf(HasSubstr("3 problems"), HasSubstr("takes the output of \"nowhere\", but there is no such layer"), three, four));
}

/// The default of an option says as much as the option.
TEST(ModelTree, WrappedLayersNeedNotNameTheirInitializers) {
  const json lstm = {{"class_name", "LSTM"}, {"config", {{"name", "l"}, {"units", 2}, {"return_sequences", true}}}};
  for (const char* wrapper : {"Bidirectional", "TimeDistributed"}) {
    const auto shape = std::string(wrapper) == "Bidirectional" ? json{nullptr, 5, 3} : json{nullptr, 4, 5, 3};
    const json wrapped = {{"class_name", wrapper}, {"config", {{"name", "w"}, {"layer", lstm}, {"batch_input_shape", shape}}}};
    auto model = load({{"modelTopology", sequential("s", {wrapped})}});
    EXPECT_EQ(model.weights().size(), std::string(wrapper) == "Bidirectional" ? 6 : 3) << wrapper;
  }
}

/// State of an optimizer is passed over, of whatever dtype; weights are float32.
TEST(ModelTree, DtypesOfWeightsAreToldOf) {
  auto with = [](const char* dtype, bool of_optimizer) {
    json first = {{"name", "two/kernel"}, {"shape", {3, 2}}, {"dtype", "float32"}},
         second = {{"name", "x"}, {"shape", {2}}, {"dtype", dtype}};
    if (of_optimizer) second["group"] = "optimizer";
    const json document = {{"modelTopology", sequential("s", {taking("two", 2, 3)})},
                           {"weightsManifest", {{{"paths", {"w.bin"}}, {"weights", {first, second}}}}}};
    TemporaryFolder folder;
    std::ofstream(folder.path() / "model.json") << document.dump();
    std::ofstream(folder.path() / "w.bin") << std::string(24 + 16, '\0');
    return message_of([&] { read_model(folder.path()); });
  };
  EXPECT_EQ(with("int64", true), "no error");
  EXPECT_THAT(with("float64", false), HasSubstr("weight \"x\" is of dtype float64; gradc reads float32"));
  EXPECT_THAT(with("float16", false), AllOf(HasSubstr("weight \"x\" is of dtype float16"), Not(HasSubstr("too short"))));
}

TEST(ModelTree, OtherFilesOfKerasAreNamed) {
  EXPECT_THAT(message_of([] { read_text("PK\x03\x04 config.json"); }), HasSubstr("is a zip archive, as .keras files are"));
  EXPECT_THAT(message_of([] { read_text("\x89HDF\r\n"); }), HasSubstr("is HDF5, as .h5 files are"));
}

TEST(Names, NearestOfAListIsTold) {
  const std::vector<std::string> names = {"mse", "meanSquaredError", "f1Score"};
  const std::string list = "known are mse, meanSquaredError, f1Score";
  EXPECT_EQ(known_are(names, "mean_squared_eror"), list + ". Did you mean meanSquaredError?");
  EXPECT_EQ(known_are(names, "F1"), list + ". Did you mean f1Score?");
  EXPECT_EQ(known_are(names, "nonsense"), list);
}

TEST(ModelTree, ALayerOfStepsTakesAsManyInputsAsItDoesItself) {
  auto twice = [](const char* class_name, const json& config) {
    const json x = {{"class_name", "InputLayer"}, {"name", "x"}, {"config", {{"name", "x"}, {"batch_input_shape", {nullptr, 3, 4, 2}}}}},
               layer = {{"class_name", class_name}, {"config", config}};
    auto each = json{{"class_name", "TimeDistributed"}, {"name", "each"}, {"config", {{"name", "each"}, {"layer", layer}}}};
    each["inbound_nodes"] = {{{"x", 0, 0}, {"x", 0, 0}}};
    return json{
        {"modelTopology",
         {{"class_name", "Model"},
          {"config", {{"name", "m"}, {"layers", {x, each}}, {"input_layers", {{"x", 0, 0}}}, {"output_layers", {{"each", 0, 0}}}}}}}};
  };
  EXPECT_NO_THROW(load(twice("Add", {{"name", "sum"}})));
  for (const auto& [class_name, config] : {std::pair("BatchNormalization", json{{"name", "n"}}),
                                           {"GRU", {{"name", "g"}, {"units", 2}}},
                                           {"Dense", {{"name", "d"}, {"units", 2}}}})
    EXPECT_THAT(message_of([&] { load(twice(class_name, config)); }), HasSubstr("takes one input, got 2")) << class_name;
}

/// Keras's Input((None, 2)): the size is given with the file, and is open again in what is saved.
TEST(ModelTree, OpenDimensionsOfInputsAreGiven) {
  const json document = {
      {"modelTopology",
       {{"class_name", "Sequential"},
        {"config",
         {{"name", "m"},
          {"layers",
           {{{"class_name", "LSTM"}, {"config", {{"name", "read"}, {"units", 3}, {"batch_input_shape", {nullptr, nullptr, 2}}}}}}}}}}}};
  TemporaryFolder folder;
  std::ofstream(folder.path() / "model.json") << document.dump();
  auto loaded = [&](const InputShapes& shapes) { return Model::load(folder.path(), {.backend = Backend::reference}, shapes); };
  for (const auto& shapes : {InputShapes{{"", {4, 2}}}, InputShapes{{"read", {4, 2}}}}) {
    auto model = loaded(shapes);
    EXPECT_EQ(model.predict(DataSet::from(std::vector<float>(16, 0.5f), {4, 2}, {0, 0}, {1})).size(), 6U);
    TemporaryFolder saved;
    model.save(saved.path());
    EXPECT_EQ(Model::load(saved.path(), {.backend = Backend::reference}, {{"", {7, 2}}}).topology().inputs[0].shape, (Dims{7, 2}));
  }
  EXPECT_THAT(message_of([&] { loaded({}); }), HasSubstr("gradc compiles for one size; say it, as --input-shape 80,8"));
  EXPECT_THAT(message_of([&] { loaded({{"", {4, 3}}}); }), HasSubstr("an input shape of [4,3] is given, which does not fit"));
  EXPECT_THAT(message_of([&] { loaded({{"x", {4, 2}}}); }), HasSubstr("given for \"x\", which is no input: known are read"));
}

}  // namespace
}  // namespace gradc::test
