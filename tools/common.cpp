#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <sstream>

#include <fmt/ranges.h>

#include "frontend/training_choice.h"
#include "gradc/error.h"
#include "model/npz.h"
#include "passes/pipeline.h"
#include "support/files.h"
#include "support/processors.h"
#include "tools/commands.h"

namespace gradc {

void naming(const std::string& model, const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    if (std::string_view(error.what()).starts_with(model)) throw;
    throw Error("{}: {}", model, error.what());
  }
}

std::string read_text(const std::string& path) {
  if (path != "-") return read_file(path);
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

void write_result(const std::string& path, const std::string& text) {
  if (path.empty()) {
    std::cout << text;
    return;
  }
  auto folder = std::filesystem::path(path).parent_path();
  remove_leftovers(folder.empty() ? "." : folder);
  write_file(path, text);
}

void warn(const std::string& line) { std::cerr << "gradc: " << line << "\n"; }

void CommonOptions::add_model(cli::Command command) {
  command.add_option("MODEL.json", model, "A model as tf.js or Keras writes it: model.json, or the folder with it").required();
  add_input_shape(command);
}

namespace {

struct NamedShape {
  std::string input;
  Dims shape;
};

/// [NAME=]80,8; nothing if it is no such text.
std::optional<NamedShape> parse_shape(const std::string& text) {
  const auto equals = text.rfind('=');
  NamedShape parsed{equals == std::string::npos ? "" : text.substr(0, equals), {}};
  std::istringstream rest(equals == std::string::npos ? text : text.substr(equals + 1));
  for (std::string dim; std::getline(rest, dim, ',');) {
    const bool digits = !dim.empty() && dim.size() <= 9 && dim.find_first_not_of("0123456789") == std::string::npos;
    if (!digits || std::stoll(dim) < 1) return std::nullopt;
    parsed.shape.push_back(std::stoll(dim));
  }
  if (parsed.shape.empty() || text.ends_with(',')) return std::nullopt;
  return parsed;
}

}  // namespace

void CommonOptions::add_input_shape(cli::Command command) {
  command
      .add_option("--input-shape", input_shape,
                  "The shape of an image or sequence where the model leaves dimensions open, as 80,8; of one of several inputs NAME=80,8")
      .type_name("[NAME=]DIMS")
      .single()
      .check([](const std::string& text) { return parse_shape(text) ? "" : "is not [NAME=] and dimensions with commas, as 80,8"; });
}

InputShapes CommonOptions::input_shapes() const {
  InputShapes shapes;
  for (const auto& text : input_shape) {
    const auto [input, shape] = *parse_shape(text);
    shapes[input] = shape;
  }
  return shapes;
}

cli::Option CommonOptions::add_data(cli::Command command, const std::string& description) {
  auto named = command.add_option("--data", data, description).type_name("NAME|DIR|FILE.npz").show_default();
  auto images = add_x(command);
  command
      .add_option("--y", y,
                  "Labels: class numbers, or rows like the model's output; of a model with several outputs a file for each, or "
                  "one .npz")
      .type_name("[NAME=]Y.npy|.npz")
      .single()
      .needs(images);
  images.excludes(named);
  return images;
}

void CommonOptions::add_trained_data(cli::Command command) {
  auto images = add_data(command);
  command
      .add_option("--sample-weight", sample_weight,
                  "How many times each image counts in the loss: a number for each, or for each step of a sequence; for one of several "
                  "outputs OUTPUT=FILE")
      .type_name("[OUTPUT=]W.npy")
      .single()
      .needs(images);
}

cli::Option CommonOptions::add_x(cli::Command command) {
  return command
      .add_option(
          "--x", x,
          "Images, float32 or uint8 (divided by 255), the first dimension the images; of a model with several inputs a file for each, or "
          "one .npz, which may hold labels too")
      .type_name("[NAME=]X.npy|.npz")
      .single();
}

std::vector<NamedFile> named_files(const std::vector<std::string>& given) {
  std::vector<NamedFile> files;
  for (const auto& text : given) {
    const auto equals = text.find('=');
    const bool named = equals != std::string::npos && equals > 0 && !std::filesystem::exists(text);
    files.push_back(named ? NamedFile{text.substr(0, equals), text.substr(equals + 1)} : NamedFile{"", text});
  }
  return files;
}

DataSet CommonOptions::images(const Topology& model) const { return DataSet::from_files(named_files(x), {}, model, warn); }

DataSet CommonOptions::arrays(const Topology& model) const {
  const auto inputs = named_files(x), labels = named_files(y);
  const bool holds_all = inputs.size() == 1 && inputs[0].of.empty() && is_npz(inputs[0].path);
  if (labels.empty() && !holds_all) throw Error("--x needs --y, the labels to train on or to compare with");
  const auto data = DataSet::from_files(inputs, labels.empty() ? inputs : labels, model, warn);
  return sample_weight.empty() ? data : data.weighted(named_files(sample_weight), model, warn);
}

void CommonOptions::add_batch_size(cli::Command command) {
  command.add_option("--batch-size", batch_size, "Images in a batch").range(1, 1 << 24).show_default();
}

void CommonOptions::add_threads(cli::Command command) {
  command
      .add_option("--threads", threads, "At most so many threads, and fewer where that is faster; 0: every processor this process may use")
      .range(0, kMostThreads)
      .show_default();
  command.add_flag("--pin", pin, "Keep each thread on a processor of its own");
}

void CommonOptions::add_seconds(cli::Command command, double& seconds, const std::string& what) {
  command.add_option("--seconds", seconds, what)
      .check([](const std::string& text) {  // range() lets NaN pass.
        auto value = std::atof(text.c_str());
        return value >= 0.01 && value <= 3600 ? "" : "is not from 0.01 to 3600 seconds";
      })
      .show_default();
}

void CommonOptions::add_disable(cli::Command command) {
  command
      .add_option("--disable", disable,
                  fmt::format("Leave passes out, to find one that goes wrong: {}", fmt::join(optional_passes(), ", ")))
      .delimiter(',')
      .type_name("PASS,...");
}

void CommonOptions::add_run(cli::Command command) {
  add_batch_size(command);
  add_threads(command);
  command.add_option("--seed", seed, "Seed of initial weights, shuffling and dropout").show_default();
  command.add_option("--backend", backend, "jit, or reference: plain loops, what jit is tested against")
      .one_of({"jit", "reference"})
      .show_default();
  command.add_flag("--no-fuse", no_fuse, "Compile each op as a kernel of its own");
  add_disable(command);
}

RunOptions CommonOptions::run_options() const {
  return {.backend = backend == "jit" ? Backend::jit : Backend::reference,
          .fuse = !no_fuse,
          .disable = disable,
          .threads = threads,
          .pin = pin,
          .seed = seed,
          .warn = warn};
}

Model CommonOptions::load_model(bool trains) const {
  auto loaded = Model::load(model, run_options(), input_shapes());
  if (trains) loaded.expect_trainable();
  return loaded;
}

void CommonOptions::tell_if_untrained(const Model& loaded) const {
  if (!loaded.has_weights_of_file()) warn(fmt::format("{}: has no weights; they are what its initializers draw", model));
}

DataSet CommonOptions::test_data(const Topology& model) const {
  if (!x.empty()) return arrays(model);
  auto test = load_data(data, warn).test;
  if (test.size() == 0) throw Error("{}: has no test data to evaluate on; name arrays with --x and --y", data);
  return test;
}

Model CommonOptions::load_model_to_train() const {
  auto loaded = load_model();
  auto config = training.applied_to(loaded.training());
  if (training.any())
    loaded.compile({.optimizer = config.optimizer,
                    .loss = config.loss,
                    .metrics = config.metrics,
                    .outputs = config.outputs,
                    .writer = config.writer});
  if (auto choice = told_choice(config); !choice.empty()) warn(choice);
  return loaded;
}

}  // namespace gradc
