#include "fuzz/shrink.h"

#include <algorithm>
#include <cctype>
#include <chrono>

#include "fuzz/reduce_graph.h"
#include "gradc/error.h"
#include "ir/text.h"

namespace gradc::fuzz {
namespace {

class Shrinker {
 public:
  Shrinker(Case::Kind kind, const Choices& failing, const Verdict& verdict, Judge& judge, double seconds)
      : kind_(kind),
        judge_(judge),
        end_(Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))),
        best_(failing) {
    auto choices = Choices(failing.made());
    result_ = {random_case(kind, choices), verdict};
  }

  Shrunk run() {
    for (bool smaller = true; smaller && !out_of_time();) {
      smaller = false;
      smaller |= remove_parts();
      for (std::size_t length : {8, 4, 2, 1}) smaller |= remove_runs(length);
      smaller |= lower_each();
    }
    if (kind_ == Case::Kind::graph) reduce_ops();
    return std::move(result_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Numbers = std::vector<std::int64_t>;

  bool out_of_time() const { return Clock::now() > end_; }

  /// The start of a message without its numbers.
  static std::string words(const Verdict& verdict) {
    std::string words;
    for (char c : verdict.text.substr(0, 60))
      if (std::isdigit(static_cast<unsigned char>(c)) == 0) words += c;
    return words.substr(0, 40);
  }

  bool fails(const Case& a_case, Verdict& verdict) {
    ++result_.tests;
    verdict = judge_.compare(a_case);
    return verdict.kind == result_.verdict.kind && (verdict.kind == Verdict::Kind::differs || words(verdict) == words(result_.verdict));
  }

  /// Keeps the numbers if they make a case that is smaller and fails.
  bool accept(const Numbers& numbers) {
    if (out_of_time()) return false;
    Choices choices(numbers);
    Case made;
    try {
      made = random_case(kind_, choices);
    } catch (const std::exception&) {
      return false;
    }
    auto smaller = [](const Numbers& a, const Numbers& b) { return std::pair(a.size(), a) < std::pair(b.size(), b); };
    if (!smaller(choices.made(), best_.made())) return false;
    Verdict verdict;
    if (!fails(made, verdict)) return false;
    best_ = choices;
    result_.smallest = std::move(made);
    result_.verdict = std::move(verdict);
    return true;
  }

  bool remove(std::size_t begin, std::size_t end) {
    auto numbers = best_.made();
    numbers.erase(numbers.begin() + static_cast<std::ptrdiff_t>(begin), numbers.begin() + static_cast<std::ptrdiff_t>(end));
    return accept(numbers);
  }

  /// Leaves out layers or ops, with the choice before each that lets it follow.
  bool remove_parts() {
    bool any = false;
    for (auto i = best_.parts().size(); i-- > 0;) {
      if (i >= best_.parts().size()) continue;
      auto [begin, end] = best_.parts()[i];
      any |= begin > 0 && begin < end && (remove(begin - 1, end) || remove(begin, end));
    }
    return any;
  }

  bool remove_runs(std::size_t length) {
    bool any = false;
    for (auto end = best_.made().size(); end >= length && !out_of_time(); --end) {
      end = std::min(end, best_.made().size());
      if (end < length) break;
      any |= remove(end - length, end);
    }
    return any;
  }

  /// Makes each choice as small as it can be alone.
  bool lower_each() {
    bool any = false;
    for (std::size_t i = 0; i < best_.made().size() && !out_of_time(); ++i) {
      auto value = best_.made()[i];
      for (auto lower : {std::int64_t{0}, value / 2, value - 1}) {
        if (i >= best_.made().size() || lower < 0 || lower >= best_.made()[i]) continue;
        auto numbers = best_.made();
        numbers[i] = lower;
        any |= accept(numbers);
      }
    }
    return any;
  }

  void reduce_ops() {
    auto made = result_.smallest;
    auto fails_with = [&](const Graph& graph) {
      if (out_of_time()) return false;
      made.text = print(graph);
      Verdict verdict;
      if (!fails(made, verdict)) return false;
      result_.smallest = made;
      result_.verdict = std::move(verdict);
      return true;
    };
    try {
      GraphReducer(parse(made.text), fails_with).run();
    } catch (const Error&) {
      // The case fails at times only, or the time is up.
    }
  }

  Case::Kind kind_;
  Judge& judge_;
  Clock::time_point end_;
  Choices best_;
  Shrunk result_;
};

}  // namespace

Shrunk shrink(Case::Kind kind, const Choices& failing, const Verdict& verdict, Judge& judge, double seconds) {
  return Shrinker(kind, failing, verdict, judge, seconds).run();
}

}  // namespace gradc::fuzz
