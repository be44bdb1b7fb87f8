#include <iostream>
#include <memory>

#include "support/error.h"
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

}  // namespace

void add_predict(CLI::App& program) {
  struct Options {
    CommonOptions common;
    std::string out;
  };
  auto options = std::make_shared<Options>();
  auto* command = program.add_subcommand("predict", "Write a model's outputs for images");
  command->footer("Example:\n  gradc predict trained/model.json --x images.npy --out probabilities.npy");
  options->common.add_model(*command);
  command->add_option("--x", options->common.x, "Images, float32 or uint8 (divided by 255)")->type_name("X.npy")->required();
  command->add_option("--out", options->out, "Where the outputs go, float32, a row an image")->type_name("P.npy")->required();
  options->common.add_run(*command);
  command->callback([options] {
    auto model = options->common.load_model(false);
    auto data = DataSet::from_npy(options->common.x, std::nullopt, warn);
    auto values = model.predict(data, options->common.batch_size);
    write_result(options->out, npy_bytes(values, data.size(), model.output_shape()));
    std::cerr << fmt::format("wrote {} predictions to {}\n", data.size(), options->out);
  });
}

}  // namespace gradc
