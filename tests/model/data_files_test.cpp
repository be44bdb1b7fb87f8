// Arrays as NumPy writes them, and what a model makes of their shapes and values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "gradc/error.h"
#include "gradc/model.h"
#include "runtime/step.h"
#include "support/files.h"
#include "tests/model/expect_error.h"
#include "tests/support/npy.h"

namespace gradc::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Floats = std::vector<float>;

class DataFiles : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& bytes) {
    auto path = folder_.path() / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  DataSet images(const std::string& bytes) {
    lines_.clear();
    return DataSet::from_npy(write("x.npy", bytes), std::nullopt, [this](const std::string& line) { lines_.push_back(line); });
  }
  DataSet labels(const std::string& bytes, std::int64_t count) {
    lines_.clear();
    auto x = write("x.npy", npy("<f4", "(" + std::to_string(count) + ", 1)", raw(Floats(static_cast<std::size_t>(count)))));
    return DataSet::from_npy(x, write("y.npy", bytes), [this](const std::string& line) { lines_.push_back(line); });
  }
  static Floats numbers(const DataSet::Array& array) {
    Floats all;
    for (std::int64_t i = 0; i < array.count * array.elements(); ++i)
      all.push_back(Rows{.data = array.data(), .dtype = array.dtype}.at(i, 0));
    return all;
  }

  TemporaryFolder folder_;
  std::vector<std::string> lines_;
};

template <class T>
std::string big_endian(const std::vector<T>& values) {
  auto bytes = raw(values);
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(T)) std::reverse(bytes.begin() + i, bytes.begin() + i + sizeof(T));
  return bytes;
}

TEST_F(DataFiles, ImagesOfEveryNumericTypeAreReadWithAWord) {
  auto expect = [&](const std::string& type, const std::string& name, auto values) {
    for (char order : {'<', '>'}) {
      auto data = images(npy(order + type, "(3, 1)", order == '<' ? raw(values) : big_endian(values)));
      EXPECT_THAT(numbers(data.images()), ElementsAre(0, 1, 100)) << order << type;
      ASSERT_EQ(lines_.size(), type == "f4" || type == "u1" ? 0u : 1u) << order << type;
      for (const auto& line : lines_) EXPECT_THAT(line, HasSubstr("x.npy: its " + name + " are "));
    }
  };
  expect("f4", "float32", Floats{0, 1, 100});
  expect("f8", "float64", std::vector<double>{0, 1, 100});
  expect("f2", "float16", std::vector<std::uint16_t>{0, 0x3c00, 0x5640});
  expect("u1", "uint8", std::vector<std::uint8_t>{0, 1, 100});
  expect("i1", "int8", std::vector<std::int8_t>{0, 1, 100});
  expect("u2", "uint16", std::vector<std::uint16_t>{0, 1, 100});
  expect("i2", "int16", std::vector<std::int16_t>{0, 1, 100});
  expect("u4", "uint32", std::vector<std::uint32_t>{0, 1, 100});
  expect("i4", "int32", std::vector<std::int32_t>{0, 1, 100});
  expect("u8", "uint64", std::vector<std::uint64_t>{0, 1, 100});
  expect("i8", "int64", std::vector<std::int64_t>{0, 1, 100});
  EXPECT_THAT(numbers(images(npy("|b1", "(3, 1)", std::string("\0\1\1", 3))).images()), ElementsAre(0, 1, 1));
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("its bool are read as float32")));
  images(npy("|i1", "(1, 1)", "x"));
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("only uint8 is divided by 255")));
}

TEST_F(DataFiles, HalfPrecisionIsReadExactly) {
  auto data = images(npy("<f2", "(6, 1)", raw(std::vector<std::uint16_t>{0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00, 0x7e00})));
  auto values = numbers(data.images());
  EXPECT_THAT(Floats(values.begin(), values.begin() + 5), ElementsAre(-2.0f, 65504.0f, 0x1p-24f, -0.0f, INFINITY));
  EXPECT_TRUE(std::signbit(values[3]) && std::isnan(values[5]));
}

