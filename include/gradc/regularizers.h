#pragma once

namespace gradc {

/// A term of the loss: l1 * Σ|x| + l2 * Σx², of a weight, or of what a layer gives for an image.
struct Regularizer {
  double l1 = 0, l2 = 0;

  explicit operator bool() const { return l1 != 0 || l2 != 0; }
};

}  // namespace gradc
