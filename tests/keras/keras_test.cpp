// gradc against Keras 3 itself: what Keras writes trains in gradc as it does in Keras.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/files.h"
#include "tests/parity/recorded.h"

namespace gradc::test {
namespace {

namespace fs = std::filesystem;

/// Has Keras build and train the models that tests/parity/specs.py makes of these arguments.
void train_in_keras(const std::string& specs, const fs::path& folder) {
  auto file = "'" + (folder.string() + ".json") + "'";
  run_command(GRADC_KERAS " '" GRADC_SOURCE "/tests/parity/specs.py' " + specs + " --out " + file);
  run_command(GRADC_KERAS " '" GRADC_SOURCE "/tests/keras/train.py' " + file + " '" + folder.string() + "'");
}

/// Nets whose strides leave part-filled last rows and columns: losses, weights and predictions of six steps.
/// Fails until the input gradients of strided convolutions and the name of depthwise kernels in files of Keras 3 are mended.
TEST(Keras, DISABLED_StridedNetsTrainAsInKeras) {
  TemporaryFolder temporary;
  train_in_keras("strided", temporary.path() / "strided");
  auto models = folders_in(temporary.path() / "strided");
  EXPECT_EQ(models.size(), 6);
  for (const auto& model : models)
    for (const auto& run : runs()) {
      SCOPED_TRACE(model.filename().string() + " on " + run.name);
      EXPECT_THAT(differences(model, run.options), testing::IsEmpty());
    }
}

TEST(Keras, OptimizersLossesRegularizersAndMetricsGiveKerassNumbers) {
  TemporaryFolder temporary;
  train_in_keras("training", temporary.path() / "training");
  auto models = folders_in(temporary.path() / "training");
  EXPECT_EQ(models.size(), 8);
  for (const auto& model : models)
    for (const auto& run : runs()) {
      if (run.options.threads == 1) continue;
      SCOPED_TRACE(model.filename().string() + " on " + run.name);
      EXPECT_THAT(differences(model, run.options), testing::IsEmpty());
    }
}

}  // namespace
}  // namespace gradc::test