TEST_F(DataFiles, FortranOrderIsPutIntoCOrder) {
  // array[n][i][j] = 100 n + 10 i + j of shape (2, 2, 3); the first index varies fastest in the file.
  Floats in_file;
  for (int j = 0; j < 3; ++j)
    for (int i = 0; i < 2; ++i)
      for (int n = 0; n < 2; ++n) in_file.push_back(static_cast<float>(100 * n + 10 * i + j));
  auto data = images(npy("<f4", "(2, 2, 3)", raw(in_file), true));
  EXPECT_THAT(numbers(data.images()), ElementsAre(0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112));
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("x.npy: its float32 are put into C order")));
  images(npy("<f8", "(1, 1)", raw(std::vector<double>{0.5}), true));
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("its float64 are rounded to float32 and put into C order")));
}

TEST_F(DataFiles, ArraysOfNoRealNumbersAreRefusedWithWhatToSave) {
  expect_error([&] { images(npy("<c8", "(2, 4)", std::string(64, '\0'))); }, "x.npy: holds complex numbers (complex64); save array.real");
  expect_error([&] { labels(npy("|O", "(2,)", "pickle"), 2); }, "y.npy: holds Python objects instead of numbers");
  expect_error([&] { labels(npy("<U3", "(2,)", std::string(24, '\0')), 2); }, "y.npy: holds text");
  expect_error([&] { labels(npy("<M8[s]", "(2,)", std::string(16, '\0')), 2); }, "y.npy: holds times");
  expect_error([&] { images(npy("<f16", "(1, 1)", std::string(16, '\0'))); }, "holds numbers of type <f16");
}

