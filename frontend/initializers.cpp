#include "frontend/initializers.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <nlohmann/json.hpp>

#include "frontend/config.h"
#include "frontend/frame_windows.h"
#include "frontend/names.h"
#include "gradc/error.h"
#include "ir/type.h"
#include "support/random.h"

namespace gradc {
namespace {

using Json = nlohmann::json;
using Shape = std::vector<std::int64_t>;

/// An independent stream of random numbers for one weight.
class Source {
 public:
  Source(std::uint64_t seed, std::uint32_t stream) : key_(step_key(seed, 0)), stream_(stream) {}

  double uniform() { return (bits() + 0.5) / 4294967296.0; }
  /// Box and Muller (1958).
  double normal() { return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform()); }
  double truncated() {
    for (;;)
      if (auto x = normal(); std::abs(x) <= 2) return x;
  }

 private:
  std::uint32_t bits() {
    auto count = count_++;
    return random_bits<std::uint32_t>(key_, static_cast<std::uint32_t>(count >> 32), stream_, static_cast<std::uint32_t>(count));
  }

  std::uint32_t key_, stream_;
  std::uint64_t count_ = 0;
};

std::int64_t size_of_shape(const Shape& shape) {
  std::int64_t size = 1;
  for (auto dim : shape) size *= dim;
  return size;
}

struct Fans {
  double in, out;
};

/// computeFans of tf.js and Keras for channels-last kernels.
Fans fans_of(const Shape& shape, bool vector_fans_are_sizes) {
  if (shape.size() == 2) return {static_cast<double>(shape[0]), static_cast<double>(shape[1])};
  if (shape.size() >= 3) {
    double receptive = 1;
    for (std::size_t i = 0; i + 2 < shape.size(); ++i) receptive *= static_cast<double>(shape[i]);
    return {receptive * static_cast<double>(shape[shape.size() - 2]), receptive * static_cast<double>(shape.back())};
  }
  auto size = static_cast<double>(size_of_shape(shape)), fan = vector_fans_are_sizes ? size : std::sqrt(size);
  return {fan, fan};
}

/// What VarianceScaling draws from, in the words that an Initializer holds after it was read in a dialect.
constexpr const char* kUniform = "uniform";
constexpr const char* kNormal = "normal";                     ///< Cut at two deviations, which leaves 0.88 of the deviation.
constexpr const char* kCorrectedNormal = "truncated_normal";  ///< Cut at two deviations, and as wide as before the cut.
constexpr const char* kUncutNormal = "untruncated_normal";

/// The deviation of a standard normal that is cut at ±2.
constexpr double kCutDeviation = 0.87962566103423978;

template <class Draw>
std::vector<float> fill(const Shape& shape, Draw draw) {
  std::vector<float> values(size_of_shape(shape));
  for (auto& v : values) v = static_cast<float>(draw());
  return values;
}

std::vector<float> variance_scaling(const Json& config, const Shape& shape, Source& source) {
  auto fans = fans_of(shape, config.value("vector_fans_are_sizes", false));
  auto mode = plain_name(config.value("mode", "fanIn"));
  double n = mode == "fanin" ? fans.in : mode == "fanout" ? fans.out : (fans.in + fans.out) / 2;
  double variance = config.value("scale", 1.0) / std::max(1.0, n);
  auto distribution = config.value("distribution", kNormal);
  if (distribution == kUniform) {
    auto limit = std::sqrt(3 * variance);
    return fill(shape, [&] { return (2 * source.uniform() - 1) * limit; });
  }
  auto deviation = std::sqrt(variance);
  if (distribution == kUncutNormal) return fill(shape, [&] { return source.normal() * deviation; });
  if (distribution == kCorrectedNormal) deviation /= kCutDeviation;
  return fill(shape, [&] { return source.truncated() * deviation; });
}

/// Orthonormalizes the rows of a random normal matrix (or its columns, if it is tall) by modified Gram-Schmidt, twice for accuracy.
std::vector<float> orthogonal(double gain, const Shape& shape, Source& source) {
  auto size = size_of_shape(shape);
  auto columns = shape.empty() ? 1 : shape.back(), rows = size / columns;
  bool tall = rows > columns;
  auto count = tall ? columns : rows, length = tall ? rows : columns;
  std::vector<std::vector<double>> basis(count, std::vector<double>(length));
  for (auto& vector : basis)
    for (auto& v : vector) v = source.normal();
  for (int sweep = 0; sweep < 2; ++sweep)
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t j = 0; j < i; ++j) {
        double dot = 0;
        for (std::int64_t k = 0; k < length; ++k) dot += basis[i][k] * basis[j][k];
        for (std::int64_t k = 0; k < length; ++k) basis[i][k] -= dot * basis[j][k];
      }
      double norm = 0;
      for (auto v : basis[i]) norm += v * v;
      for (auto& v : basis[i]) v /= std::sqrt(norm);
    }
  std::vector<float> values(size);
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) values[r * columns + c] = static_cast<float>(gain * (tall ? basis[c][r] : basis[r][c]));
  return values;
}

