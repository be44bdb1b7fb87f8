// Models of several inputs and outputs, trained as Keras trains them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "frontend/topology.h"
#include "frontend/training_json.h"
#include "gradc/error.h"
#include "ir/type.h"
#include "support/files.h"
#include "tests/parity/recorded.h"

namespace gradc::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

using Floats = std::vector<float>;

DataSet data_of(const fs::path& folder, const json& result) {
  auto files = [&](const char* kind, const json& names) {
    std::vector<NamedFile> all;
    for (const auto& name : names) {
      auto text = name.get<std::string>();
      all.push_back({text, folder / (kind + ("_" + text) + ".npy")});
    }
    // By name, in whatever order.
    std::reverse(all.begin(), all.end());
    return all;
  };
  return DataSet::from_named_npy(files("x", result["inputs"]), files("y", result["outputs"]));
}

void expect_close(const Floats& got, const json& expected, double tolerance, const std::string& what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i].get<double>(), tolerance) << what << " " << i;
}

void expect_predictions(Model& model, const DataSet& batch, const json& expected, double tolerance) {
  const auto all = model.predict_all(batch);
  const auto outputs = output_names(model.topology());
  ASSERT_EQ(outputs.size(), expected.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) expect_close(all[i], expected[outputs[i]], tolerance, "output " + outputs[i]);
}

/// The name that gradc logs a metric of Keras's under.
std::string logged_as(std::string name) {
  const std::string accuracy = "accuracy";
  if (auto at = name.find(accuracy); at != std::string::npos) name.replace(at, accuracy.size(), "acc");
  return name;
}

/// Trains a model of a folder on, and returns it.
Model train_on(const fs::path& folder, const json& result, const RunOptions& options) {
  const auto data = data_of(folder, result);
  const auto batch = result["batch"].get<std::int64_t>();
  auto model = Model::load(folder, options);
  expect_predictions(model, data.slice(0, batch), result["before"], 2e-5);
  for (std::size_t i = 0; i < result["steps"].size(); ++i) {
    auto logs = model.train_on_batch(data.slice(static_cast<std::int64_t>(i) * batch, batch));
    if (!result["same_name"]) {
      EXPECT_EQ(logs.size(), result["steps"][i].size());
    }
    for (const auto& [name, value] : result["steps"][i].items()) {
      EXPECT_TRUE(logs.contains(logged_as(name))) << name;
      EXPECT_NEAR(logs[logged_as(name)], value.get<double>(), 5e-5) << name << " of step " << i;
    }
  }
  for (const auto& weight : model.weights()) expect_close(weight.values, result["weights"][weight.name], 1e-4, weight.name);
  expect_predictions(model, data.slice(0, batch), result["after"], 1e-4);
  return model;
}

TEST(Keras, ModelsOfSeveralInputsAndOutputsTrainAsInKeras) {
  TemporaryFolder temporary;
  run_in_keras("several", "several.py", temporary.path() / "made");
  const auto folders = folders_in(temporary.path() / "made");
  EXPECT_EQ(folders.size(), 5);
  for (const auto& folder : folders)
    for (const auto& run : runs()) {
      SCOPED_TRACE(folder.filename().string() + " on " + run.name);
      const auto result = json::parse(read_file(folder / "result.json"));
      auto model = train_on(folder, result, run.options);
      // What is saved trains on as what was.
      const auto saved = temporary.path() / "saved";
      model.save(saved);
      auto again = Model::load(saved, run.options);
      const auto data = data_of(folder, result);
      EXPECT_EQ(again.evaluate(data), model.evaluate(data));
      EXPECT_EQ(again.training().outputs.size(), model.training().outputs.size());
    }
}

/// x and a shifted one give their sum, and the first its double.
Model two_and_two() {
  Functional f;
  auto a = f.input({2}, "a"), b = f.input({2}, "b");
  auto joined = f.apply(Concatenate{.name = "joined"}, {a, b});
  auto sum = f.apply(Dense{.units = 1, .name = "sum"}, joined), twice = f.apply(Dense{.units = 2, .name = "twice"}, a);
  auto model = f.model({sum, twice});
  model.compile({.optimizer = Adam{.learning_rate = 0.05},
                 .loss = "meanSquaredError",
                 .outputs = {{"twice", {{"meanSquaredError", {.weight = 0.5}}, {"mae"}}}}});
  return model;
}

DataSet::Part part(const std::string& of, Floats numbers, std::vector<std::int64_t> shape) {
  const auto count = static_cast<std::int64_t>(numbers.size()) / Type{DType::f32, shape}.elements();
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(numbers.data());
  return {
      .of = of,
      .array = {
          .shape = std::move(shape), .bytes = {bytes, bytes + numbers.size() * sizeof(float)}, .count = count, .name = "array of " + of}};
}

