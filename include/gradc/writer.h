#pragma once
/// Who wrote a model, or in whose words it is made: the same name stands for different formulas in tf.js, Keras 2 and Keras 3.

#include <cstdint>

namespace gradc {

enum class Writer : std::uint8_t {
  tfjs,
  keras2,   ///< Keras 1 and 2, tf.keras up to TensorFlow 2.15.
  keras3,   ///< Also the C++ API.
  unnamed,  ///< A file that does not say who wrote it: tf.js's meaning, but what is frozen, or called without training, stays as it is.
};

/// Whose formula an optimizer follows where the libraries differ: mostly, where epsilon stands.
enum class UpdateRule : std::uint8_t {
  tfjs,          ///< tfjs-core/src/optimizers
  keras,         ///< Keras 3, and Keras 2 since its optimizers of 2.11
  keras_legacy,  ///< The optimizers of Keras 2 before, whose configs have "decay"
};

}  // namespace gradc