/// How much each sample of a frame counts in it.
std::vector<double> window_of_transform(const Json& config, std::int64_t samples) {
  const auto& window = config["window"];
  if (window.is_null()) return std::vector<double>(samples, 1);
  if (window.is_string()) return frame_window(window, samples, config["periodic"]);
  if (window.size() != static_cast<std::size_t>(samples))
    throw Error("initializer STFT: \"window\" has {} numbers, expected one for each of {} samples", window.size(), samples);
  return window;
}

/// Kernels [samples,1,frequencies] of a Fourier transform.
std::vector<float> transform(const Json& config, const Shape& shape) {
  if (shape.size() != 3 || shape[1] != 1)
    throw Error("initializer STFT makes kernels of samples×1×frequencies, not {}", shape_string(shape));
  const auto samples = shape[0], frequencies = shape[2], period = std::max<std::int64_t>(2 * (frequencies - 1), 1);
  const auto window = window_of_transform(config, samples);
  const auto& scaling = config["scaling"];
  double scale = 0;
  for (auto w : window) scale += scaling == "density" ? w * w : std::abs(w);
  if (scaling == "density") scale = std::sqrt(scale);
  if (scaling.is_null() || config["window"].is_null()) scale = 1;
  if (scale == 0) throw Error("initializer STFT: its window of {} samples is 0 everywhere", samples);
  const bool real = config["side"] == "real";
  std::int64_t at = 0;
  return fill(shape, [&] {
    const auto sample = at / frequencies, turn = sample * (at % frequencies) % period;
    ++at;
    const auto angle = -2 * std::numbers::pi * static_cast<double>(turn) / static_cast<double>(period);
    // The sine of half a turn is 0, of which rounding would leave something.
    const auto wave = real ? std::cos(angle) : 2 * turn % period == 0 ? 0 : std::sin(angle);
    return wave * window[sample] / scale;
  });
}

struct Row {
  const char* class_name;
  const char* base;  ///< The class that does the work.
  Json defaults;
};

const std::vector<Row>& table() {
  auto scaling = [](double scale, const char* mode, const char* distribution) {
    return Json{{"scale", scale}, {"mode", mode}, {"distribution", distribution}};
  };
  static const std::vector<Row> rows = {
      {"Zeros", "Zeros", Json::object()},
      {"Ones", "Ones", Json::object()},
      {"Constant", "Constant", {{"value", 0.0}}},
      {"RandomUniform", "RandomUniform", {{"minval", -0.05}, {"maxval", 0.05}}},
      {"RandomNormal", "RandomNormal", {{"mean", 0.0}, {"stddev", 0.05}}},
      {"TruncatedNormal", "TruncatedNormal", {{"mean", 0.0}, {"stddev", 0.05}}},
      {"VarianceScaling", "VarianceScaling", scaling(1, "fan_in", "normal")},
      {"GlorotUniform", "VarianceScaling", scaling(1, "fan_avg", "uniform")},
      {"GlorotNormal", "VarianceScaling", scaling(1, "fan_avg", "normal")},
      {"HeUniform", "VarianceScaling", scaling(2, "fan_in", "uniform")},
      {"HeNormal", "VarianceScaling", scaling(2, "fan_in", "normal")},
      {"LeCunUniform", "VarianceScaling", scaling(1, "fan_in", "uniform")},
      {"LeCunNormal", "VarianceScaling", scaling(1, "fan_in", "normal")},
      {"Orthogonal", "Orthogonal", {{"gain", 1.0}}},
      {"Identity", "Identity", {{"gain", 1.0}}},
      {"STFT", "STFT", {{"side", "real"}, {"window", "hann"}, {"scaling", "density"}, {"periodic", false}}},
  };
  return rows;
}

