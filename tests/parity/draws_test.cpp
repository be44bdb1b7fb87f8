// Initializers draw as far as those of the library that wrote a file: its own draws are measured.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runtime/model.h"
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

/// What gradc draws for the kernel of a Dense that names no initializer.
Spread spread_of_unnamed(const char* keras_version) {
  TemporaryFolder folder;
  json dense = {{"class_name", "Dense"}, {"config", {{"name", "d"}, {"units", 400}, {"batch_input_shape", {nullptr, 300}}}}};
  json topology = {{"class_name", "Sequential"}, {"keras_version", keras_version}, {"config", {{"name", "m"}, {"layers", {dense}}}}};
  std::ofstream(folder.path() / "model.json") << json{{"modelTopology", topology}}.dump();
  return spread_of(Model::load(folder.path(), {.backend = StepOptions::Backend::reference}).weights()[0].values);
}

/// Compares with the draws that `command` measures, given the list of them and where to write.
void compare(const std::string& command, Writer writer, const char* keras_version) {
  TemporaryFolder folder;
  auto list = (folder.path() / "draws.json").string(), measured = (folder.path() / "measured.json").string();
  run_command(GRADC_KERAS " '" GRADC_SOURCE "/tests/parity/draws.py' '" + list + "'");
  run_command(fmt::format("{} '{}' '{}'", command, list, measured));
  int compared = 0;
  for (const auto& draw : json::parse(read_file(measured))) {
    if (draw.contains("refused")) continue;
    SCOPED_TRACE(draw.dump());
    auto ours = draw["class_name"] == "Dense" ? spread_of_unnamed(keras_version)
                                              : spread_of(Initializer::from_json(draw, dialect_of(writer)).values(draw["shape"], 1, 2));
    EXPECT_NEAR(ours.deviation / draw["deviation"].get<double>(), 1, 0.02);
    // The largest of a normal that is not cut is chance.
    const bool cut =
        draw["class_name"] != "RandomNormal" && draw.value("config", json::object()).value("distribution", "") != "untruncated_normal";
    if (cut) {
      EXPECT_NEAR(ours.largest / draw["largest"].get<double>(), 1, 0.01);
    }
    ++compared;
  }
  EXPECT_GT(compared, 20);
}

TEST(Draws, SpreadAsInKeras) { compare(GRADC_KERAS " '" GRADC_SOURCE "/tests/keras/draws.py'", Writer::keras3, "3.15.1"); }

TEST(Draws, SpreadAsInTfjs) {
  compare("GRADC_TFJS='" GRADC_TFJS "' node '" GRADC_SOURCE "/tests/tfjs/parity.js' draws", Writer::tfjs, "tfjs-layers 4.22.0");
}

}  // namespace
}  // namespace gradc::test
