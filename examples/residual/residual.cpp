// Trains a residual net on the images of Fashion-MNIST, which its first layer pads to 32×32.
//     build/bin/residual MODEL.json DATA [EPOCHS]
#include <cstdlib>
#include <iostream>

#include <fmt/format.h>

#include "gradc/gradc.h"

using namespace gradc;

int main(int argc, char** argv) try {
  if (argc < 3) throw Error("it is called with MODEL.json DATA [EPOCHS]");
  const auto [train, test] = load_data(argv[2]);
  const std::int64_t epochs = argc > 3 ? std::atoi(argv[3]) : 4, batch_size = 64;
  const auto steps = epochs * ((train.size() + batch_size - 1) / batch_size);
  auto model = Model::load(argv[1], {.seed = 1});
  // The rate falls to 0 in all steps together, which a file cannot know.
  model.compile(
      {.optimizer =
           SGD{.learning_rate = CosineDecay{.initial_learning_rate = 0.05, .decay_steps = steps}, .momentum = 0.9, .nesterov = true},
       .metrics = {"accuracy"}});
  model.fit(train, {.batch_size = batch_size, .epochs = epochs, .validation_data = test, .on_epoch_end = [](auto epoch, const Logs& logs) {
                      std::cout << fmt::format("epoch {}  loss {:.4f}  accuracy {:.4f}  on test images: loss {:.4f}  accuracy {:.4f}\n",
                                               epoch + 1, logs.at("loss"), logs.at("acc"), logs.at("val_loss"), logs.at("val_acc"))
                                << std::flush;
                    }});
} catch (const Error& error) {
  std::cerr << "residual: " << error.what() << "\n";
  return 1;
}
