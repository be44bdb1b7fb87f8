// Random models, those of gradc fuzz, in other libraries: built, saved and trained there, they train in gradc to the same losses, metrics,
// weights and predictions. A fixed set and a fresh seed each time; GRADC_PARITY_SEED=7 GRADC_PARITY_COUNT=300 makes others.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <random>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "fuzz/case.h"
#include "support/files.h"
#include "tests/parity/recorded.h"

namespace gradc::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Has a library train the models of `specs` into `folder` on data of this seed.
using Train = std::function<void(const fs::path& specs, const fs::path& folder, int data_seed)>;

void train_in_keras(const fs::path& specs, const fs::path& folder, int data_seed) {
  run_command(fmt::format(GRADC_KERAS " '" GRADC_SOURCE "/tests/keras/train.py' '{}' '{}' --data-seed {}", specs.string(), folder.string(),
                          data_seed));
}

void train_in_tfjs(const fs::path& specs, const fs::path& folder, int data_seed) {
  run_command(fmt::format("GRADC_TFJS='" GRADC_TFJS "' node '" GRADC_SOURCE "/tests/tfjs/parity.js' train '{}' '{}' {}", specs.string(),
                          folder.string(), data_seed));
}

json random_spec(std::uint64_t seed, std::uint64_t index) {
  fuzz::Choices choices(seed, index);
  auto model = json::parse(fuzz::random_case(fuzz::Case::Kind::model, choices).text);
  // Keras on JAX keeps no states, and a recording in tf.js predicts between its steps.
  for (auto& layer : model["modelTopology"]["config"]["layers"]) {
    auto& config = layer["config"];
    config.erase("stateful");
    if (config.contains("batch_input_shape")) config["batch_input_shape"][0] = nullptr;
  }
  // Ftrl's own l1 makes weights exactly 0, where the slope of an l1 penalty is 1 in Keras on JAX (docs/model-files.md).
  auto& training = model["trainingConfig"];
  if (training.contains("optimizer_config") && model["modelTopology"].dump().find("\"l1\":0.01") != std::string::npos)
    training["optimizer_config"]["config"].erase("l1_regularization_strength");
  // A table that is only there for the way into it has no gradient: Keras decays it on JAX, and leaves it alone on TensorFlow.
  if (training.contains("optimizer_config") && model["modelTopology"].dump().find("\"tie_weights\":false") != std::string::npos)
    training["optimizer_config"]["config"].erase("weight_decay");
  return {{"name", fmt::format("{}-{}", seed, index)}, {"batch", 2 + index % 5}, {"steps", 3}, {"model", model}};
}

class RandomModels {
 public:
  explicit RandomModels(Train train) : train_(std::move(train)) {}

  void compare(std::uint64_t seed, std::uint64_t count) {
    std::cout << fmt::format("{} models of seed {}\n", count, seed) << std::flush;
    json specs = json::array();
    for (std::uint64_t i = 0; i < count; ++i) specs.push_back(random_spec(seed, i));
    auto folder = trained(specs, 1);
    int skipped = 0;
    for (const auto& spec : specs) {
      auto model = folder / spec["name"].get<std::string>();
      if (fs::exists(model / "skipped")) {
        ++skipped;
        std::cout << fmt::format("{} is skipped: {:.150}\n", spec["name"].get<std::string>(), read_file(model / "skipped"));
      }
      auto found = differences(model, {.backend = Backend::reference});
      // One relu or pooling that decides otherwise between nearly equal numbers is no difference of meaning: other data decide.
      if (!found.empty())
        found = differences(trained(json::array({spec}), 2) / spec["name"].get<std::string>(), {.backend = Backend::reference});
      EXPECT_TRUE(found.empty()) << "model " << spec["name"] << ": " << fmt::format("{}", fmt::join(found, "\n  ")) << "\n"
                                 << spec["model"].dump();
    }
    std::cout << fmt::format("{} of them cannot be trained there\n", skipped);
    EXPECT_LE(skipped, count / 2 + 3) << "most models have to be compared";
  }

 private:
  fs::path trained(const json& specs, int data_seed) {
    auto folder = temporary_.path() / std::to_string(folders_++);
    auto file = folder.string() + ".json";
    std::ofstream(file) << specs.dump();
    train_(file, folder, data_seed);
    return folder;
  }

  Train train_;
  TemporaryFolder temporary_;
  int folders_ = 0;
};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

void compare_fixed_and_fresh(Train train) {
  RandomModels models(std::move(train));
  models.compare(1, 8);
  models.compare(from_environment("GRADC_PARITY_SEED", std::random_device()()), from_environment("GRADC_PARITY_COUNT", 6));
}

TEST(RandomModels, TrainAsInKeras) { compare_fixed_and_fresh(train_in_keras); }

TEST(RandomModels, TrainAsInTfjs) { compare_fixed_and_fresh(train_in_tfjs); }

}  // namespace
}  // namespace gradc::test
