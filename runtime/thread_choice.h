#pragma once
/// How many threads a step is run on: a small step costs less than waking another thread, and only a measurement on the machine at hand
/// knows where that ends.

#include <array>
#include <cstddef>
#include <cstdint>

namespace gradc {

/// Tries fewer and fewer threads while steps are short, and settles on the fastest. Batches of sizes within a factor of two share a choice.
/// The results of a step do not depend on its threads, so that trying costs a few short steps and nothing else.
class ThreadChoice {
 public:
  /// `most` threads at most, which is also the first that is tried.
  explicit ThreadChoice(int most);

  /// For the next run over this many images.
  int threads(std::int64_t images) const { return trial(images).threads; }
  /// Whether the next run's time matters, or the choice is made.
  bool undecided(std::int64_t images) const { return !trial(images).decided; }
  /// That run took so many seconds.
  void took(std::int64_t images, double seconds);

 private:
  static constexpr int kIgnored = 2, kRuns = 7;  ///< Runs of each number of threads: the first find caches cold and threads asleep.

  struct Trial {
    bool decided = false;
    int threads = 1, runs = 0;
    int best = 1;
    double best_seconds = 0;  ///< Median of the best so far; 0 if none.
    std::array<double, kRuns> seconds = {};
  };
  static std::size_t index(std::int64_t images);
  const Trial& trial(std::int64_t images) const { return trials_[index(images)]; }

  std::array<Trial, 64> trials_;  ///< By the logarithm of the number of images.
};

}  // namespace gradc
