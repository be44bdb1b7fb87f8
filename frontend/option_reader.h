#pragma once
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace gradc {

/// Reads the options of an optimizer, loss or metric from a file or the command line, and knows which nobody read: an option that is
/// ignored would train another model. A problem is recorded, and reading goes on.
class OptionReader {
 public:
  /// `what` begins each problem: "optimizer Adam".
  OptionReader(const nlohmann::json& config, std::string what, std::vector<std::string>& problems)
      : config_(config), what_(std::move(what)), problems_(problems) {}

  /// The value under a key as Keras spells it or as tf.js does (in camel case, unless it is given), or nullptr if that is missing, null or
  /// was read as something else.
  const nlohmann::json* find(const char* keras, const char* tfjs = nullptr);
  void number(double& value, const char* keras, const char* tfjs = nullptr);
  void integer(std::int64_t& value, const char* key);
  void flag(bool& value, const char* keras, const char* tfjs = nullptr);
  /// Options that ask for what gradc does not do, unless they are null or one of these.
  void refuse(const char* key, std::initializer_list<nlohmann::json> neutral = {});
  /// Options that change no number.
  void skip(std::initializer_list<const char*> keys);
  /// Records a problem for each key that none of the above named.
  void report_unused();

  void problem(const std::string& text) { problems_.push_back(what_ + ": " + text); }
  bool has(const char* key) const { return config_.contains(key); }

  // The same by the type of the value: a list of numbers may be one number.
  void read(double& value, const char* key) { number(value, key); }
  void read(std::int64_t& value, const char* key) { integer(value, key); }
  void read(bool& value, const char* key) { flag(value, key); }
  void read(std::string& value, const char* key);
  void read(std::vector<std::int64_t>& value, const char* key);
  void read(std::vector<double>& value, const char* key);
  void read(std::vector<std::string>& value, const char* key);
  template <class Number>
  void read(std::optional<Number>& value, const char* key) {
    if (!is_given(key)) return skip({key});
    auto number = value.value_or(Number());
    read(number, key);
    value = number;
  }

 private:
  /// Whether there is a value under a key, in either spelling.
  bool is_given(const char* key) const;

  template <class Each>
  void list(std::vector<Each>& value, const char* key, bool (*fits)(const nlohmann::json&), const char* expected);

  const nlohmann::json& config_;
  std::string what_;
  std::vector<std::string>& problems_;
  std::set<std::string> used_;
};

}  // namespace gradc
