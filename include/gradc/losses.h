#pragma once
/// Losses, with the definitions of tf.js (tfjs-layers/src/losses.ts) and Keras (keras/src/losses).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace gradc {

/// How the losses of images, or of positions in an image, become one number.
enum class Reduction : std::uint8_t { mean, sum };

/// Options of losses. docs/training.md says which loss takes which.
struct LossOptions {
  bool from_logits = false;            ///< The model's output has no softmax or sigmoid.
  double label_smoothing = 0;          ///< What labels of 0 and 1 give to each other, 0 to 1.
  double delta = 1;                    ///< The error from which a Huber loss is linear.
  std::optional<double> alpha;         ///< The weight of labels that are missed (Tversky), or of all or of the positives (focal).
  double beta = 0.5;                   ///< The weight of predictions without a label (Tversky).
  double gamma = 2;                    ///< How much less counts what is predicted well (focal), at least 0.
  double q = 0.5;                      ///< Between a cross-entropy, near 0, and a mean absolute error, 1.
  bool apply_class_balancing = false;  ///< A focal loss weighs positives with alpha, and negatives with 1 - alpha.
  std::optional<std::int64_t> ignore_class = {};  ///< Labels of this class number count nothing, also not as positions of the mean.
  Reduction reduction = Reduction::mean;
  double weight = 1;  ///< The loss is multiplied with it.
  /// In training the loss of an image, or position, counts as many times as its class is given here, 1 where it is not: what Keras's fit
  /// takes as class_weight. Classes are those of labels as rows, of class numbers, or of an output of one number the labels themselves.
  std::map<std::int64_t, double> class_weights = {};

  bool operator==(const LossOptions&) const = default;
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
