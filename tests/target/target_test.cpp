#include "target/target.h"

#include <map>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compile/build.h"
#include "frontend/training_choice.h"
#include "gradc/error.h"
#include "support/files.h"
#include "target/cost.h"
#include "target/register_tile.h"

namespace gradc::test {
namespace {

using testing::HasSubstr;

TEST(Target, IsTheTextThatItIsPrintedAs) {
  for (const auto& preset : target_presets()) {
    EXPECT_EQ(to_string(preset.target), preset.name);
    EXPECT_EQ(parse_target(preset.name), preset.target);
    EXPECT_EQ(parse_target(preset.target.code), preset.target);
    auto other = preset.target;
    other.registers = 24;
    other.fma_latency = 5;
    other.l1 = 48 << 10;
    other.l2 = (1 << 20) + 3;
    EXPECT_EQ(to_string(other), std::string(preset.name) + ",registers=24,latency=5,l1=48k,l2=1048579");
    EXPECT_EQ(parse_target(to_string(other)), other);
  }
}

TEST(Target, TakesWhatItsTextDoesNotSayFromTheKindOfItsRegisters) {
  EXPECT_EQ(parse_target("x86-64-linux-avx-avx2-avx512-avx512_zen4-f16c-fma-sse41").lanes, 16);
  EXPECT_EQ(to_string(parse_target("x86-64-windows-avx-avx2-f16c-fma-sse41,l2=256k")), "x86-64-windows-avx-avx2-f16c-fma-sse41,l2=256k");
  EXPECT_EQ(parse_target("x86-64-linux").lanes, 4);
  EXPECT_EQ(parse_target("arm-64-ios").l1, 128 << 10);
  EXPECT_EQ(parse_target("arm-64-linux-sve2-vector_bits_256").lanes, 8);
  auto base = parse_target("neoverse");
  base.l2 = 2 << 20;
  EXPECT_EQ(parse_target("", base), base);
  EXPECT_EQ(parse_target(",l1=32k", base).l2, 2 << 20);
}

TEST(Target, RefusesWhatIsNoNumberOfOne) {
  for (auto [text, problem] : std::map<std::string, std::string>{
           {"avx", "\"avx\" is not a Halide target string"},
           {"avx2,", "\"\" is not known; a number is given as l2=512k"},
           {"avx2,cores=4", "one of lanes, registers, fma, latency, loads, l1, l2, l2_bandwidth, memory_bandwidth"},
           {"avx2,lanes=12", "lanes is 12, not a power of two"},
           {"avx2,lanes=128", "lanes is \"128\", not a whole number from 1 to 64"},
           {"avx2,registers=0", "registers is \"0\", not a whole number from 1 to 1024"},
           {"avx2,registers=16k", "registers is \"16k\", not a whole number"},
           {"avx2,l1=-1", "l1 is \"-1\", not a whole number from 1 to 1099511627776; it is given as l1=512k or l1=1M"},
       }) {
    std::string error;
    try {
      parse_target(text);
    } catch (const Error& thrown) {
      error = thrown.what();
    }
    EXPECT_THAT(error, HasSubstr(problem)) << text;
  }
}

TEST(Cost, OfARegisterTileIsBoundByWhatTakesLongest) {
  const Target target;
  // Two tiles of 100 steps; each tile also takes 12 cycles and 2 for each accumulator.
  const auto cycles = [&](double multiply_adds, double loads, double chain) {
    return cost::cycles({.blocks = 2, .depth = 100, .accumulators = 10, .multiply_adds = multiply_adds, .loads = loads, .chain = chain},
                        target);
  };
  EXPECT_EQ(cycles(20, 6, 1), 2 * (100 * 20 / 2 + 32));
  EXPECT_EQ(cycles(10, 18, 1), 2 * (100 * 18 / 2 + 32));
  EXPECT_EQ(cycles(6, 6, 1), 2 * (100 * 4 + 32));
  EXPECT_EQ(cycles(6, 6, 3), 2 * (100 * 12 + 32));
}

/// "3 phases; 12 kernels on tiles of 1 image, 8 once".
std::string tiles_of(const Graph& graph) {
  int phases = 0, once = 0;
  std::map<std::int64_t, int> tiled;
  for (const auto& kernel : graph.kernels) {
    phases = std::max(phases, kernel.phase + 1);
    ++(kernel.tiled() ? tiled[kernel.size] : once);
  }
  auto text = fmt::format("{} phases; ", phases);
  for (auto [images, kernels] : tiled) text += fmt::format("{} kernels on tiles of {}, ", kernels, images);
  return text + fmt::format("{} once", once);
}

/// What is chosen for a preset: lanes and tiles of the example models' training steps, and the register tiles of usual contractions.
std::string choices(const TargetPreset& preset) {
  std::string text = fmt::format("## {}\n", preset.name);
  for (const char* name : {"mnist", "models/mlp", "models/cifar_cnn", "models/resnet20", "models/resnet50_layers"}) {
    const auto file = read_model(std::filesystem::path(GRADC_SOURCE "/examples") / name / "model.json");
    for (std::int64_t batch : {1, 64}) {
      BuildOptions options{.target = preset.target, .workload = {.batch = batch}};
      options.training = training_of(file);
      const auto graph = build(file.topology, options).graph;
      text += fmt::format("{}, batch {}: lanes are {}; {}\n", name, batch, graph.lanes == Lanes::features ? "features" : "images",
                          tiles_of(graph));
    }
  }
  auto tile_of_images = [&](const char* name, const ConvolutionLoops& loops) {
    const auto tile = choose_image_tile(loops, preset.target, 0);
    text += fmt::format("{}, lanes are images: {} channels x {} columns\n", name, tile.channels, tile.columns);
  };
  auto tile_of_features = [&](const char* name, std::int64_t features, std::int64_t others, std::int64_t depth) {
    const auto width = static_cast<int>(std::min<std::int64_t>(preset.target.lanes, features));
    const auto tile = choose_feature_tile({features, width}, others, depth, 1, preset.target, 0);
    text += fmt::format("{}, lanes are features: {} vectors x {}\n", name, tile.vectors, tile.others);
  };
  tile_of_images("convolution of 5x5 over 24 columns, 1 to 8 channels", {.channels = 8, .columns = 24, .depth = 5, .kernel_columns = 5});
  tile_of_images("convolution of 3x3 over 16 columns, 64 to 64 channels",
                 {.channels = 64, .columns = 16, .depth = 192, .kernel_columns = 3});
  tile_of_features("convolution of 3x3 over 16 columns, 64 to 64 channels", 64, 16, 3 * 3 * 64);
  tile_of_features("convolution of 3x3 over 7 columns, 512 to 512 channels", 512, 7, 3 * 3 * 512);
  tile_of_features("dense 784 to 512 of 16 images", 512, 16, 784);
  tile_of_features("dense 256 to 10 of 16 images", 10, 16, 256);
  const auto depthwise = choose_depthwise_tile({.features = 128, .width = preset.target.lanes, .groups = 128}, 28,
                                               {.rows = 3, .columns = 3, .stride = 1, .dilation = 1, .sums = 1}, preset.target, 0);
  text += fmt::format("depthwise convolution of 3x3 over 28 columns, 128 channels, lanes are features: {} vectors x {}\n",
                      depthwise.vectors, depthwise.others);
  return text + "\n";
}

TEST(Target, ChoicesForEachPresetAreThoseOfTheFile) {
  std::string text;
  for (const auto& preset : target_presets()) text += choices(preset);
  const std::string path = GRADC_SOURCE "/tests/target/choices.txt";
  if (std::getenv("GRADC_UPDATE") != nullptr) write_file(path, text);
  EXPECT_EQ(read_file(path), text)
      << "if the new choices are meant and measured: GRADC_UPDATE=1 build/bin/gradc_tests --gtest_filter=Target.Choices*";
}

}  // namespace
}  // namespace gradc::test