DataSet sums(std::int64_t count, bool named = true) {
  Floats a, b, sum, twice;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto x = static_cast<float>(i % 7) / 7, y = static_cast<float>(i % 5) / 5;
    a.insert(a.end(), {x, -x});
    b.insert(b.end(), {y, 1 - y});
    sum.push_back(x + y);
    twice.insert(twice.end(), {2 * x, -2 * x});
  }
  auto name = [&](const char* text) { return named ? std::string(text) : ""; };
  return DataSet::from({part(name("a"), a, {2}), part(name("b"), b, {2})}, {part(name("sum"), sum, {1}), part(name("twice"), twice, {2})});
}

TEST(Several, ModelsMadeInCppLearnAllOutputs) {
  auto model = two_and_two();
  auto history = model.fit(sums(100), {.batch_size = 16, .epochs = 60, .validation_split = 0.2});
  const auto& last = history.epochs.back();
  EXPECT_LT(last.at("loss"), 1e-3);
  EXPECT_LT(last.at("val_twice_mae"), 0.05);
  EXPECT_NEAR(last.at("loss"), last.at("sum_loss") + 0.5 * last.at("twice_loss"), 1e-6);
  // By order, and by name, are the same.
  EXPECT_EQ(model.evaluate(sums(30, false)), model.evaluate(sums(30)));
  EXPECT_THAT(model.predict_all(sums(3))[1],
              testing::Pointwise(testing::FloatNear(0.1), Floats{0, 0, 2.0f / 7, -2.0f / 7, 4.0f / 7, -4.0f / 7}));
  EXPECT_EQ(model.output_shapes(), (std::vector<std::vector<std::int64_t>>{{1}, {2}}));
}

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Several, WhatDoesNotFitIsSaid) {
  auto model = two_and_two();
  const auto a = part("a", {1, 2}, {2}), b = part("b", {1, 2}, {2}), sum = part("sum", {1}, {1}), twice = part("twice", {1, 2}, {2});
  auto told = [&](std::vector<DataSet::Part> inputs, std::vector<DataSet::Part> labels) {
    return message_of([&] { model.train_on_batch(DataSet::from(std::move(inputs), std::move(labels))); });
  };
  EXPECT_EQ(told({a, b}, {sum, twice}), "no error");
  EXPECT_EQ(told({a}, {sum, twice}), "no array is given for \"b\"; the model's inputs are \"a\", \"b\"");
  EXPECT_EQ(told({a, b}, {sum, part("thrice", {1, 2}, {2})}),
            "array of thrice: there is no \"thrice\"; the model's outputs are \"sum\", \"twice\"");
  EXPECT_EQ(told({part("", {1, 2}, {2})}, {sum, twice}), "1 array is given, but the model's inputs are \"a\", \"b\"");
  EXPECT_EQ(told({a, part("", {1, 2}, {2})}, {sum, twice}), "array of a has a name and array of  has none: name all arrays, or none");
  EXPECT_EQ(told({a, a}, {sum, twice}), "two arrays are named \"a\"");
  EXPECT_EQ(told({a, part("b", {1, 2, 3, 4}, {2})}, {sum, twice}), "array of a holds 1 rows, but array of b holds 2");
  EXPECT_THAT(told({a, part("b", {1, 2, 3}, {3})}, {sum, twice}), HasSubstr("array of b: images have shape 3, but the model takes 2"));
  EXPECT_THAT(told({a, b}, {sum, part("twice", {NAN, 2}, {2})}), HasSubstr("array of twice: row 0: number 0 is nan"));
  EXPECT_THAT(message_of([&] { model.predict(sums(1)); }), HasSubstr("the model has 2 outputs, sum, twice: predict_all gives each"));
  EXPECT_THAT(message_of([&] { model.compile({.loss = "mse", .outputs = {{"thrice", {}}}}); }),
              HasSubstr("there is a loss for \"thrice\", but the model's outputs are sum, twice"));
}

/// What a command printed, and whether it succeeded.
std::pair<std::string, bool> printed(const fs::path& folder, const std::string& arguments) {
  const auto log = (folder / "log").string();
  const bool succeeded =
      std::system(("cd '" + folder.string() + "' && " GRADC_COMMAND " " + arguments + " >'" + log + "' 2>&1").c_str()) == 0;
  return {read_file(log), succeeded};
}

TEST(Several, InputsMayBeCalledWhatAStepsOwnAre) {
  for (const char* name : {"valid", "batch_size", "random_key", "image_index", "images", "labels"}) {
    Functional f;
    auto a = f.input({2}, name), b = f.input({2}, "b");
    auto x = f.apply(Dropout{.rate = 0.25, .name = "dropped"}, f.apply(Concatenate{.name = "joined"}, {a, b}));
    auto model = f.model({f.apply(Dense{.units = 2, .name = "y"}, x), f.apply(Dense{.units = 1, .name = "z"}, x)});
    model.compile({.loss = "meanSquaredError"});
    const auto data = DataSet::from({part(name, {1, 2, 3, 4}, {2}), part("b", {4, 3, 2, 1}, {2})},
                                    {part("y", {1, 0, 0, 1}, {2}), part("z", {1, 2}, {1})});
    std::vector<double> losses;
    const auto start = model.weights();
    for (auto backend : {Backend::jit, Backend::reference}) {
      model.set_run_options({.backend = backend});
      model.set_weights(start);
      losses.push_back(model.evaluate(data).at("loss"));
      EXPECT_TRUE(std::isfinite(model.train_on_batch(data).at("loss"))) << name;
    }
    EXPECT_NEAR(losses[0], losses[1], 1e-5) << name;
  }
}

