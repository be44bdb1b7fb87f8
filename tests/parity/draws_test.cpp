// Initializers draw as far as those of the library that wrote a file: its own draws are measured.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "frontend/initializers.h"
#include "gradc/model.h"
#include "support/files.h"
#include "tests/parity/recorded.h"

namespace gradc::test {
namespace {

using nlohmann::json;

struct Spread {
  double deviation = 0, largest = 0;
};

Spread spread_of(const std::vector<float>& values) {
  Spread result;
  for (double v : values) {
    result.deviation += v * v / static_cast<double>(values.size());
    result.largest = std::max(result.largest, std::abs(v));
  }
  result.deviation = std::sqrt(result.deviation);
  return result;
}

/// What gradc draws for a weight of a layer that names no initializer.
Spread spread_of_unnamed(const json& draw, const char* keras_version) {
  TemporaryFolder folder;
  json config = draw["config"];
  config["name"] = "layer";
  config["batch_input_shape"] = {nullptr};
  for (const auto& dim : draw["input"]) config["batch_input_shape"].push_back(dim);
  json layer = {{"class_name", draw["class_name"]}, {"config", config}};
  json topology = {{"class_name", "Sequential"}, {"keras_version", keras_version}, {"config", {{"name", "m"}, {"layers", {layer}}}}};
  std::ofstream(folder.path() / "model.json") << json{{"modelTopology", topology}}.dump();
  auto model = Model::load(folder.path(), {.backend = Backend::reference});
  for (const auto& weight : model.weights())
    if (weight.name == "layer/" + draw["name"].get<std::string>()) return spread_of(weight.values);
  return {};
}

void compare(const std::filesystem::path& measured, Writer writer, const char* keras_version) {
  int compared = 0;
  const auto draws = json::parse(read_file(measured));
  for (const auto& draw : draws) {
    if (draw.contains("refused")) continue;
    SCOPED_TRACE(draw.dump());
    auto ours = draw.contains("input") ? spread_of_unnamed(draw, keras_version)
                                       : spread_of(initializer_from_json(draw, dialect_of(writer)).values(draw["shape"], 1, 2));
    EXPECT_NEAR(ours.deviation / draw["deviation"].get<double>(), 1, 0.02);
    // The largest of a normal that is not cut is chance.
    const bool cut =
        draw["class_name"] != "RandomNormal" && draw.value("config", json::object()).value("distribution", "") != "untruncated_normal";
    if (cut) {
      EXPECT_NEAR(ours.largest / draw["largest"].get<double>(), 1, 0.01);
    } else {
      EXPECT_GT(ours.largest / ours.deviation, 3.5);
    }
    ++compared;
  }
  EXPECT_GT(compared, 30);
}

/// Compares with the draws that `command` measures, given the list of them and where to write.
void compare_with(const std::string& command, Writer writer, const char* keras_version) {
  TemporaryFolder folder;
  auto list = (folder.path() / "draws.json").string(), measured = (folder.path() / "measured.json").string();
  run_command(GRADC_KERAS " '" GRADC_SOURCE "/tests/parity/draws.py' '" + list + "'");
  run_command(fmt::format("{} '{}' '{}'", command, list, measured));
  compare(measured, writer, keras_version);
}

TEST(Draws, SpreadAsInKeras) { compare_with(GRADC_KERAS " '" GRADC_SOURCE "/tests/keras/draws.py'", Writer::keras3, "3.15.1"); }

TEST(Draws, SpreadAsInKeras2) { compare(GRADC_SOURCE "/tests/models/keras2/draws.json", Writer::keras2, "2.15.0"); }

TEST(Draws, SpreadAsInTfjs) {
  compare_with("GRADC_TFJS='" GRADC_TFJS "' node '" GRADC_SOURCE "/tests/tfjs/parity.js' draws", Writer::tfjs, "tfjs-layers 4.22.0");
}

}  // namespace
}  // namespace gradc::test
