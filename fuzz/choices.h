#pragma once
/// The choices that make a random case: whole numbers, kept in the order in which they are made. A case is a function of its choices, so a
/// failing case is made smaller by making its choices fewer and smaller and generating again: every case on the way is a valid one.
/// MacIver and Donaldson, "Test-Case Reduction via Test-Case Generation: Insights from the Hypothesis Reducer", ECOOP 2020.

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace gradc::fuzz {

class Choices {
 public:
  /// Choices at random, a function of seed and index.
  Choices(std::uint64_t seed, std::uint64_t index);
  /// The given choices, and the simplest ones after their end. A choice that is too large for where it is asked becomes the largest there.
  explicit Choices(std::vector<std::int64_t> given);

  /// A whole number from `low`, the simplest, to `high`, both included.
  std::int64_t integer(std::int64_t low, std::int64_t high);
  bool coin() { return integer(0, 1) == 1; }
  bool one_in(std::int64_t n) { return integer(0, n - 1) == n - 1; }
  /// Whether to go on, three times of four: how loops end.
  bool more() { return integer(0, 3) != 0; }
  /// One of a list, whose first is the simplest.
  template <class T>
  T of(std::initializer_list<T> list) {
    return list.begin()[integer(0, static_cast<std::int64_t>(list.size()) - 1)];
  }
  template <class T>
  const T& of(const std::vector<T>& list) {
    return list[static_cast<std::size_t>(integer(0, static_cast<std::int64_t>(list.size()) - 1))];
  }

  /// Choices that belong together, such as those of a layer: from the first to one past the last.
  using Range = std::pair<std::size_t, std::size_t>;
  class Part {
   public:
    explicit Part(Choices& choices) : choices_(choices), begin_(choices.made_.size()) {}
    ~Part() { choices_.parts_.push_back({begin_, choices_.made_.size()}); }
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

   private:
    Choices& choices_;
    std::size_t begin_;
  };

  /// What was chosen, each as the distance from the simplest.
  const std::vector<std::int64_t>& made() const { return made_; }
  const std::vector<Range>& parts() const { return parts_; }

 private:
  std::uint64_t seed_ = 0, index_ = 0;
  bool random_ = false;
  std::vector<std::int64_t> given_, made_;
  std::vector<Range> parts_;
};

/// Small sizes, among which those around the widths of vectors are common.
std::int64_t random_channels(Choices& choices);
/// Heights and widths down to 1.
std::int64_t random_side(Choices& choices);

}  // namespace gradc::fuzz
