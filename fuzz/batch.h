#pragma once
/// Random data for a step.

#include <cstdint>
#include <string>
#include <vector>

#include "frontend/losses.h"
#include "ir/graph.h"
#include "runtime/step.h"
#include "support/random.h"

namespace gradc::fuzz {

/// Uniform numbers in [-1, 1), a function of the seed.
class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  double uniform();
  /// A whole number from `low` to `high`, both included.
  std::int64_t integer(std::int64_t low, std::int64_t high);
  bool coin() { return integer(0, 1) == 1; }

 private:
  std::uint64_t seed_, count_ = 0;
};

/// Images and labels for a graph's inputs, of which a batch takes some rows in any order.
class Batch {
 public:
  /// `labels` says what the graph's labels are. `numbers` is that of a Configuration.
  Batch(const Graph& graph, std::int64_t images, LabelKind labels, const std::string& numbers, std::uint64_t seed);

  std::int64_t images() const { return static_cast<std::int64_t>(rows_.size()); }
  /// Valid while the batch is.
  StepInput input() const;
  /// Lets all images consist of one number.
  void fill_images(float value);

 private:
  /// Numbers of one input.
  struct Numbers {
    std::vector<float> floats;
    std::vector<std::uint8_t> bytes;  ///< Instead of floats, if there are any.
    std::int64_t elements = 1;        ///< A row's.
  };

  void add_labels(const Graph& graph, const Op& input, std::int64_t stored, LabelKind labels, Random& random);

  std::vector<Numbers> data_, labels_, weights_;
  std::vector<std::uint32_t> rows_;
  std::uint32_t random_key_;
};

}  // namespace gradc::fuzz
