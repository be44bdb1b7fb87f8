#include <iostream>
#include <memory>

#include "gradc/error.h"
#include "tools/commands.h"
#include "tools/progress.h"

namespace gradc {

void add_eval(cli::Program& program) {
  auto options = std::make_shared<CommonOptions>();
  auto command = program.add_command("eval", "Print loss and metrics of a model on data");
  command.footer("Example:\n  gradc eval trained/model.json --data mnist        the 10,000 test images");
  options->add_model(command);
  options->add_trained_data(command);
  options->add_run(command);
  options->training.add_loss(command);
  command.callback([options] {
    auto model = options->load_model_to_train();
    options->tell_if_untrained(model);
    std::cout << logs_text(model.evaluate(options->test_data(model.topology()), options->batch_size)) << "\n";
  });
}

}  // namespace gradc
