// The tf.js tutorial "Handwritten digit recognition with CNNs", in C++: the same model, and its own protocol. It trains on 100 batches of
// 64 images, validates on 1000 test images every 5 batches, and records loss and accuracy of each for charts.
//     build/bin/tutorial [DATA] [CHART.jsonl]
#include <fstream>
#include <iostream>

#include <fmt/format.h>

#include "gradc/gradc.h"

using namespace gradc;

int main(int argc, char** argv) try {
  auto [train, test] = load_data(argc > 1 ? argv[1] : "mnist");

  Sequential model({
      Conv2D{.filters = 8,
             .kernel_size = {5, 5},
             .strides = {1, 1},
             .activation = "relu",
             .kernel_initializer = VarianceScaling{},
             .input_shape = {28, 28, 1}},
      MaxPooling2D{.pool_size = {2, 2}, .strides = {2, 2}},
      Conv2D{.filters = 16, .kernel_size = {5, 5}, .strides = {1, 1}, .activation = "relu", .kernel_initializer = VarianceScaling{}},
      MaxPooling2D{.pool_size = {2, 2}, .strides = {2, 2}},
      Flatten{},
      Dense{.units = 10, .activation = "softmax", .kernel_initializer = VarianceScaling{}},
  });
  model.compile({.optimizer = SGD{.learning_rate = 0.15}, .loss = "categoricalCrossentropy", .metrics = {"accuracy"}});

  std::ofstream chart;
  if (argc > 2) chart.open(argv[2]);
  auto shuffled = train.shuffled(1), validation = test.shuffled(1);
  for (int i = 0; i < 100; ++i) {
    auto logs = model.train_on_batch(shuffled.slice(i * 64, 64));
    auto line = fmt::format(R"({{"step":{},"loss":{:.6f},"acc":{:.6f})", i, logs["loss"], logs["acc"]);
    if (i % 5 == 0) {
      auto checked = model.evaluate(validation.slice(i / 5 % 10 * 1000, 1000), 1000);
      line += fmt::format(R"(,"val_loss":{:.6f},"val_acc":{:.6f})", checked["loss"], checked["acc"]);
      std::cout << fmt::format("batch {:3}  loss {:.4f}  accuracy {:.4f}  validation: loss {:.4f}  accuracy {:.4f}\n", i, logs["loss"],
                               logs["acc"], checked["loss"], checked["acc"]);
    }
    chart << line << "}\n";
  }
  auto final = model.evaluate(test);
  std::cout << fmt::format("after 100 batches, on all {} test images: loss {:.4f}  accuracy {:.4f}\n", test.size(), final["loss"],
                           final["acc"]);
} catch (const Error& error) {
  std::cerr << "tutorial: " << error.what() << "\n";
  return 1;
}
