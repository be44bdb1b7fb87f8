// What Keras's own layer tests state (layer_facts.json, made by record_layer_facts.py), asked of gradc: output shapes, numbers of weights,
// of random streams, values where they state some, and that the layer is the same after gradc has written it.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "frontend/layer_json.h"
#include "frontend/layers/layers.h"
#include "frontend/lower.h"
#include "frontend/model_json.h"
#include "gradc/error.h"
#include "gradc/model.h"
#include "support/files.h"

namespace gradc::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A fact of one image alone, height×width×channels, or one signal, is one of a batch of it: Keras's layers that prepare data take both.
json as_batch(json fact) {
  const auto layer = fact["layer"].get<std::string>();
  const auto rank = fact["input_shape"].size();
  if ((layer.starts_with("Random") && rank == 3) || (layer == "MelSpectrogram" && rank == 1))
    for (const char* key : {"input_shape", "output_shape"}) fact[key].insert(fact[key].begin(), 1);
  return fact;
}

struct Counts {
  int holds = 0, wrong = 0, refused = 0;

  int facts() const { return holds + wrong + refused; }
};

/// The shapes of a fact's inputs: of a query, a value and a key by their names.
std::vector<json> input_shapes(const json& fact) {
  const auto& shape = fact["input_shape"];
  std::vector<json> shapes;
  if (shape.is_object()) {
    for (const char* name : {"query_shape", "value_shape", "key_shape"})
      if (shape.contains(name)) shapes.push_back(shape[name]);
  } else if (shape.is_array() && !shape.empty() && shape[0].is_array()) {
    shapes.assign(shape.begin(), shape.end());
  } else {
    shapes.push_back(shape);
  }
  for (const auto& each : shapes)
    if (!each.is_array() || each.empty()) throw Error("its input shape is {}", shape.dump());
  return shapes;
}

/// A model of the layer alone, as Keras 3 would write it. A layer of several inputs of one shape takes the same one several times.
json model_of(const json& fact) {
  std::map<json, std::string> names;
  json layers = json::array(), from = json::array(), inputs = json::array();
  for (auto shape : input_shapes(fact)) {
    shape[0] = nullptr;
    auto [found, is_new] = names.try_emplace(shape, names.empty() ? "in" : fmt::format("in_{}", names.size()));
    const auto& name = found->second;
    from.push_back({name, 0, 0, json::object()});
    if (!is_new) continue;
    inputs.push_back({name, 0, 0});
    layers.push_back({{"class_name", "InputLayer"},
                      {"name", name},
                      {"config", {{"name", name}, {"batch_shape", shape}}},
                      {"inbound_nodes", json::array()}});
  }
  auto config = fact["config"];
  config["name"] = "layer";
  layers.push_back({{"class_name", fact["layer"]}, {"name", "layer"}, {"config", config}, {"inbound_nodes", json::array({from})}});
  return {{"modelTopology",
           {{"keras_version", "3.15.1"},
            {"class_name", "Functional"},
            {"config", {{"name", "model"}, {"layers", layers}, {"input_layers", inputs}, {"output_layers", {{"layer", 0, 0}}}}}}}};
}

/// Collects what differs from a fact.
class Differences {
 public:
  std::string text;

  void expect(const json& fact, const char* key, const json& got) {
    if (fact.contains(key) && fact[key] != got) text += fmt::format("; {} is {}, expected {}", key, got.dump(), fact[key].dump());
  }
};

std::string lowered_differences(const json& fact, const Topology& topology) {
  auto lowered = lower(topology, {.mode = Mode::train, .loss = "mean_squared_error"});
  Differences differences;
  json shape = lowered.outputs[0].predictions.dims;
  shape[0] = input_shapes(fact)[0][0];
  differences.expect(fact, "output_shape", shape);
  int trainable = 0, frozen = 0, streams = 0;
  for (const auto& weight : lowered.weights) ++(weight.trainable ? trainable : frozen);
  for (const auto& op : lowered.graph.ops) streams += op.kind == OpKind::random_uniform;
  differences.expect(fact, "num_trainable_weights", trainable);
  differences.expect(fact, "num_non_trainable_weights", frozen);
  differences.expect(fact, "num_seed_generators", streams);
  return differences.text;
}

