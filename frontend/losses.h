#pragma once
/// What losses are in ops.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/dialect.h"
#include "frontend/options.h"
#include "gradc/losses.h"
#include "ir/graph.h"
#include "ir/symbol.h"

namespace gradc {

/// What the labels of a loss look like: as the output, but for `classes`.
enum class LabelKind : std::uint8_t {
  values,   ///< Any numbers.
  binary,   ///< Numbers from 0 to 1, each for itself.
  one_hot,  ///< Classes as rows that are 1 at one place, or probabilities of them.
  classes,  ///< A class number where the output has its last dimension.
};

using LossOption = Option<LossOptions>;

/// All of them, but `reduction` and `weight`, which every loss has.
const std::vector<LossOption>& loss_options();

/// What a loss is computed from.
struct LossArguments {
  Symbol predicted, labels;  ///< Labels of `classes` are one-hot here too.
  const LossOptions& options;
  const Dialect& dialect;
};

struct LossDef {
  const char* name;          ///< As Keras writes it in a model.json.
  const char* tfjs;          ///< As tf.js reads it there, or nullptr if tf.js does not have it.
  const char* abbreviation;  ///< Another name, or nullptr.
  LabelKind labels;
  bool of_probabilities;           ///< Predictions are probabilities, unless the options say logits.
  std::vector<const char*> takes;  ///< Names of options.
  /// The losses of elements, shaped as the output; of positions, shaped so without its last dimension; or of the batch, a number. The mean
  /// of elements over the last dimension is that of a position.
  enum Of : std::uint8_t { elements, positions, batch } of;
  Symbol (*lower)(const LossArguments&);

  bool has(std::string_view option) const;
};

/// The loss of this name in any spelling, or nullptr.
const LossDef* find_loss(const std::string& name);
std::vector<std::string> known_losses();
/// The table of docs/training.md.
std::string list_losses();
/// Those that take an option.
std::string losses_with(const LossOption& option);
/// What is wrong with a loss, or an empty text.
std::string problem_of(const Loss& loss);

/// What counts in a loss, and how many times.
struct Counting {
  ValueId mask = -1;            ///< Shows the positions that count, or -1: all do.
  ValueId weights = -1;         ///< Of images, or of their first positions; or -1.
  bool weighs_classes = false;  ///< By the loss's options; those of the whole batch have none.
};

/// The loss of each image, f32[B], or of the whole batch, f32[], without its weight: over positions the mean or, by the options, the sum.
/// With a mask always the sum, over what it shows. Labels are as LossDef::labels says.
/// Throws gradc::Error for weights of samples that do not fit its positions, or for a loss that cannot be weighted.
ValueId lower_loss(Builder& b, const Loss& loss, ValueId predicted, ValueId labels, const Dialect& dialect, const Counting& counting);

/// How many times each of these positions counts, shaped to broadcast over them, by weights of images or of positions, behind which a
/// dimension of 1 may stand; nothing if the weights are of another shape.
std::optional<Symbol> weights_over(Symbol weights, const Ints& positions);

/// 1 where a label, a class number, is not the one that the loss ignores, and 0 elsewhere.
ValueId shown_classes(Builder& b, const Loss& loss, ValueId labels);

/// The weight of the class that each position is labeled with, by the loss's options. Labels are as LossDef::labels says. Throws
/// gradc::Error for the weight of a class that the output has not.
ValueId class_weights_of(Builder& b, const Loss& loss, ValueId predicted, ValueId labels);

// What losses and metrics share.

/// The sum of what a mask shows of each image's elements, and how many they are, f32[B]. Masks may have fewer dimensions than x.
struct SeenSum {
  ValueId sum, count;
};
/// Throws gradc::Error if the shapes do not fit.
SeenSum sum_of_seen(Builder& b, ValueId x, ValueId mask);

/// Labels of class numbers as rows of the output's width.
ValueId one_hot_labels(Builder& b, ValueId labels, ValueId predicted);
/// The operand of the op of kind `activation` that makes `predicted`, or -1.
ValueId logits_of(Builder& b, ValueId predicted, OpKind activation);
/// The sum or mean over every dimension but the batch; a vector of images stays.
ValueId sum_of_image(Builder& b, ValueId x);
ValueId mean_of_image(Builder& b, ValueId x);
/// x / |x| along the last dimension, as the dialect keeps clear of a length of 0.
Symbol normalized(Symbol x, const Dialect& dialect);

}  // namespace gradc