Json seeded(Json config, const std::optional<std::int64_t>& seed) {
  config["seed"] = seed ? Json(*seed) : Json(nullptr);
  return config;
}

/// Throws gradc::Error for options of a Fourier transform that are not known. Null is one, not a default.
void check_transform(const Json& config) {
  auto is_one_of = [&](const char* key, std::initializer_list<Json> known) {
    if (std::ranges::find(known, config[key]) == known.end())
      throw Error("initializer STFT: \"{}\" is {}; {} are known", key, config[key].dump(), Json(known).dump());
  };
  is_one_of("side", {"real", "imag"});
  is_one_of("scaling", {"density", "spectrum", nullptr});
  is_one_of("periodic", {true, false});
  const auto& window = config["window"];
  if (window.is_string()) cosines_of_window(window);
  const bool numbers = window.is_array() && std::ranges::all_of(window, [](const Json& each) { return each.is_number(); });
  if (!window.is_string() && !window.is_null() && !numbers)
    throw Error("initializer STFT: \"window\" is {}, expected a name, numbers or null", window.dump());
}

Json object(const char* class_name, Json config) { return {{"class_name", class_name}, {"config", std::move(config)}}; }

std::shared_ptr<const Config> kept(Json value) { return std::make_shared<const Config>(Config{std::move(value)}); }

Json null_or(const std::string& name) { return name == "null" ? Json() : Json(name); }

/// Keras writes fan_in where the C++ API and tf.js's arguments say fanIn.
std::string keras_mode(const std::string& mode) {
  auto plain = plain_name(mode);
  return plain == "fanin" ? "fan_in" : plain == "fanout" ? "fan_out" : plain == "fanavg" ? "fan_avg" : mode;
}

}  // namespace

std::vector<std::string> known_initializers() {
  std::vector<std::string> names;
  for (const auto& row : table()) names.emplace_back(row.class_name);
  return names;
}

Initializer::Initializer(const char* name) : Initializer(initializer_from_json(Json(name))) {}
Initializer::Initializer(const std::string& name) : Initializer(initializer_from_json(Json(name))) {}
Initializer::Initializer(const Zeros&) : Initializer(kept(object("Zeros", Json::object()))) {}
Initializer::Initializer(const Ones&) : Initializer(kept(object("Ones", Json::object()))) {}
Initializer::Initializer(const Constant& c) : Initializer(kept(object("Constant", {{"value", c.value}}))) {}
Initializer::Initializer(const RandomUniform& r)
    : Initializer(kept(object("RandomUniform", seeded({{"minval", r.minval}, {"maxval", r.maxval}}, r.seed)))) {}
Initializer::Initializer(const RandomNormal& r)
    : Initializer(kept(object("RandomNormal", seeded({{"mean", r.mean}, {"stddev", r.stddev}}, r.seed)))) {}
Initializer::Initializer(const TruncatedNormal& r)
    : Initializer(kept(object("TruncatedNormal", seeded({{"mean", r.mean}, {"stddev", r.stddev}}, r.seed)))) {}
Initializer::Initializer(const VarianceScaling& v)
    : Initializer(initializer_from_json(object(
          "VarianceScaling", seeded({{"scale", v.scale}, {"mode", keras_mode(v.mode)}, {"distribution", v.distribution}}, v.seed)))) {}
Initializer::Initializer(const Orthogonal& o) : Initializer(kept(object("Orthogonal", seeded({{"gain", o.gain}}, o.seed)))) {}
Initializer::Initializer(const Identity& i) : Initializer(kept(object("Identity", {{"gain", i.gain}}))) {}

Initializer::Initializer(const STFT& t)
    : Initializer(initializer_from_json(object("STFT", {{"side", t.side},
                                                        {"window", t.window_values.empty() ? null_or(t.window) : Json(t.window_values)},
                                                        {"scaling", null_or(t.scaling)},
                                                        {"periodic", t.periodic}}))) {}

