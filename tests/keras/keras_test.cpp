// gradc against Keras 3 itself: what Keras writes trains in gradc as it does in Keras.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "frontend/initializers.h"
#include "frontend/topology.h"
#include "ir/type.h"
#include "support/files.h"
#include "tests/parity/recorded.h"

namespace gradc::test {
namespace {

namespace fs = std::filesystem;

/// Has Keras build and train the models that tests/parity/specs.py makes of these arguments.
void train_in_keras(const std::string& specs, const fs::path& folder) {
  const auto file = folder.string() + ".json";
  run_command(GRADC_KERAS " '" GRADC_SOURCE "/tests/parity/specs.py' " + specs + " --out '" + file + "'");
  run_in_keras(specs, "train.py", folder, file);
}

/// Losses, weights and predictions of the steps in which Keras trains the models of these specs.
void expect_trains(const std::string& specs, std::size_t count) {
  TemporaryFolder temporary;
  train_in_keras(specs, temporary.path() / specs);
  auto models = folders_in(temporary.path() / specs);
  EXPECT_EQ(models.size(), count);
  for (std::size_t i = 0; i < models.size(); ++i) {
    EXPECT_FALSE(fs::exists(models[i] / "skipped")) << models[i];
    for (const auto& run : runs_of_model(i)) {
      SCOPED_TRACE(models[i].filename().string() + " on " + run.name);
      EXPECT_THAT(differences(models[i], run.options), testing::IsEmpty());
    }
  }
}

/// Nets whose strides leave part-filled last rows and columns.
TEST(Keras, StridedNetsTrainAsInKeras) { expect_trains("strided", 6); }

TEST(Keras, SequencesAndVolumesTrainAsInKeras) { expect_trains("ranks", 6); }

TEST(Keras, RecurrentNetsTrainAsInKeras) { expect_trains("recurrent", 19); }

TEST(Keras, MasksSkipStepsAsInKeras) { expect_trains("masks", 11); }

TEST(Keras, ClassesWeighAsInKeras) { expect_trains("class_weights", 6); }

TEST(Keras, SamplesWeighAsInKeras) { expect_trains("sample_weights", 11); }

TEST(Keras, AttentionNetsTrainAsInKeras) { expect_trains("attention", 13); }

TEST(Keras, NormalizationsOfImagesTrainAsInKeras) { expect_trains("normalizations", 7); }

TEST(Keras, PreprocessingTrainsAsInKeras) { expect_trains("preprocessing", 31); }

TEST(Keras, SpectrogramsTrainAsInKeras) { expect_trains("spectrograms", 10); }

TEST(Keras, EmbeddingsTrainAsInKeras) { expect_trains("embeddings", 10); }

TEST(Keras, LossesAreKerass) { expect_trains("losses", 22); }

TEST(Keras, MetricsAreKerass) { expect_trains("metrics", 8); }

TEST(Keras, ActivationsAreKerass) { expect_trains("activations", 5); }

TEST(Keras, OptionsOfLayersTrainAsInKeras) { expect_trains("layers", 4); }

TEST(Keras, OptimizersLossesRegularizersAndMetricsGiveKerassNumbers) {
  TemporaryFolder temporary;
  train_in_keras("training", temporary.path() / "training");
  auto models = folders_in(temporary.path() / "training");
  EXPECT_EQ(models.size(), 14);
  for (const auto& model : models)
    for (const auto& run : runs()) {
      if (run.options.threads == 1) continue;
      SCOPED_TRACE(model.filename().string() + " on " + run.name);
      EXPECT_THAT(differences(model, run.options), testing::IsEmpty());
    }
}

TEST(Keras, SchedulesAccumulationAndAveragesTrainAsInKeras) { expect_trains("updates", 18); }

/// Of numbers up to 1 in float32, of which Keras turns waves by many radians.
TEST(Keras, KernelsOfFourierTransformsAreKerass) {
  TemporaryFolder folder;
  const auto file = folder.path() / "kernels.json";
  run_in_keras("transforms", "transforms.py", file);
  const auto kernels = nlohmann::json::parse(read_file(file));
  EXPECT_EQ(kernels.size(), 30);
  for (const auto& kernel : kernels)
    EXPECT_THAT(initializer_from_json(kernel).values(kernel["shape"], 0, 0),
                testing::Pointwise(testing::FloatNear(5e-6f), kernel["values"].get<std::vector<float>>()))
        << kernel["config"];
}

/// Losses, metrics, weights and predictions of the steps in which a Keras trained the models of tests/keras/files.py.
void expect_files_train(const fs::path& folder, std::size_t count) {
  auto models = folders_in(folder);
  EXPECT_EQ(models.size(), count);
  for (const auto& model : models)
    for (const auto& run : {runs()[1], runs()[3]}) {
      SCOPED_TRACE(model.filename().string() + " on " + run.name);
      EXPECT_THAT(differences(model, run.options), testing::IsEmpty());
    }
}

/// Models inside of models, layers and models used at several places, calls with training=False, and names that mean something else in
/// Keras than in tf.js.
TEST(Keras, FilesOfKerasMeanWhatTheyMeanToKeras) {
  TemporaryFolder temporary;
  auto folder = temporary.path() / "files";
  run_in_keras("files", "files.py", folder);
  expect_files_train(folder, 25);
}

/// Recorded: Keras 2 wants TensorFlow.
TEST(Keras, FilesOfKeras2MeanWhatTheyMeanToKeras2) { expect_files_train(GRADC_SOURCE "/tests/models/keras2/trained", 23); }

/// What gradc saves of a file that Keras wrote, Keras loads, and both predict the same.
TEST(Keras, LoadsWhatGradcSaves) {
  TemporaryFolder temporary;
  const auto& folder = temporary.path();
  for (const char* name : {"nested", "shared", "hard_sigmoid", "attention", "preprocessing", "operations", "masked_operations", "frames",
                           "attentive_frames"}) {
    auto model = Model::load(GRADC_SOURCE "/tests/models/keras3/" + std::string(name) + ".json", {.backend = Backend::reference});
    model.save(folder / name);
    const auto& shape = model.topology().inputs[0].shape;
    std::vector<float> x(static_cast<std::size_t>(3 * Type{DType::f32, shape}.elements()));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i) * 0.7f);
    std::ofstream(folder / "x.f32", std::ios::binary)
        .write(reinterpret_cast<const char*>(x.data()), static_cast<std::streamsize>(x.size() * 4));
    std::string dims;
    for (auto dim : shape) dims += " " + std::to_string(dim);
    run_command(GRADC_KERAS " '" GRADC_SOURCE "/tests/keras/predict.py' '" + (folder / name).string() + "' '" +
                (folder / "x.f32").string() + "' '" + (folder / "out.f32").string() + "'" + dims);
    auto ours = model.predict(DataSet::from(x, shape, std::vector<float>(3), {}));
    EXPECT_THAT(ours, testing::Pointwise(testing::FloatNear(1e-5f), read_floats(folder / "out.f32"))) << name;
  }
}

}  // namespace
}  // namespace gradc::test
