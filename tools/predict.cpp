#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include "frontend/topology.h"
#include "gradc/error.h"
#include "support/files.h"
#include "tools/commands.h"

namespace gradc {
namespace {

/// A .npy file of float32 rows.
std::string npy_bytes(const std::vector<float>& values, std::int64_t count, const std::vector<std::int64_t>& shape) {
  auto dims = std::to_string(count) + ",";
  for (auto dim : shape) dims += " " + std::to_string(dim) + ",";
  auto header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + dims + "), }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return bytes;
}

/// "P-NAME.npy" of "P.npy". A name may have characters that those of files have not.
std::string of_output(const std::string& out, std::string name) {
  std::replace(name.begin(), name.end(), '/', '_');
  auto path = std::filesystem::path(out);
  return path.replace_filename(path.stem().string() + "-" + name + path.extension().string()).string();
}

}  // namespace

void add_predict(cli::Program& program) {
  struct Options {
    CommonOptions common;
    std::string out;
  };
  auto options = std::make_shared<Options>();
  auto command = program.add_command("predict", "Write a model's outputs for images");
  command.footer("Example:\n  gradc predict trained/model.json --x images.npy --out probabilities.npy");
  options->common.add_model(command);
  options->common.add_x(command).required();
  command
      .add_option("--out", options->out,
                  "Where the outputs go, float32, a row an image; of a model with several outputs P-NAME.npy for each")
      .type_name("P.npy")
      .required();
  options->common.add_run(command);
  command.callback([options] {
    auto model = options->common.load_model(false);
    options->common.tell_if_untrained(model);
    auto data = options->common.images(model.topology());
    const auto values = model.predict_all(data, options->common.batch_size);
    const auto shapes = model.output_shapes();
    const auto outputs = output_names(model.topology());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto path = values.size() == 1 ? options->out : of_output(options->out, outputs[i]);
      write_result(path, npy_bytes(values[i], data.size(), shapes[i]));
      std::cerr << fmt::format("wrote {} predictions to {}\n", data.size(), path);
    }
  });
}

}  // namespace gradc