TEST(Several, TheCommandTakesAFileForEach) {
  TemporaryFolder temporary;
  const auto& folder = temporary.path();
  two_and_two().save(folder);
  auto npy = [&](const std::string& name, std::int64_t rows, std::int64_t columns) {
    std::string header = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
    header.resize(117, ' ');
    std::string bytes("\x93NUMPY\x01\x00\x76\x00", 10);
    const Floats numbers(static_cast<std::size_t>(rows * columns), 0.25f);
    bytes += header + "\n" + std::string(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float));
    write_file(folder / name, bytes);
  };
  npy("a.npy", 6, 2);
  npy("b=.npy", 6, 2);
  npy("s.npy", 6, 1);
  npy("t.npy", 6, 2);
  const std::string data = "--x b=b=.npy --x a=a.npy --y twice=t.npy --y sum=s.npy";
  auto [text, succeeded] = printed(folder, "train model.json " + data + " --epochs 1 --quiet --metrics sum=mse,mae");
  EXPECT_TRUE(succeeded) << text;
  for (const char* each : {"loss: ", "sum_loss: ", "twice_loss: ", "sum_mse: ", "sum_mae: ", "twice_mae: "})
    EXPECT_THAT(text, HasSubstr(each));
  EXPECT_TRUE(printed(folder, "eval model.json " + data + " --loss twice=mae").second);
  EXPECT_THAT(printed(folder, "predict model.json --x a.npy --x b=.npy --out p.npy").first,
              testing::AllOf(HasSubstr("wrote 6 predictions to p-sum.npy"), HasSubstr("wrote 6 predictions to p-twice.npy")));
  EXPECT_EQ(fs::file_size(folder / "p-twice.npy"), 128 + 6 * 2 * 4);
  auto wrong = printed(folder, "train model.json --x a=a.npy --y sum=s.npy --y twice=t.npy");
  EXPECT_FALSE(wrong.second);
  EXPECT_THAT(wrong.first, HasSubstr("no array is given for \"b\"; the model's inputs are \"a\", \"b\""));
  for (const char* command : {"summary model.json", "dump model.json --after plan", "diff jit reference --model model.json --data random",
                              "bench model.json --seconds 0.01", "profile model.json --seconds 0.01"}) {
    auto [output, ok] = printed(folder, command);
    EXPECT_TRUE(ok) << command << "\n" << output;
  }
}

TEST(Several, TheCommandTakesOneNpzOfAllArrays) {
  TemporaryFolder temporary;
  const auto& folder = temporary.path();
  two_and_two().save(folder);
  run_command(GRADC_KERAS " '" GRADC_SOURCE "/tests/model/npz.py' '" + folder.string() + "'");
  const std::string train = "train model.json --backend reference --epochs 2 --quiet ";
  const auto [expected, trained] = printed(folder, train + "--x all.npz");
  EXPECT_TRUE(trained) << expected;
  EXPECT_THAT(expected, HasSubstr("twice_mae: "));
  for (const char* data : {"--x inputs.npz --y labels.npz", "--x b=all.npz --x a=inputs.npz --y sum=labels.npz --y twice=all.npz"})
    EXPECT_EQ(printed(folder, train + data).first, expected) << data;
  for (const char* command : {"eval model.json", "diff jit reference --model model.json"}) {
    const auto [text, succeeded] = printed(folder, command + std::string(" --x all.npz"));
    EXPECT_TRUE(succeeded) << text;
  }
  EXPECT_THAT(printed(folder, "predict model.json --x inputs.npz --out p.npy").first, HasSubstr("wrote 4 predictions to p-twice.npy"));
  const auto [wrong, succeeded] = printed(folder, train + "--x inputs.npz");
  EXPECT_FALSE(succeeded);
  EXPECT_THAT(wrong, HasSubstr("inputs.npz: has no array \"sum\", \"twice\" for the model's outputs; it holds \"a\", \"b\", \"ignored\""));
}

TEST(Several, AnInputThatNothingUsesIsGivenAllTheSame) {
  Functional f;
  auto a = f.input({2}, "a");
  f.input({3}, "unused");
  auto model = f.model(f.apply(Dense{.units = 1, .name = "y"}, a));
  model.compile({.loss = "meanSquaredError"});
  for (auto backend : {Backend::jit, Backend::reference}) {
    model.set_run_options({.backend = backend});
    auto logs = model.train_on_batch(DataSet::from({part("unused", {1, 2, 3}, {3}), part("a", {1, 2}, {2})}, {part("y", {1}, {1})}));
    EXPECT_TRUE(std::isfinite(logs.at("loss")));
  }
}

}  // namespace
}  // namespace gradc::test
