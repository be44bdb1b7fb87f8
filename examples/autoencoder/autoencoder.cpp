// Trains an autoencoder on MNIST: each image through 16 numbers and back. Shows some images as they were and as they come back.
//     build/bin/autoencoder MODEL.json DATA [EPOCHS]
#include <cmath>
#include <cstdlib>
#include <iostream>

#include <fmt/format.h>

#include "gradc/gradc.h"

using namespace gradc;

/// The images, which are their labels too.
DataSet with_images_as_labels(const DataSet& data) {
  const auto& images = data.images();
  std::vector<float> pixels(images.data(), images.data() + images.count * images.elements());
  for (auto& pixel : pixels) pixel /= 255;
  return DataSet::from(images, DataSet::Array::of(pixels, images.shape, "images as labels"));
}

/// Two images of 28×28 beside each other, in characters of two pixels each.
void show(const float* left, const float* right) {
  static const std::string shades = " .:-=+*#%@";
  for (int y = 0; y < 28; y += 2) {
    std::string line;
    for (const auto* image : {left, right}) {
      for (int x = 0; x < 28; ++x) line += shades[static_cast<std::size_t>((image[y * 28 + x] + image[(y + 1) * 28 + x]) / 2 * 9.99f)];
      line += "  |  ";
    }
    std::cout << line << "\n";
  }
}

int main(int argc, char** argv) try {
  if (argc < 3) throw Error("it is called with MODEL.json DATA [EPOCHS]");
  const auto [train, test] = load_data(argv[2]);
  const auto train_pairs = with_images_as_labels(train), test_pairs = with_images_as_labels(test);
  auto model = Model::load(argv[1], {.seed = 1});
  model.fit(train_pairs, {.batch_size = 64,
                          .epochs = argc > 3 ? std::atoi(argv[3]) : 5,
                          .validation_data = test_pairs,
                          .on_epoch_end = [](auto epoch, const Logs& logs) {
                            std::cout << fmt::format("epoch {}  loss {:.4f}  on test images: loss {:.4f}\n", epoch + 1, logs.at("loss"),
                                                     logs.at("val_loss"))
                                      << std::flush;
                          }});

  const auto made = model.predict(test_pairs);
  const auto* images = reinterpret_cast<const float*>(test_pairs.labels()[0].array.data());
  double squares = 0;
  for (std::size_t i = 0; i < made.size(); ++i) squares += (made[i] - images[i]) * (made[i] - images[i]);
  std::cout << fmt::format("a pixel of the {} test images is off by {:.1f} of 255 (root of the mean square)\n", test.size(),
                           255 * std::sqrt(squares / static_cast<double>(made.size())));
  for (int i = 0; i < 3; ++i) show(images + i * 784, &made[static_cast<std::size_t>(i) * 784]);
} catch (const Error& error) {
  std::cerr << "autoencoder: " << error.what() << "\n";
  return 1;
}
