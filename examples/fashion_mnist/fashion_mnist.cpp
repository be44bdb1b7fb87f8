// Trains a convolutional net on Fashion-MNIST, and says how much of each kind of clothing it tells right.
//     build/bin/fashion_mnist MODEL.json DATA [EPOCHS]
#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>

#include <fmt/format.h>

#include "gradc/gradc.h"

using namespace gradc;

constexpr int kClasses = 10;
constexpr std::array<const char*, kClasses> kNames = {"T-shirt", "trouser", "pullover", "dress", "coat",
                                                      "sandal",  "shirt",   "sneaker",  "bag",   "ankle boot"};

int main(int argc, char** argv) try {
  if (argc < 3) throw Error("it is called with MODEL.json DATA [EPOCHS]");
  auto [train, test] = load_data(argv[2]);
  auto model = Model::load(argv[1], {.seed = 1});
  model.fit(train, {.batch_size = 64,
                    .epochs = argc > 3 ? std::atoi(argv[3]) : 5,
                    .validation_data = test,
                    .on_epoch_end = [](auto epoch, const Logs& logs) {
                      std::cout << fmt::format("epoch {}  loss {:.4f}  accuracy {:.4f}  on test images: loss {:.4f}  accuracy {:.4f}\n",
                                               epoch + 1, logs.at("loss"), logs.at("acc"), logs.at("val_loss"), logs.at("val_acc"));
                    }});

  const auto probabilities = model.predict(test);
  const auto& labels = test.labels()[0].array;
  std::array<int, kClasses> all = {}, right = {};
  for (std::int64_t i = 0; i < test.size(); ++i) {
    const auto* row = &probabilities[i * kClasses];
    const int told = static_cast<int>(std::max_element(row, row + kClasses) - row), is = labels.data()[i];
    ++all[is];
    right[is] += told == is;
  }
  for (int i = 0; i < kClasses; ++i) std::cout << fmt::format("{:<11} {:.1f} %\n", kNames[i], 100.0 * right[i] / all[i]);
} catch (const Error& error) {
  std::cerr << "fashion_mnist: " << error.what() << "\n";
  return 1;
}
