// .npz files as NumPy writes them, and broken ones: tests/model/npz.py makes all of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "compile/build.h"
#include "gradc/error.h"
#include "gradc/model.h"
#include "runtime/step.h"
#include "support/files.h"
#include "tests/parity/recorded.h"

namespace gradc::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Floats = std::vector<float>;

class Npz : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_.emplace();
    run_command(GRADC_KERAS " '" GRADC_SOURCE "/tests/model/npz.py' '" + folder_->path().string() + "'");
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static fs::path path(const std::string& name) { return folder_->path() / name; }

  /// A model's names, as far as data sets ask for them.
  static Topology named(const std::vector<std::string>& inputs, const std::vector<std::string>& outputs) {
    Topology topology;
    for (const auto& name : inputs) topology.inputs.push_back({name, {3}});
    for (const auto& name : outputs) topology.outputs.push_back({name});
    return topology;
  }
  static Floats numbers(const DataSet::Array& array) {
    Floats all;
    for (std::int64_t i = 0; i < array.count * array.elements(); ++i)
      all.push_back(Rows{.data = array.data(), .dtype = array.dtype}.at(i, 0));
    return all;
  }
  static std::string error_of(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  /// What is wrong with a file for a model of one input.
  static std::string error_of(const std::string& file) {
    return error_of([&] { DataSet::from_files({{"", path(file)}}, {}, named({"in"}, {"out"})); });
  }

  static std::optional<TemporaryFolder> folder_;
};

std::optional<TemporaryFolder> Npz::folder_;

Floats sixteenths(float from = 0) {
  Floats all(12);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = from + static_cast<float>(i) / 16;
  return all;
}

TEST_F(Npz, FilesAreWhatTheyHoldForFromNpzAndWhatTheirNamesSayForOthers) {
  const auto model = named({"in"}, {"out"});
  std::filesystem::copy_file(path("pair.npz"), path("PAIR.NPZ"));
  std::filesystem::copy_file(path("pair.npz"), path("pair.zip"));
  for (const char* file : {"PAIR.NPZ", "pair.zip"}) EXPECT_EQ(numbers(DataSet::from_npz(path(file), model).images()), sixteenths()) << file;
  EXPECT_EQ(numbers(DataSet::from_files({{"", path("PAIR.NPZ")}}, {}, model).images()), sixteenths());
  write_file(path("array.npy"), "\x93NUMPY");
  EXPECT_THAT(error_of([&] { DataSet::from_npz(path("array.npy"), model); }), testing::HasSubstr("array.npy: is not a .npz file"));
}

TEST_F(Npz, AModelOfOneInputAndOneOutputTakesTheUsualNames) {
  for (const char* file : {"pair.npz", "train.npz", "zip64.npz"}) {
    const auto data = DataSet::from_npz(path(file), named({"in"}, {"out"}));
    EXPECT_EQ(numbers(data.images()), sixteenths()) << file;
    EXPECT_THAT(numbers(data.labels()[0].array), ElementsAre(0, 2, 1, 1)) << file;
    EXPECT_EQ(data.labels()[0].array.dtype, DType::i32);
  }
}

TEST_F(Npz, TheModelsOwnNamesComeFirst) {
  const auto data = DataSet::from_npz(path("own.npz"), named({"in/put"}, {"output"}));
  EXPECT_EQ(numbers(data.images()), sixteenths());
  EXPECT_THAT(numbers(data.labels()[0].array), ElementsAre(0, 2, 1, 1));
  const auto other = DataSet::from_npz(path("own.npz"), named({"in"}, {"out"}));
  EXPECT_EQ(numbers(other.images()), sixteenths(1)) << "x";
  EXPECT_THAT(numbers(other.labels()[0].array), ElementsAre(0, 0, 0, 0)) << "y_train";
}

TEST_F(Npz, SeveralInputsAndOutputsAreFoundByName) {
  const auto model = named({"b", "a"}, {"twice", "sum"});
  const auto all = DataSet::from_npz(path("all.npz"), model);
  const auto two = DataSet::from_files({{"", path("inputs.npz")}}, {{"", path("labels.npz")}}, model);
  const auto each = DataSet::from_files({{"b", path("all.npz")}, {"a", path("inputs.npz")}}, {{"", path("labels.npz")}}, model);
  for (const auto* data : {&all, &two, &each}) {
    ASSERT_EQ(data->inputs().size(), 2u);
    EXPECT_EQ(data->inputs()[0].of, "b");
    EXPECT_THAT(numbers(data->inputs()[0].array),
                ElementsAre(1.f / 16, 2.f / 16, 4.f / 16, 5.f / 16, 7.f / 16, 8.f / 16, 10.f / 16, 11.f / 16));
    ASSERT_EQ(data->labels().size(), 2u);
    EXPECT_EQ(data->labels()[1].of, "sum");
    EXPECT_THAT(numbers(data->labels()[1].array), ElementsAre(0, 3.f / 16, 6.f / 16, 9.f / 16));
  }
}