/// What gradc says otherwise than the fact, or nothing. Throws gradc::Error for a layer that gradc refuses.
std::string differences_from(const json& fact) {
  TemporaryFolder folder;
  auto path = folder.path() / "model.json";
  std::ofstream(path) << model_of(fact).dump();
  auto topology = read_model(path).topology;
  auto text = lowered_differences(fact, topology);
  std::ofstream(path) << json{{"modelTopology", write_topology(topology)}}.dump();
  if (auto again = lowered_differences(fact, read_model(path).topology); again != text) text += "; written and read again" + again;
  if (!fact.contains("output")) return text;
  Dims shape(fact["input_shape"].begin() + 1, fact["input_shape"].end());
  auto count = fact["input_shape"][0].get<std::size_t>();
  auto model = Model::load(path, {.backend = Backend::reference});
  const auto input = fact["input"].get<std::vector<float>>(), expected = fact["output"].get<std::vector<float>>();
  if (fact["layer"].get<std::string>().starts_with("Random")) {  // What such layers make of images they make in training.
    model.compile({.loss = "mse"});
    const Dims output_shape(fact["output_shape"].begin() + 1, fact["output_shape"].end());
    const auto error = model.train_on_batch(DataSet::from(input, shape, expected, output_shape)).at("loss");
    return error < 1e-8 ? text : text + fmt::format("; values differ by {}", std::sqrt(error));
  }
  auto got = model.predict(DataSet::from(input, shape, std::vector<float>(count), {}));
  bool same = got.size() == expected.size();
  for (std::size_t i = 0; same && i < got.size(); ++i)
    same = std::abs(got[i] - expected[i]) <= 1e-5f * std::max(1.0f, std::abs(expected[i]));
  return same ? text : text + "; values differ";
}

std::string table_of(const std::map<std::string, Counts>& layers) {
  std::string text = "layer holds wrong refused\n";
  for (const auto& [layer, counts] : layers)
    if (counts.holds + counts.wrong > 0) text += fmt::format("{} {} {} {}\n", layer, counts.holds, counts.wrong, counts.refused);
  return text;
}

/// Of each layer at least as many facts hold as layer_facts.txt says, and no more are wrong. GRADC_UPDATE=1 writes that file anew.
TEST(LayerFacts, OfKerasHoldInGradc) {
  std::map<std::string, Counts> layers;
  Counts all;
  for (const auto& stated : json::parse(read_file(GRADC_SOURCE "/tests/keras/layer_facts.json"))) {
    const auto fact = as_batch(stated);
    auto layer = fact["layer"].get<std::string>();
    auto count = [&](int Counts::* kind, const std::string& why) {
      ++(layers[layer].*kind);
      ++(all.*kind);
      if (!why.empty() && find_layer(layer) != nullptr) std::cout << fact["test"].get<std::string>() << ": " << why << "\n";
    };
    try {
      auto differences = differences_from(fact);
      count(differences.empty() ? &Counts::holds : &Counts::wrong, differences);
    } catch (const Error& error) {
      count(&Counts::refused, error.what());
    }
  }
  auto table = table_of(layers);
  std::cout << table << fmt::format("of {} facts {} hold, {} are wrong, {} are refused\n", all.facts(), all.holds, all.wrong, all.refused);

  const fs::path committed = GRADC_SOURCE "/tests/keras/layer_facts.txt";
  if (std::getenv("GRADC_UPDATE") != nullptr) std::ofstream(committed) << table;
  std::istringstream lines(read_file(committed));
  std::string line;
  std::getline(lines, line);
  std::string layer;
  for (Counts before; lines >> layer >> before.holds >> before.wrong >> before.refused; all.wrong -= before.wrong)
    EXPECT_GE(layers[layer].holds, before.holds) << "facts of " << layer;
  EXPECT_LE(all.wrong, 0) << "more are wrong than " << committed;
}

/// What layers add to an image in training is as large as what Keras's, which draw other numbers, add to it (augmentations.json, made by
/// record_augmentations.py).
TEST(LayerFacts, ImagesChangeAtRandomAsMuchAsInKeras) {
  const Dims shape = {4, 5, 3};
  constexpr int kNumbers = 60, kImages = 1 << 14;
  std::vector<float> images;
  for (int i = 0; i < kImages * kNumbers; ++i) images.push_back(static_cast<float>(i % kNumbers * 37 % 100) / 100);
  for (const auto& fact : json::parse(read_file(GRADC_SOURCE "/tests/keras/augmentations.json"))) {
    Sequential model({InputLayer{.input_shape = shape}, make_layer(fact["layer"].get<std::string>(), fact["config"])});
    model.compile({.optimizer = SGD{.learning_rate = 0}, .loss = "mse"});
    const auto expected = fact["change"].get<double>(), got = model.train_on_batch(DataSet::from(images, shape, images, shape)).at("loss");
    EXPECT_NEAR(got, expected, 0.03 * expected) << fact.dump();
  }
}

}  // namespace
}  // namespace gradc::test
