#pragma once
/// What a model file means depends on who wrote it: the same name stands for different formulas in tf.js, Keras 2 and Keras 3.
/// All such differences are rows of one table, and every reader asks it.

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "gradc/writer.h"

namespace gradc {

inline constexpr double kEpsilon = 1e-7;  ///< The backend epsilon that tf.js and Keras have in common.

struct Dialect {
  const char* name;
  /// keras_version of a file in this dialect, or nullptr to write none.
  const char* keras_version;

  // Layers.
  const char* kernel_initializer;    ///< Where a Dense, or a convolution but a separable one, names none.
  const char* recurrent_activation;  ///< Of the gates of an LSTM, GRU or ConvLSTM that names none.
  bool reset_after;                  ///< Of a GRU that does not say.
  bool hard_sigmoid_is_relu6;        ///< hard_sigmoid is relu6(x + 3) / 6, else min(max(0.2 x + 0.5, 0), 1).
  bool frozen_normalization_infers;  ///< BatchNormalization with trainable = false uses and keeps its moving statistics in training.
  bool moving_variance_is_unbiased;  ///< That of a BatchNormalization of images follows n / (n - 1) of a batch's, as TensorFlow's kernel
                                     ///< has it.
  bool largest_share_gradient;       ///< Several pixels that are the largest of a GlobalMaxPooling2D get equal parts, else each the whole.
  bool interpolates_by_middles;      ///< UpSampling2D sees pixels as squares with a middle, else as points at their upper left corner.
  bool call_overrules_training;  ///< What is called with training = False works as in prediction, also where the whole model is trained.

  bool masks_skip_steps_alone;  ///< Masks are for recurrent layers, else also for normalizations, averages over steps, losses and metrics.

  bool attention_takes_masks;  ///< A MultiHeadAttention takes the masks off its inputs, for all that runs after it and takes the same.
  bool merges_skip_masked;     ///< Multiply, Maximum and Minimum leave out numbers of inputs where these have a mask of 0.

  bool axes_are_sorted;  ///< The shape of a weight along several axes has them in the order of their numbers, -1 before 1, else as given.

  bool stacked_cells_are_numbered;  ///< The weights of an RNN's i-th cell are those of "RNNCell_i", else they go by the cells' names.

  // Initializers.
  bool corrects_truncation;    ///< A truncated normal of VarianceScaling is scaled to the deviation that it had before the cut.
  bool truncated_is_uniform;   ///< VarianceScaling with distribution "truncated_normal" draws uniformly, as all but "normal" does there.
  bool vector_fans_are_sizes;  ///< fan_in and fan_out of a vector are its size, else the square root of it.

  // Training.
  bool accuracy_goes_by_shape;          ///< "accuracy" is chosen by the shapes of labels and output, else by the loss and the output.
  bool binary_labels_are_signs;         ///< A hinge takes labels for -1 and 1 where all of a batch are 0 or 1.
  bool divergence_clips_labels;         ///< The factor of a divergence's logarithm is the clipped label, else the label.
  double least_squared_length;          ///< What the squared length of a vector is at least where it is divided by its length.
  UpdateRule update_rule;               ///< Where an optimizer's config does not tell, as those of Keras before 2.11 do.
  bool frozen_weights_are_regularized;  ///< A regularizer of a weight that is not trained counts in the loss that is printed.
};

const Dialect& dialect_of(Writer writer);

/// Who wrote a model.json, a bare to_json() or a part of one: by `keras_version`, then `generatedBy`, then by what only one of them writes
/// (`module` and `registered_name` with `batch_shape`: Keras 3).
Writer writer_of(const nlohmann::json& document);

}  // namespace gradc
