#pragma once
/// Reading the JSON config of one object of a model file.

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "frontend/constraints.h"
#include "frontend/dialect.h"
#include "frontend/initializers.h"
#include "frontend/regularizers.h"
#include "ir/attributes.h"

namespace gradc {

/// How the module begins of an operation that Keras 3 writes among layers.
inline constexpr const char* kOperations = "keras.src.ops";

/// The value without what Keras 3 writes around objects: module (but an operation's) and registered_name, dtype policies, functions as
/// objects. "Custom>Adam" is Keras's name for a class that was registered without a package.
nlohmann::json plain_config(const nlohmann::json& value);

/// An option that may stand in a file unread, and why.
struct IdleOption {
  const char* key;
  nlohmann::json value;  ///< The only one that changes nothing, or null for any.
  const char* reason;
};
const std::vector<IdleOption>& idle_options();

/// Reads the config of a layer: a key as Keras spells it or as tf.js does. A problem is recorded, and reading
/// goes on with the default, so that all problems are told at once. It knows which keys were read: what nobody reads is an error too.
class ConfigReader {
 public:
  ConfigReader(const nlohmann::json& config, const Dialect& dialect, std::vector<std::string>& problems)
      : config_(config), dialect_(dialect), problems_(problems) {}

  /// What names in the config mean.
  const Dialect& dialect() const { return dialect_; }

  void problem(std::string text) { problems_.push_back(std::move(text)); }
  std::vector<std::string>& problems() { return problems_; }

  std::int64_t integer(const std::string& key, std::int64_t fallback, std::int64_t least);
  double number(const std::string& key, double fallback);
  bool boolean(const std::string& key, bool fallback);
  std::string text(const std::string& key, const std::string& fallback);
  /// `count` numbers of at least `least`, or one that stands for all. A missing key gives `fallback`, or is a problem if that is empty.
  Ints extents(const std::string& key, int count, Ints fallback, std::int64_t least = 1);
  /// A missing one is `fallback`, a name or object as the config would have it.
  Initializer initializer(const std::string& key, const nlohmann::json& fallback);
  /// A missing one is none.
  Regularizer regularizer(const std::string& key);
  Constraint constraint(const std::string& key);
  /// Records a problem for each key that asks for what gradc does not do: it must be missing, null or `neutral`.
  void only(const std::string& key, const nlohmann::json& neutral, const std::string& remedy);
  /// The value under the key, or null. The key counts as read.
  const nlohmann::json& find(const std::string& key);
  /// Whether the config says null, not nothing, under the key.
  bool says_null(const std::string& key) const { return config_.contains(key) && config_[key].is_null(); }
  /// Records a problem for each key that nothing has read, unless it is null or is on the list of those that change nothing.
  void report_unread();

 private:
  /// What `read` makes of the value under the key, whose problems are those of the key.
  template <class Part>
  Part part(const std::string& key, Part (*read)(const nlohmann::json&, std::vector<std::string>&));

  const nlohmann::json& config_;
  const Dialect& dialect_;
  std::vector<std::string>& problems_;
  std::set<std::string> read_;
};

}  // namespace gradc