TEST_F(Npz, WhatIsMissingIsNamedWithWhatTheFileHolds) {
  EXPECT_EQ(error_of([] { DataSet::from_npz(path("inputs.npz"), named({"b", "c", "d"}, {"sum"})); }),
            path("inputs.npz").string() + ": has no array \"c\", \"d\" for the model's inputs; it holds \"a\", \"b\", \"ignored\"");
  EXPECT_EQ(error_of([] { DataSet::from_npz(path("inputs.npz"), named({"a"}, {"sum"})); }),
            path("inputs.npz").string() +
                ": has no array \"sum\", nor \"y\", nor \"y_train\" for the model's output; it holds \"a\", \"b\", \"ignored\"");
  EXPECT_THAT(error_of("unnamed.npz"),
              HasSubstr("has no array \"in\", nor \"x\", nor \"x_train\" for the model's input; it holds \"arr_0\", "));
  EXPECT_THAT(error_of("other.npz"), HasSubstr("it holds no arrays"));
  EXPECT_THAT(error_of("empty.npz"), HasSubstr("it holds no arrays"));
  EXPECT_THAT(error_of([] { DataSet::from_files({{"c", path("all.npz")}}, {}, named({"a"}, {})); }),
              HasSubstr("all.npz: has no array \"c\"; it holds \"a\", \"b\", \"ignored\", \"sum\", \"twice\""));
  EXPECT_THAT(error_of([] { DataSet::from_files({{"", path("all.npz")}, {"", path("all.npz")}}, {}, named({"a", "b"}, {})); }),
              HasSubstr("all.npz: without a name it stands for all inputs"));
}

TEST_F(Npz, ArraysAreReadAsThoseOfNpyFiles) {
  std::vector<std::string> lines;
  const auto data = DataSet::from_npz(path("kinds.npz"), named({"in"}, {"out"}), [&](const std::string& line) { lines.push_back(line); });
  EXPECT_EQ(numbers(data.images()), sixteenths());
  EXPECT_THAT(numbers(data.labels()[0].array), ElementsAre(0, 2, 1, 1));
  EXPECT_THAT(lines, ElementsAre(HasSubstr("kinds.npz: x: its float64 are rounded to float32 and put into C order")));
  EXPECT_EQ(DataSet::from_npz(path("zeros.npz"), named({"in"}, {"out"})).size(), 1000) << "4 MB, of 4 kB";
}

TEST_F(Npz, AFileStandsForAFolderOfTrainingAndTestData) {
  std::vector<std::string> lines;
  auto warn = [&](const std::string& line) { lines.push_back(line); };
  const auto both = load_data(path("keras.npz").string(), warn);
  EXPECT_EQ(both.train.size(), 4);
  EXPECT_EQ(both.train.images().dtype, DType::u8);
  EXPECT_EQ(both.test.size(), 2);
  EXPECT_TRUE(lines.empty());
  EXPECT_EQ(load_data(path("train.npz").string(), warn).test.size(), 0);
  EXPECT_THAT(lines, ElementsAre(HasSubstr("train.npz: has neither x_test nor y_test: there are no test data to validate on")));
  EXPECT_THAT(error_of([] { load_data(path("pair.npz").string()); }),
              HasSubstr("pair.npz: has no array \"x_train\"; it holds \"x\", \"y\""));
  EXPECT_THAT(error_of([] { load_data(path("none.npz").string()); }), HasSubstr("none.npz: cannot be read: No such file"));
}

TEST_F(Npz, MembersThatAreNoArraysOfNumbersAreErrors) {
  EXPECT_THAT(error_of("text.npz"), HasSubstr("text.npz: x: is not a .npy file"));
  EXPECT_THAT(error_of("objects.npz"), HasSubstr("objects.npz: x: holds Python objects instead of numbers"));
  EXPECT_THAT(error_of("twice.npz"), HasSubstr("twice.npz: holds two arrays named \"x\""));
}

TEST_F(Npz, BrokenFilesAreErrors) {
  for (const char* file : {"nothing.npz", "array.npz"}) EXPECT_THAT(error_of(file), HasSubstr("is not a .npz file, or is cut off")) << file;
  EXPECT_THAT(error_of("bzip2.npz"), HasSubstr("bzip2.npz: x: is packed in a way that NumPy does not write"));
  for (const std::string kind : {"stored", "deflated"}) {
    EXPECT_EQ(error_of(kind + ".npz"), "no error");
    EXPECT_THAT(error_of(kind + "_encrypted.npz"), HasSubstr("x: is encrypted; save it without a password"));
    EXPECT_THAT(error_of(kind + "_flipped.npz"), HasSubstr("x: is cut off or damaged: "));
    EXPECT_THAT(error_of(kind + "_huge.npz"), HasSubstr(" bytes become 4294967280"));
    EXPECT_THAT(error_of(kind + "_far.npz"),
                AnyOf(HasSubstr("its header says that 4294967280 bytes become"), HasSubstr("is not a .npz file")));
    for (const char* size : {"_longer.npz", "_shorter.npz"})
      EXPECT_THAT(error_of(kind + size), HasSubstr("x: is cut off or damaged: ")) << kind << size;
  }
}

TEST_F(Npz, AFileCutOffAnywhereIsAnError) {
  int files = 0;
  for (const auto& entry : fs::directory_iterator(folder_->path())) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with("cut_")) continue;
    ++files;
    EXPECT_THAT(error_of(name), AllOf(StartsWith(entry.path().string()), HasSubstr("is not a .npz file, or is cut off"))) << name;
  }
  EXPECT_GT(files, 20);
}

}  // namespace
}  // namespace gradc::test
