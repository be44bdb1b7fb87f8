#include <iostream>
#include <memory>

#include "backends/kernel.h"
#include "backends/plan.h"
#include "frontend/build.h"
#include "ir/text.h"
#include "runtime/step.h"
#include "support/error.h"
#include "support/files.h"
#include "tools/commands.h"

namespace gradc {
namespace {

struct Options {
  std::string model, after, format = "text", out, mode = "train";
  CommonOptions common;
  bool no_fuse = false;
};

std::string dump(const Options& options) {
  auto file = read_model(options.model);
  BuildOptions build_options{.mode = options.mode == "train"  ? Mode::train
                                     : options.mode == "eval" ? Mode::eval
                                                              : Mode::predict,
                             .fuse = !options.no_fuse,
                             .machine = machine_of({}, options.common.batch_size)};
  if (file.training) build_options.training = *file.training;
  std::string text, names = "lower";
  bool found = options.after.empty();
  std::vector<OptimizerState> states;
  for (const auto& pass : build_passes(build_options, states)) names += ", " + pass.name;
  PassObserver observer;
  observer.after = [&](const Pass& pass, const Graph& graph, double) {
    if (!options.after.empty() && pass.name != options.after) return;
    found = true;
    text = print(graph);
    // After partition: what its phases are, as comments above the text.
    if (!graph.kernels.empty() && graph.kernels.front().phase >= 0)
      text = describe_phases(make_plan(graph, build_options.machine.lanes), options.common.batch_size) + text;
  };
  naming(options.model, [&] { build(file.topology, build_options, observer); });
  if (!found) throw Error("there is no pass \"{}\"; the passes are {}", options.after, names);
  return text;
}

}  // namespace

void add_dump(CLI::App& program) {
  auto options = std::make_shared<Options>();
  auto* command = program.add_subcommand("dump", "Print a model's graph after a pass");
  command->footer("Example:\n  gradc dump model.json --after differentiate");
  command->add_option("MODEL.json", options->model, "A model as tf.js or Keras writes it")->required();
  command
      ->add_option("--after", options->after, "The pass (lower, canonicalize, differentiate, update, fuse, ...); the last one if not given")
      ->type_name("PASS");
  command->add_option("--format", options->format, "text: what gradc parses again")->check(CLI::IsMember({"text"}))->capture_default_str();
  command->add_option("--mode", options->mode, "Which step of the model: train, eval or predict")
      ->check(CLI::IsMember({"train", "eval", "predict"}))
      ->capture_default_str();
  options->common.add_batch_size(*command);
  command->add_flag("--no-fuse", options->no_fuse, "Each op as a kernel of its own");
  command->add_option("-o", options->out, "Write to a file instead of standard output")->type_name("FILE");
  command->callback([options] {
    auto text = dump(*options);
    if (options->out.empty()) {
      std::cout << text;
      return;
    }
    std::filesystem::path out = options->out;
    write_files(out.parent_path().empty() ? "." : out.parent_path(), {{out.filename().string(), text}});
  });
}

}  // namespace gradc
