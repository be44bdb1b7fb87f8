#include "tests/parity/recorded.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "frontend/names.h"
#include "frontend/training_json.h"
#include "gradc/error.h"
#include "support/files.h"

namespace gradc::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr double kPredictions = 2e-5, kLoss = 5e-5, kTrained = 1e-4;

class Comparison {
 public:
  std::vector<std::string> lines;

  void number(double got, double expected, double tolerance, const std::string& what) {
    if (!(std::abs(got - expected) <= tolerance * std::max(1.0, std::abs(expected))))
      lines.push_back(fmt::format("{}: {}, expected {}", what, got, expected));
  }
  void values(const std::vector<float>& got, const std::vector<double>& expected, double tolerance, const std::string& what) {
    if (got.size() != expected.size()) return lines.push_back(fmt::format("{}: {} values, expected {}", what, got.size(), expected.size()));
    double largest = 1e-2, worst = 0;
    std::size_t at = 0;
    for (auto v : expected) largest = std::max(largest, std::abs(v));
    for (std::size_t i = 0; i < got.size(); ++i) {
      auto difference = std::abs(got[i] - expected[i]);
      if (difference <= worst) continue;
      at = i;
      worst = std::isnan(difference) ? INFINITY : difference;
    }
    if (worst / largest > tolerance)
      lines.push_back(fmt::format("{}: [{}] is {}, expected {}, of largest {}", what, at, got[at], expected[at], largest));
  }
};

/// What gradc logs under the name that Keras or tf.js has for it: "acc" is Keras's "accuracy", "topKCategoricalAccuracy" its
/// "top_k_categorical_accuracy".
double logged(const Logs& logs, const std::string& metric) {
  const std::string val = metric.starts_with("val_") ? "val_" : "";
  auto name = metric.substr(val.size());
  for (const auto& spelling : {name, camel_case(name), std::string(plain_name(name) == "accuracy" ? "acc" : name)})
    if (auto found = logs.find(val + spelling); found != logs.end()) return found->second;
  return NAN;
}

}  // namespace

std::vector<Run> runs() {
  return {{"jit, 1 thread", {.threads = 1}},
          {"jit, 2 threads", {.threads = 2}},
          {"jit --no-fuse", {.fuse = false, .threads = 2}},
          {"reference", {.backend = Backend::reference}}};
}

std::vector<Run> runs_of_model(std::size_t i) {
  const auto all = runs();
  std::vector<Run> chosen = {all[1], all[3]};
  if (i % 3 < 2) chosen.push_back(i % 3 == 0 ? all[2] : all[0]);
  return chosen;
}

void run_command(const std::string& command) {
  TemporaryFolder folder;
  auto log = folder.path() / "log";
  if (std::system((command + " >'" + log.string() + "' 2>&1").c_str()) != 0) throw Error("{}\n{}", command, read_file(log));
}

void run_in_keras(const std::string& recording, const std::string& script, const fs::path& out, const fs::path& input) {
  run_command(fmt::format(GRADC_KERAS " '" GRADC_SOURCE "/tests/keras/recall.py' '{}' '" GRADC_SOURCE "/tests/keras/{}' {} '{}'", recording,
                          script, input.empty() ? "" : "'" + input.string() + "'", out.string()));
}

std::vector<float> read_floats(const fs::path& path) {
  auto bytes = read_file(path);
  std::vector<float> values(bytes.size() / 4);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(folder)) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

namespace {

void compare(const fs::path& folder, const RunOptions& run, Comparison& comparison) {
  auto result = json::parse(read_file(folder / "result.json"));
  auto data = DataSet::from(read_floats(folder / "x.f32"), result["shape"], read_floats(folder / "y.f32"), result["labels"]);
  if (result.contains("sample_weights")) {
    data = data.weighted({{.of = "", .array = DataSet::Array::of(read_floats(folder / "w.f32"), result["sample_weights"], "weights")}});
  }
  auto batch = result["batch"].get<std::int64_t>();
  auto first = data.slice(0, batch);
  auto model = Model::load(folder, run);
  if (result.contains("class_weights")) {
    const auto& training = model.training();
    auto loss = training.loss;
    for (const auto& [number, weight] : result["class_weights"].get<std::map<std::int64_t, double>>())
      loss.options.class_weights[number] = weight;
    model.compile({.optimizer = training.optimizer, .loss = loss, .metrics = training.metrics, .writer = training.writer});
  }
  comparison.values(model.predict(first), result["before"], kPredictions, "predictions before training");
  if (result.contains("evaluated")) comparison.number(model.evaluate(first)["loss"], result["evaluated"], kPredictions, "evaluated loss");
  for (std::size_t i = 0; i < result["steps"].size(); ++i) {
    auto logs = model.train_on_batch(data.slice(static_cast<std::int64_t>(i) * batch, batch));
    for (const auto& [name, value] : result["steps"][i].items())
      comparison.number(logged(logs, name), value, kLoss, fmt::format("{} of step {}", name, i + 1));
  }
  if (result.contains("epochs")) {
    auto history = model.fit(data, {.batch_size = batch,
                                    .epochs = static_cast<std::int64_t>(result["epochs"].size()),
                                    .validation_data = data.slice(0, result["validation"]),
                                    .shuffle = false});
    for (std::size_t i = 0; i < history.epochs.size(); ++i)
      for (const auto& [name, value] : result["epochs"][i].items())
        comparison.number(logged(history.epochs[i], name), value, kLoss, fmt::format("{} of epoch {}", name, i + 1));
  }
  std::map<std::string, std::vector<float>> trained;
  for (const auto& weight : model.weights()) {
    trained[weight.name] = weight.values;
    // Keras 3 names it "kernel", as that of every layer.
    if (auto at = weight.name.rfind("depthwise_kernel"); at != std::string::npos)
      trained[weight.name.substr(0, at) + "kernel"] = weight.values;
  }
  for (std::size_t i = 0; i < result["names"].size(); ++i) {
    const auto name = result["names"][i].get<std::string>();
    std::vector<float> values;
    for (const auto& each : names_of_weight(name))
      if (auto found = trained.find(each); found != trained.end() && values.empty()) values = found->second;
    comparison.values(values, result["weights"][i], kTrained, "trained weight " + name);
  }
  comparison.values(model.predict(first), result["after"], kTrained, "predictions after training");
  if (result.contains("again")) {
    comparison.values(model.predict(first), result["again"], kTrained, "predictions from the states after these");
    model.reset_states();
    comparison.values(model.predict(first), result["reset"], kTrained, "predictions from states of zero");
  }
}

}  // namespace

std::vector<std::string> differences(const fs::path& folder, const RunOptions& run) {
  if (fs::exists(folder / "skipped")) return {};
  Comparison comparison;
  try {
    compare(folder, run, comparison);
  } catch (const Error& error) {
    comparison.lines.push_back(error.what());
  }
  return comparison.lines;
}

}  // namespace gradc::test
