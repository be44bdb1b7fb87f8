#include "frontend/model_json.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "frontend/config_reader.h"
#include "frontend/layer_json.h"
#include "frontend/names.h"
#include "frontend/problems.h"
#include "frontend/save.h"
#include "gradc/error.h"
#include "support/files.h"

namespace gradc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Readers recurse into the document; no writer nests a model deeper.
constexpr int kDeepestJson = 500;

json parse_json(const std::string& text) {
  auto bounded = [](int depth, json::parse_event_t, json&) {
    if (depth > kDeepestJson) throw Error("JSON nested deeper than {} levels is no model", kDeepestJson);
    return true;
  };
  try {
    return json::parse(text, bounded);
  } catch (const json::parse_error& error) {
    // nlohmann's message reads "[json.exception...] parse error at line 1, column 9: ...".
    std::string what = error.what();
    auto at = what.find("parse error");
    throw Error("not valid JSON: {}", at == std::string::npos ? what : what.substr(at));
  }
}

int bytes_of(const std::string& dtype) {
  if (dtype == "float32" || dtype == "int32") return 4;
  if (dtype == "uint8" || dtype == "bool" || dtype == "int8") return 1;
  if (dtype == "float16" || dtype == "uint16" || dtype == "int16") return 2;
  if (dtype == "complex64" || dtype == "int64" || dtype == "float64") return 8;
  throw Error("weights of dtype \"{}\" are not known; gradc reads float32", dtype);
}

/// The bytes of a manifest group's files, one after the other. Files outside the model's folder are refused.
std::string read_group(const json& group, const fs::path& folder) {
  std::string bytes;
  if (!group.contains("paths") || !group["paths"].is_array()) throw Error("a group of weightsManifest has no paths");
  for (const auto& each : group["paths"]) {
    if (!each.is_string()) throw Error("a path of weightsManifest is {}, expected a string", each.dump());
    fs::path relative = each.get<std::string>();
    auto root = fs::weakly_canonical(folder);
    auto file = fs::weakly_canonical(folder / relative);
    auto inside = file.lexically_relative(root);
    if (relative.is_absolute() || inside.empty() || *inside.begin() == "..")
      throw Error("weight path \"{}\" leaves the model's folder; weight files stand beside model.json", relative.string());
    bytes += read_file(folder / relative);
  }
  return bytes;
}

std::vector<WeightValues> read_weights(const json& manifest, const fs::path& folder) {
  std::vector<WeightValues> weights;
  if (!manifest.is_array()) throw Error("weightsManifest is not a list");
  for (const auto& group : manifest) {
    if (!group.is_object() || !group.contains("weights") || !group["weights"].is_array())
      throw Error("a group of weightsManifest has no weights");
    auto bytes = read_group(group, folder);
    std::size_t at = 0;
    std::vector<std::string> problems;
    for (const auto& entry : group["weights"]) {
      if (!entry.is_object() || !entry.contains("name") || !entry["name"].is_string() || !entry.contains("shape") ||
          !entry["shape"].is_array())
        throw Error("an entry of weightsManifest has no name and shape");
      WeightValues weight{entry["name"].get<std::string>(), {}, {}};
      auto dtype = entry.contains("dtype") && entry["dtype"].is_string() ? entry["dtype"].get<std::string>() : "float32";
      double count = 1;
      for (const auto& dim : entry["shape"]) {
        if (!dim.is_number_integer() || dim.get<double>() < 0)
          throw Error("weight \"{}\": shape is {}", weight.name, entry["shape"].dump());
        weight.shape.push_back(dim.get<std::int64_t>());
        count *= dim.get<double>();
      }
      const bool quantized = entry.contains("quantization") && !entry["quantization"].is_null();
      if (quantized) {
        auto stored = entry["quantization"].is_object() ? entry["quantization"].value("dtype", "uint8") : "uint8";
        problems.push_back(
            fmt::format("weight \"{}\" is quantized to {}; gradc reads float32: save the model without quantization", weight.name, stored));
        dtype = stored;
      }
      const double size = count * bytes_of(dtype);
      const bool optimizer_state = entry.contains("group") && entry["group"] == "optimizer";
      const bool is_count = dtype == "int32" && weight.shape.empty();  // How many numbers a Normalization has seen.
      if (!optimizer_state && !quantized && dtype != "float32" && !is_count)
        problems.push_back(fmt::format("weight \"{}\" is of dtype {}; gradc reads float32", weight.name, dtype));
      if (static_cast<double>(at) + size > static_cast<double>(bytes.size())) {
        problems.push_back(fmt::format("the weight files are too short: \"{}\" ends at byte {:.0f}, but there are {}", weight.name,
                                       static_cast<double>(at) + size, bytes.size()));
        throw_problems(problems);
      }
      if (!optimizer_state) {
        if (dtype == "float32") {
          weight.values.resize(static_cast<std::size_t>(count));
          std::memcpy(weight.values.data(), bytes.data() + at, static_cast<std::size_t>(size));
          const auto wrong = std::ranges::find_if_not(weight.values, [](float value) { return std::isfinite(value); });
          if (wrong != weight.values.end())
            problems.push_back(fmt::format("weight \"{}\": number {} is {}", weight.name, wrong - weight.values.begin(), *wrong));
        } else if (is_count) {
          std::int32_t whole = 0;
          std::memcpy(&whole, bytes.data() + at, sizeof whole);
          weight.values = {static_cast<float>(whole)};
        }
        weights.push_back(std::move(weight));
      }
      at += static_cast<std::size_t>(size);
    }
    throw_problems(problems);
    if (at != bytes.size())
      throw Error("the weight files are too long: weightsManifest names {} bytes, but there are {}", at, bytes.size());
  }
  return weights;
}

