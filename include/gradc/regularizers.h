#pragma once

namespace gradc {

/// A term of the loss: l1 * Σ|x| + l2 * Σx², of a weight, or of what a layer gives for an image.
struct Regularizer {
  double l1 = 0, l2 = 0;
  /// Times the mean of |cosine| over the pairs of rows of a matrix, which this makes orthogonal, or of its columns.
  double orthogonal = 0;
  bool columns = false;

  explicit operator bool() const { return l1 != 0 || l2 != 0 || orthogonal != 0; }
};

}  // namespace gradc