TEST_F(DataFiles, NumbersThatDoNotFitAreNamedByRow) {
  expect_error([&] { images(npy("<f8", "(2, 2)", raw(std::vector<double>{0, 0, 0, 1e300}))); },
               "x.npy: row 1: number 1 is 1e+300, which does not fit float32");
  expect_error([&] { labels(npy("<i8", "(2,)", raw(std::vector<std::int64_t>{0, 3'000'000'000})), 2); },
               "y.npy: row 1: number 0 is 3000000000, which does not fit int32");
  expect_error([&] { labels(npy("<u8", "(1,)", raw(std::vector<std::uint64_t>{~0ull})), 1); }, "is 18446744073709551615");
}

TEST_F(DataFiles, HeadersThatLieAreErrors) {
  expect_error([&] { images(npy("<f4", "(3000000000, 3000000000, 4)", "")); }, "but 0 follow");
  expect_error([&] { images(npy("<f4", "(2, x)", std::string(8, '\0'))); }, "its header is broken at shape");
  expect_error([&] { images(npy("<f4", "(2, -1)", std::string(8, '\0'))); }, "has shape (2, -1)");
  expect_error([&] { images(npy("<f4", "(5000000000, 0)", "")); }, "each dimension is at least 1");
  EXPECT_EQ(images(npy("<f4", "(2L, 1L)", std::string(8, '\0'))).size(), 2) << "as Python 2 writes it";
}

Sequential classifier(const std::string& loss = "categoricalCrossentropy") {
  Sequential model({Dense{.units = 3, .activation = "softmax", .input_shape = {1}}});
  model.set_run_options({.backend = Backend::reference});
  model.compile({.loss = loss});
  return model;
}

TEST_F(DataFiles, LabelsOfEveryFormGiveTheSameLoss) {
  // Classes 0, 2, 1.
  auto loss = [&](const std::string& name, const std::string& bytes) { return classifier(name).evaluate(labels(bytes, 3))["loss"]; };
  const std::vector<double> one_hot = {1, 0, 0, 0, 0, 1, 0, 1, 0};
  const auto expected = loss("categoricalCrossentropy", npy("<f8", "(3, 3)", raw(one_hot)));
  EXPECT_NEAR(expected, std::log(3.0), 1e-6) << "the images are 0";
  const std::string bools("\1\0\0\0\0\1\0\1\0", 9);
  EXPECT_EQ(loss("categoricalCrossentropy", npy("|b1", "(3, 3)", bools)), expected);
  EXPECT_EQ(loss("categoricalCrossentropy", npy("|u1", "(3, 3)", bools)), expected);
  for (const auto* name : {"categoricalCrossentropy", "sparseCategoricalCrossentropy"}) {
    EXPECT_EQ(loss(name, npy("<i8", "(3,)", raw(std::vector<std::int64_t>{0, 2, 1}))), expected);
    EXPECT_EQ(loss(name, npy("<f4", "(3, 1)", raw(Floats{0, 2, 1}))), expected);
    EXPECT_EQ(loss(name, npy("<f4", "(3,)", raw(Floats{0, 2, 1}))), expected);
    EXPECT_EQ(loss(name, npy("<u2", "(3, 1)", raw(std::vector<std::uint16_t>{0, 2, 1}))), expected);
  }
}

TEST_F(DataFiles, ClassNumbersOfPixelsNeedTheSparseLoss) {
  Sequential model({Conv2D{.filters = 3, .kernel_size = {1, 1}, .activation = "softmax", .input_shape = {2, 2, 1}}});
  model.set_run_options({.backend = Backend::reference});
  model.compile({});
  auto data = DataSet::from(Floats(4), {2, 2, 1}, {0, 1, 2, 0}, {2, 2});
  expect_error([&] { model.evaluate(data); },
               "labels have shape 2×2, but the model's output with loss categoricalCrossentropy takes 2×2×3; use sparseCategoricalCross");
  model.compile({.loss = "sparseCategoricalCrossentropy"});
  EXPECT_NEAR(model.evaluate(data)["loss"], std::log(3.0), 1e-6);
}

TEST_F(DataFiles, ALabelOutOfRangeIsPrintedExactly) {
  constexpr auto kMost = std::numeric_limits<std::int32_t>::max();
  expect_error([&] { classifier().evaluate(labels(npy("<i4", "(1,)", raw(std::vector<std::int32_t>{kMost})), 1)); },
               "label 0 is 2147483647, but the model has 3 classes");
}

TEST_F(DataFiles, ValuesForARegressionOfThreeNumbersAreNotCalledClasses) {
  Sequential model({Dense{.units = 3, .input_shape = {1}}});
  model.compile({.loss = "meanSquaredError"});
  expect_error([&] { model.evaluate(labels(npy("<f4", "(2,)", raw(Floats{0.5f, 1})), 2)); },
               "y.npy: labels have shape scalar, but the model's output with loss meanSquaredError takes 3");
}

TEST_F(DataFiles, ShapesAreComparedAndNotNumbersOfElements) {
  Sequential model({Flatten{.input_shape = {4, 2, 3}}, Dense{.units = 3, .activation = "softmax"}});
  model.set_run_options({.backend = Backend::reference});
  auto shaped = [&](std::vector<std::int64_t> shape) { return DataSet::from(Floats(24), std::move(shape), {0}, {}); };
  EXPECT_NO_THROW(model.predict(shaped({4, 2, 3})));
  EXPECT_NO_THROW(model.predict(shaped({24}))) << "flat rows";
  expect_error([&] { model.predict(shaped({3, 4, 2})); },
               "images have shape 3×4×2, but the model takes 4×2×3; its channels stand first: save numpy.moveaxis(array, 1, -1)");
  expect_error([&] { model.predict(shaped({2, 4, 3})); }, "images have shape 2×4×3, but the model takes 4×2×3");
  expect_error([&] { model.predict(shaped({8, 3})); }, "images have shape 8×3");
  Sequential gray({Flatten{.input_shape = {4, 6, 1}}, Dense{.units = 3, .activation = "softmax"}});
  gray.set_run_options({.backend = Backend::reference});
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{{4, 6}, {4, 6, 1}, {1, 4, 6}, {24}})
    EXPECT_NO_THROW(gray.predict(shaped(shape)));
}

TEST_F(DataFiles, TargetsOfBytesAreRefusedUnlessTheyAreZerosAndOnes) {
  Sequential model({Dense{.units = 4, .activation = "sigmoid", .input_shape = {4}}});
  model.set_run_options({.backend = Backend::reference});
  auto pair = [](std::uint8_t most) {
    DataSet::Array array{.shape = {4}, .dtype = DType::u8, .bytes = Bytes{0, 1, most, 0}, .count = 1, .name = "y"};
    return DataSet::from(array, array);
  };
  for (const auto* loss : {"binaryCrossentropy", "meanSquaredError"}) {
    model.compile({.loss = loss});
    EXPECT_NO_THROW(model.train_on_batch(pair(1)));
    expect_error([&] { model.train_on_batch(pair(255)); },
                 "y: targets are bytes up to 255, which, unlike images, are not divided by 255; save array.astype('float32') / 255");
  }
}

TEST_F(DataFiles, BinaryCrossEntropyTakesTargetsFromZeroToOne) {
  Sequential model({Dense{.units = 1, .activation = "sigmoid", .input_shape = {1}}});
  model.set_run_options({.backend = Backend::reference});
  model.compile({.loss = "binaryCrossentropy"});
  EXPECT_NO_THROW(model.train_on_batch(DataSet::from({1, 2}, {1}, {0.25f, 1}, {1})));
  expect_error([&] { model.train_on_batch(DataSet::from({1, 2}, {1}, {0, -1}, {1})); },
               "label 1 is -1, but loss binaryCrossentropy takes numbers from 0 to 1");
}

TEST_F(DataFiles, ANaNIsNamedByTheRowOfTheFileBeforeTheFirstStep) {
  Sequential model({Dense{.units = 2, .activation = "softmax", .input_shape = {3}}});
  model.set_run_options({.backend = Backend::reference});
  Floats x(50 * 3, 0.5f), y(50);
  x[37 * 3 + 2] = NAN;
  auto data = DataSet::from(x, {3}, y, {});
  int steps = 0;
  FitOptions options{.batch_size = 8, .on_step_end = [&](std::int64_t, const Logs&) { ++steps; }};
  expect_error([&] { model.fit(data, options); }, "images: row 37: number 2 is nan");
  expect_error([&] { model.fit(data.shuffled(3), options); }, "images: row 37: number 2 is nan");
  options.validation_data = data;
  expect_error([&] { model.fit(data.slice(0, 37), options); }, "images: row 37");
  EXPECT_EQ(steps, 0);
  expect_error([&] { model.evaluate(data); }, "images: row 37");
  expect_error([&] { model.train_on_batch(data.slice(32, 8)); }, "images: row 37");
  EXPECT_NO_THROW(model.train_on_batch(data.slice(0, 37)));
  auto outputs = model.predict(data);
  for (std::size_t i = 0; i < outputs.size(); ++i) EXPECT_EQ(std::isnan(outputs[i]), i / 2 == 37) << i;
  y[49] = INFINITY;
  expect_error([&] { model.fit(DataSet::from(Floats(150), {3}, y, {}), {}); }, "labels: ");
}

TEST_F(DataFiles, NumbersOfATablesRowsAreWhatTheyAreInEveryType) {
  Sequential model({Embedding{.input_dim = 200, .output_dim = 1, .input_shape = {2}, .name = "words"}, Flatten{}});
  Floats table(200);
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<float>(i) / 2;
  model.set_weights({{"words/embeddings", {200, 1}, table}});
  for (auto backend : {Backend::jit, Backend::reference}) {
    model.set_run_options({.backend = backend});
    auto expect = [&](const std::string& type, auto values) {
      EXPECT_THAT(model.predict(images(npy(type, "(2, 2)", raw(values)))), ElementsAre(0, 0.5, 99.5, 50)) << type;
    };
    // Bytes too, which are divided by 255 for other layers.
    expect("|u1", std::vector<std::uint8_t>{0, 1, 199, 100});
    expect("<i4", std::vector<std::int32_t>{0, 1, 199, 100});
    expect("<i8", std::vector<std::int64_t>{0, 1, 199, 100});
    expect("<f4", Floats{0, 1, 199, 100});
  }
}

TEST_F(DataFiles, ANumberOfNoRowIsNamedBeforeTheFirstStep) {
  Functional f;
  auto x = f.apply(Reshape{.target_shape = {4}}, f.input({2, 2}));
  auto model = f.model(f.apply(Dense{.units = 2, .activation = "softmax"},
                               f.apply(Flatten{}, f.apply(Embedding{.input_dim = 5, .output_dim = 3, .name = "words"}, x))));
  model.set_run_options({.backend = Backend::reference});
  Floats numbers(20 * 4, 4), y(20);
  numbers[13 * 4 + 1] = 5;
  auto data = DataSet::from(numbers, {2, 2}, y, {});
  int steps = 0;
  const FitOptions options{.batch_size = 8, .on_step_end = [&](std::int64_t, const Logs&) { ++steps; }};
  const auto message = "images: row 13: number 1 is 5, but layer \"words\" has a table of 5 rows, 0 to 4";
  expect_error([&] { model.fit(data, options); }, message);
  expect_error([&] { model.fit(data.shuffled(3), options); }, message);
  EXPECT_EQ(steps, 0);
  expect_error([&] { model.evaluate(data); }, message);
  expect_error([&] { model.predict(data); }, message);
  expect_error([&] { model.gradients(data); }, message);
  EXPECT_NO_THROW(model.train_on_batch(data.slice(0, 13)));
  auto with = [&](float number) {
    Floats few(4, 0);
    few[2] = number;
    return DataSet::from(few, {2, 2}, Floats(1), {});
  };
  expect_error([&] { model.predict(with(-1)); }, "number 2 is -1, but layer \"words\"");
  expect_error([&] { model.predict(with(NAN)); }, "number 2 is nan, but layer \"words\"");
  expect_error([&] { model.predict(with(1e30f)); }, "number 2 is 1e+30, but layer \"words\"");
  EXPECT_NO_THROW(model.predict(with(0)));
}

TEST_F(DataFiles, ComputedNumbersOfRowsAreThoseOfTheNearestOnes) {
  Sequential model({Rescaling{.scale = 2, .input_shape = {5}}, Embedding{.input_dim = 3, .output_dim = 1, .name = "words"}, Flatten{}});
  model.set_weights({{"words/embeddings", {3, 1}, {10, 11, 12}}});
  for (auto backend : {Backend::jit, Backend::reference}) {
    model.set_run_options({.backend = backend});
    for (auto edge : {std::numeric_limits<float>::infinity(), 3e38f, 2e9f})
      EXPECT_THAT(model.predict(DataSet::from({-edge, edge, 0.5, -0.4f, NAN}, {5}, {0}, {})), ElementsAre(10, 12, 11, 10, 10));
  }
}

TEST_F(DataFiles, AFolderWithoutTestFilesHasNoTestData) {
  write("x_train.npy", npy("<f4", "(2, 3)", raw(Floats(6))));
  write("y_train.npy", npy("|u1", "(2,)", std::string(2, '\0')));
  auto pair = load_data(folder_.path().string(), [this](const std::string& line) { lines_.push_back(line); });
  EXPECT_EQ(pair.train.size(), 2);
  EXPECT_EQ(pair.test.size(), 0);
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("has neither x_test.npy nor y_test.npy: there are no test data to validate on")));
  write("x_test.npy", npy("<f4", "(2, 3)", raw(Floats(6))));
  expect_error([&] { load_data(folder_.path().string()); }, "y_test.npy: cannot be read");
}

}  // namespace
}  // namespace gradc::test
