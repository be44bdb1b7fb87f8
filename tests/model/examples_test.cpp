// The models of examples/ on random data: they train, and do the same on the reference.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "frontend/topology.h"
#include "gradc/model.h"

namespace gradc::test {
namespace {

struct Example {
  const char* folder;
  Dims label_shape;
  int classes;  ///< Labels are class numbers, or numbers from 0 to 1 if this is 0.
};

const Example examples[] = {
    {"mnist", {}, 10},    {"fashion_mnist", {}, 10},       {"char_lstm", {64}, 96}, {"diamonds", {1}, 0},
    {"languages", {}, 5}, {"autoencoder", {28, 28, 1}, 0}, {"residual", {}, 10},
};

/// Rows of numbers that are whole, so that they may number the rows of an Embedding too.
DataSet::Array random_rows(std::int64_t count, const Dims& shape, int below, std::uint32_t seed) {
  std::int64_t elements = 1;
  for (auto dim : shape) elements *= dim;
  std::vector<float> values(static_cast<std::size_t>(count * elements));
  for (auto& value : values) value = static_cast<float>((seed = seed * 1664525 + 1013904223) / 65536 % static_cast<std::uint32_t>(below));
  return DataSet::Array::of(values, shape);
}

DataSet random_data(const Model& model, const Example& example, std::int64_t count) {
  std::vector<DataSet::Part> inputs, labels;
  for (const auto& input : model.topology().inputs) inputs.push_back({"", random_rows(count, input.shape, 3, 1)});
  labels.push_back({"", random_rows(count, example.label_shape, example.classes == 0 ? 2 : example.classes, 2)});
  return DataSet::from(std::move(inputs), std::move(labels));
}

class Examples : public testing::TestWithParam<Example> {};

TEST_P(Examples, TrainOnRandomDataAsTheReferenceDoes) {
  const auto path = std::string(GRADC_SOURCE "/examples/") + GetParam().folder;
  auto loss_after = [&](Backend backend, int steps) {
    auto model = Model::load(path, {.backend = backend, .threads = 2});
    const auto data = random_data(model, GetParam(), 4);
    double loss = 0;
    for (int i = 0; i < steps; ++i) loss = model.train_on_batch(data)["loss"];
    return loss;
  };
  const auto first = loss_after(Backend::jit, 1);
  EXPECT_NEAR(loss_after(Backend::reference, 1), first, 1e-5 * std::abs(first));
  EXPECT_LT(loss_after(Backend::jit, 8), first);
}

INSTANTIATE_TEST_SUITE_P(All, Examples, testing::ValuesIn(examples), [](const auto& example) { return example.param.folder; });

TEST(ExamplesFolder, HasNoModelThatIsNotTested) {
  std::set<std::string> tested, there;
  for (const auto& example : examples) tested.insert(example.folder);
  for (const auto& folder : std::filesystem::directory_iterator(GRADC_SOURCE "/examples"))
    if (std::filesystem::exists(folder.path() / "model.json")) there.insert(folder.path().filename().string());
  EXPECT_EQ(tested, there);
}

}  // namespace
}  // namespace gradc::test
