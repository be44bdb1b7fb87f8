#pragma once
/// Initial values of weights: tf.js's initializers, with its defaults and distributions (tfjs-layers/src/initializers.ts). Those of a file
/// have the distributions of its dialect.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "frontend/dialect.h"

namespace gradc {

struct Zeros {};
struct Ones {};
struct Constant {
  double value = 0;
};
struct RandomUniform {
  double minval = -0.05, maxval = 0.05;
  std::optional<std::int64_t> seed = {};
};
struct RandomNormal {
  double mean = 0, stddev = 0.05;
  std::optional<std::int64_t> seed = {};
};
/// Normal, with values beyond two standard deviations drawn again.
struct TruncatedNormal {
  double mean = 0, stddev = 0.05;
  std::optional<std::int64_t> seed = {};
};
/// Variance scale / n, where n is the fan named by `mode`: "fanIn", "fanOut" or "fanAvg". `distribution` is "normal" (truncated) or
/// "uniform".
struct VarianceScaling {
  double scale = 1;
  std::string mode = "fanIn", distribution = "normal";
  std::optional<std::int64_t> seed = {};
};
/// A matrix whose rows or columns are orthonormal, times `gain`; all dimensions but the last are taken as one.
struct Orthogonal {
  double gain = 1;
  std::optional<std::int64_t> seed = {};
};
struct Identity {
  double gain = 1;
};

/// Any initializer: one of the structures above, or a name such as "glorotUniform", "heNormal", "zeros".
class Initializer {
 public:
  Initializer(const char* name);
  Initializer(const std::string& name);
  Initializer(const Zeros&);
  Initializer(const Ones&);
  Initializer(const Constant&);
  Initializer(const RandomUniform&);
  Initializer(const RandomNormal&);
  Initializer(const TruncatedNormal&);
  Initializer(const VarianceScaling&);
  Initializer(const Orthogonal&);
  Initializer(const Identity&);
  /// As a model.json of this dialect has it: a name, or an object with class_name and config. Throws gradc::Error for what is not known.
  static Initializer from_json(const nlohmann::json& config, const Dialect& dialect = dialect_of(Writer::tfjs));

  const nlohmann::json& json() const { return *json_; }
  /// The values of a weight of this shape. The same (seed, stream) gives the same values; a seed in the initializer itself goes first.
  std::vector<float> values(const std::vector<std::int64_t>& shape, std::uint64_t seed, std::uint32_t stream) const;

 private:
  explicit Initializer(nlohmann::json config);

  std::shared_ptr<const nlohmann::json> json_;
};

/// The names that errors list.
std::string known_initializers();

}  // namespace gradc
