#pragma once
/// Losses, with the definitions of tf.js (tfjs-layers/src/losses.ts) and the options of Keras (keras/src/losses).

#include <cstdint>
#include <string>
#include <utility>

namespace gradc {

/// How the losses of images, or of positions in an image, become one number.
enum class Reduction : std::uint8_t { mean, sum };

struct LossOptions {
  bool from_logits = false;    ///< The model's output has no softmax or sigmoid; of cross-entropies alone.
  double label_smoothing = 0;  ///< What labels of 0 and 1 give to each other, 0 to 1; of categorical and binary cross-entropy alone.
  Reduction reduction = Reduction::mean;
  double weight = 1;  ///< The loss is multiplied with it.
};

/// A loss by its name in any spelling: "categoricalCrossentropy", "mse", "MeanSquaredError".
struct Loss {
  std::string name = "categorical_crossentropy";
  LossOptions options = {};

  Loss() = default;
  Loss(const char* name, const LossOptions& options = {}) : name(name), options(options) {}
  Loss(std::string name, const LossOptions& options = {}) : name(std::move(name)), options(options) {}
};

}  // namespace gradc