/// The training configuration of a document, wherever its writer keeps it, or null.
json training_in(const json& document, const json& topology) {
  for (const auto& [object, key] : {std::pair(&document, "trainingConfig"), {&topology, "training_config"}, {&topology, "compile_config"}})
    if (object->is_object() && object->contains(key) && (*object)[key].is_object() && !(*object)[key].empty()) return (*object)[key];
  return {};
}

/// Keras 3 calls a depthwise kernel "kernel"; tf.js and Keras 2, and so gradc, "depthwise_kernel".
void name_depthwise_kernels(ModelFile& model) {
  for (const auto& node : model.topology.layers) {
    const auto& config = json_of(node.layer);
    const auto inner = config.contains("layer") && config["layer"].is_object() ? config["layer"].value("class_name", json()) : json();
    const auto class_name = inner.is_string() ? inner.get<std::string>() : node.layer.class_name();
    if (!class_name.starts_with("DepthwiseConv")) continue;
    for (auto& weight : model.weights)
      for (const auto& name : names_of_weight(weight.name))
        if (name == node.weights + "/kernel") weight.name = node.weights + "/depthwise_kernel";
  }
}

/// Other files that people have of a model begin with these bytes.
void expect_json(const std::string& text) {
  const char* what = text.starts_with("PK\x03\x04") ? "a zip archive, as .keras files are"
                     : text.starts_with("\x89HDF")  ? "HDF5, as .h5 files are"
                                                    : nullptr;
  if (what != nullptr)
    throw Error("is {}, which gradc does not read; \"From Keras 3 to gradc\" in docs/model-files.md writes a model.json with its weights",
                what);
}

ModelFile read_document(const json& document, const fs::path& folder, const InputShapes& shapes) {
  const bool is_bare = document.is_object() && !document.contains("modelTopology") && document.contains("config");
  if (!is_bare && (!document.is_object() || !document.contains("modelTopology")))
    throw Error("has no modelTopology; this is not a LayersModel of tf.js or Keras");
  if (document.contains("format") && document["format"] == "graph-model")
    throw Error("is a GraphModel, which cannot be trained; save a LayersModel");
  const auto& topology = is_bare ? document : document["modelTopology"];
  ModelFile model;
  std::vector<std::string> problems;
  collect(problems, [&] { model.topology = read_topology(topology, writer_of(document), shapes); });
  if (document.contains("weightsManifest")) collect(problems, [&] { model.weights = read_weights(document["weightsManifest"], folder); });
  if (auto training = training_in(document, topology); !training.is_null())
    model.training = read_training(training, writer_of(document), output_names(model.topology));
  if (!problems.empty() && model.training)
    problems.insert(problems.end(), model.training->problems.begin(), model.training->problems.end());
  throw_problems(problems);
  name_depthwise_kernels(model);
  return model;
}

}  // namespace

ModelFile read_model(const fs::path& path, const InputShapes& shapes) {
  auto file = fs::is_directory(path) ? path / "model.json" : path;
  auto folder = file.parent_path().empty() ? fs::path(".") : file.parent_path();
  constexpr int kMostSaves = 100;
  for (int saves = 0;; ++saves) {
    const auto before = version_of(file);
    bool is_read = false;
    try {
      const auto text = read_file(file);
      is_read = true;
      expect_json(text);
      return read_document(parse_json(text), folder, shapes);
    } catch (const std::exception& error) {
      // A save that came between model.json and its weights took those away. Its model.json is another file, perhaps of the same bytes.
      if (saves < kMostSaves && version_of(file) != before) continue;
      if (!is_read) throw;  // says which file
      if (dynamic_cast<const Error*>(&error) != nullptr) throw Error("{}: {}", file.string(), error.what());
      if (dynamic_cast<const json::exception*>(&error) != nullptr)
        throw Error("{}: not a model as tf.js or Keras writes it: {}", file.string(), error.what());
      throw;
    }
  }
}

void write_model(const fs::path& folder, const ModelFile& model) {
  json entries = json::array();
  std::string bytes;
  for (const auto& weight : model.weights) {
    entries.push_back({{"name", weight.name}, {"shape", weight.shape}, {"dtype", "float32"}});
    bytes.append(reinterpret_cast<const char*>(weight.values.data()), weight.values.size() * sizeof(float));
  }
  json document = {{"modelTopology", write_topology(model.topology)},
                   {"format", "layers-model"},
                   {"generatedBy", "gradc"},
                   {"convertedBy", nullptr},
                   {"weightsManifest", json::array({{{"weights", entries}}})}};
  if (model.training && model.training->problems.empty()) {  // What was not understood is not written as something else.
    auto training = write_training(*model.training);
    const auto* version = dialect_of(model.training->writer).keras_version;
    if (model.training->writer != model.topology.writer && version != nullptr) training["keras_version"] = version;
    // tf.js trains by what is under trainingConfig, and leaves alone what Keras writes.
    if (for_tfjs(*model.training))
      document["trainingConfig"] = training;
    else
      document["modelTopology"]["training_config"] = training;
  }
  save_pair(folder, std::move(document), bytes);
}

}  // namespace gradc
