#include <iostream>
#include <memory>

#include "support/error.h"
#include "tools/commands.h"
#include "tools/progress.h"

namespace gradc {

void add_eval(CLI::App& program) {
  auto options = std::make_shared<CommonOptions>();
  auto* command = program.add_subcommand("eval", "Print loss and metrics of a model on data");
  command->footer("Example:\n  gradc eval trained/model.json --data mnist        the 10,000 test images");
  options->add_model(*command);
  options->add_data(*command);
  options->add_run(*command);
  command->callback([options] {
    auto model = options->load_model();
    if (!options->x.empty() && options->y.empty()) throw Error("--x needs --y, the labels to compare with");
    auto data = options->x.empty() ? load_data(options->data).test : DataSet::from_npy(options->x, options->y);
    std::cout << logs_text(model.evaluate(data, options->batch_size)) << "\n";
  });
}

}  // namespace gradc
