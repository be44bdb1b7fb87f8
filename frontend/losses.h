#pragma once
/// What losses are in ops.

#include <cstdint>
#include <string>

#include "gradc/losses.h"
#include "ir/graph.h"

namespace gradc {

/// What the labels of a loss look like.
enum class LabelKind : std::uint8_t {
  like_output,  ///< The shape of the output: one-hot classes, or values.
  classes,      ///< A class number where the output has its last dimension.
};

struct LossDef {
  const char* name;  ///< As Keras writes it in a model.json.
  LabelKind labels;
  bool takes_logits, smooths_labels;
  bool of_elements;  ///< `lower` gives a loss for each element of the output, of whose last dimension the mean counts, else without it.
  /// The losses of predictions and labels of the output's shape.
  ValueId (*lower)(Builder&, ValueId predicted, ValueId labels, const LossOptions& options);
};

/// The loss of this name in any spelling, or nullptr.
const LossDef* find_loss(const std::string& name);
std::string known_losses();
/// What is wrong with a loss, or an empty text.
std::string problem_of(const Loss& loss);

/// The loss of each image, f32[B], without its weight: over positions the mean or, by the options, the sum.
/// Labels are as LossDef::labels says.
ValueId lower_loss(Builder& b, const Loss& loss, ValueId predicted, ValueId labels);

// What losses and metrics share.

/// Labels of class numbers as rows of the output's width.
ValueId one_hot_labels(Builder& b, ValueId labels, ValueId predicted);
/// The operand of the op of kind `activation` that makes `predicted`, or -1.
ValueId logits_of(Builder& b, ValueId predicted, OpKind activation);
/// The sum or mean over every dimension but the batch; a vector of images stays.
ValueId sum_of_image(Builder& b, ValueId x);
ValueId mean_of_image(Builder& b, ValueId x);

}  // namespace gradc
