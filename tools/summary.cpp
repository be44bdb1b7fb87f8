#include <iostream>
#include <memory>

#include "frontend/model_json.h"
#include "inspect/summary.h"
#include "tools/commands.h"

namespace gradc {

void add_summary(cli::Program& program) {
  auto options = std::make_shared<CommonOptions>();
  auto command = program.add_command("summary", "Print a model's layers, their output shapes and numbers of params");
  command.footer("Example:\n  gradc summary model.json");
  options->add_model(command);
  command.callback([options] {
    auto file = read_model(options->model, options->input_shapes());
    naming(options->model, [&] { std::cout << to_string(summarize(file.topology)); });
  });
}

}  // namespace gradc
