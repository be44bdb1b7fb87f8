#pragma once
/// Which numbers an option may be, and how an error says it.

#include <limits>

namespace gradc {

struct NumberRange {
  double least, most;
  const char* text;

  /// NaN is in none.
  bool contains(double value) const { return value >= least && value <= most; }
};

/// Of float32, in which everything is computed.
inline constexpr double kLargest = std::numeric_limits<float>::max();
inline constexpr double kSmallest = std::numeric_limits<double>::min();
inline constexpr NumberRange kFinite{-kLargest, kLargest, "a finite number"};
inline constexpr NumberRange kFiniteNotNegative{0, kLargest, "a finite number of at least 0"};
inline constexpr NumberRange kFiniteNotPositive{-kLargest, 0, "a finite number of at most 0"};
inline constexpr NumberRange kNotNegative{0, kLargest, "a number of at least 0"};
inline constexpr NumberRange kPositive{kSmallest, kLargest, "a number above 0"};
inline constexpr NumberRange kShare{0, 1, "a number from 0 to 1"};
inline constexpr NumberRange kPositiveShare{kSmallest, 1, "a number above 0, up to 1"};
inline constexpr NumberRange kShareBelow1{0, 1 - std::numeric_limits<double>::epsilon() / 2, "a number from 0 up to, not including, 1"};
inline constexpr NumberRange kAtLeast1{1, kLargest, "at least 1"};
inline constexpr NumberRange kAtLeast2{2, kLargest, "at least 2"};
inline constexpr NumberRange kThresholds{2, 1e6, "a number from 2 to 1000000"};

}  // namespace gradc