Initializer initializer_from_json(const Json& given, const Dialect& dialect) {
  std::string name;
  Json config = Json::object();
  if (given.is_string()) {
    name = given.get<std::string>();
  } else if (given.is_object() && given.contains("class_name") && given["class_name"].is_string()) {
    name = given["class_name"].get<std::string>();
    if (given.contains("config") && given["config"].is_object()) config = given["config"];
  } else {
    throw Error("an initializer is a name or an object with class_name, not {}; {}", given.dump(), known_are(known_initializers()));
  }
  for (const auto& row : table()) {
    if (plain_name(row.class_name) != plain_name(name)) continue;
    const bool nulls = std::string(row.base) == "STFT";
    for (const auto& [key, value] : row.defaults.items()) {
      if (nulls && config.contains(key)) continue;
      if (config.contains(key) && !config[key].is_null() && config[key].type_name() != std::string(value.type_name()))
        throw Error("initializer {}: \"{}\" is {}, expected a {}", name, key, config[key].dump(), value.type_name());
      if (!config.contains(key) || config[key].is_null()) config[key] = value;
    }
    for (const auto& [key, value] : config.items())
      if (!row.defaults.contains(key) && !value.is_null() && key != "seed" && key != "dtype")
        throw Error("initializer {}: \"{}\" is {}, an option that it does not have", name, key, value.dump());
    if (nulls) check_transform(config);
    if (std::string(row.base) == "VarianceScaling") {
      auto mode = plain_name(config["mode"]), distribution = plain_name(config["distribution"]);
      if (mode != "fanin" && mode != "fanout" && mode != "fanavg")
        throw Error("initializer {}: mode {} is not known; fan_in, fan_out and fan_avg are", name, config["mode"].dump());
      if (distribution == "truncatednormal" && dialect.truncated_is_uniform)
        config["distribution"] = kUniform;
      else if (distribution == "normal" || distribution == "truncatednormal")
        config["distribution"] = dialect.corrects_truncation ? kCorrectedNormal : kNormal;
      else if (distribution == "untruncatednormal")
        config["distribution"] = kUncutNormal;
      else if (distribution == "uniform")
        config["distribution"] = kUniform;
      else
        throw Error("initializer {}: distribution {} is not known; normal, truncated_normal, untruncated_normal and uniform are", name,
                    config["distribution"].dump());
      if (dialect.vector_fans_are_sizes) config["vector_fans_are_sizes"] = true;
    }
    return Initializer(kept(object(row.class_name, config)));
  }
  throw Error("initializer \"{}\" is not known; {}", name, known_are(known_initializers(), name));
}

const Json& json_of(const Initializer& initializer) { return initializer.config().value; }

std::vector<float> Initializer::values(const Shape& shape, std::uint64_t seed, std::uint32_t stream) const {
  auto class_name = json_of(*this).at("class_name").get<std::string>();
  const auto& config = json_of(*this).at("config");
  if (config.contains("seed") && config["seed"].is_number()) {
    seed = static_cast<std::uint64_t>(config["seed"].get<std::int64_t>());
    stream = 0;
  }
  Source source(seed, stream);
  std::string base;
  for (const auto& row : table())
    if (row.class_name == class_name) base = row.base;
  if (base == "Zeros") return fill(shape, [] { return 0; });
  if (base == "Ones") return fill(shape, [] { return 1; });
  if (base == "Constant") return fill(shape, [&] { return config["value"].get<double>(); });
  if (base == "VarianceScaling") return variance_scaling(config, shape, source);
  if (base == "Orthogonal") return orthogonal(config["gain"], shape, source);
  if (base == "RandomUniform") {
    double low = config["minval"], high = config["maxval"];
    return fill(shape, [&] { return low + (high - low) * source.uniform(); });
  }
  if (base == "STFT") return transform(config, shape);
  if (base == "Identity") {
    if (shape.size() != 2 || shape[0] != shape[1]) throw Error("initializer Identity makes square matrices, not {}", shape_string(shape));
    std::vector<float> values(size_of_shape(shape), 0);
    for (std::int64_t i = 0; i < shape[0]; ++i) values[i * shape[0] + i] = config["gain"].get<float>();
    return values;
  }
  double mean = config["mean"], stddev = config["stddev"];
  bool truncated = base == "TruncatedNormal";
  return fill(shape, [&] { return mean + stddev * (truncated ? source.truncated() : source.normal()); });
}

}  // namespace gradc
