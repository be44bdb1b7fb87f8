#pragma once
/// Initial values of weights: the initializers of Keras 3 and tf.js, with their defaults (keras/src/initializers).

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gradc {

/// A JSON object that gradc keeps.
struct Config;

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

/// The kernel [samples,1,frequencies] of a convolution that is a Fourier transform of frames: each frequency's wave, of which `side` is
/// "real" or "imag", seen through a window.
struct STFT {
  std::string side = "real";
  std::string window = "hann";             ///< As SciPy names it; "null" for none, and then no scaling either.
  std::vector<double> window_values = {};  ///< In the place of a window with a name.
  std::string scaling = "density";         ///< By the window's length as a vector; "spectrum": by its sum; "null": not at all.
  bool periodic = false;                   ///< The window is one period, else it is symmetric.
};

/// Any initializer: one of the structures above, or a name such as "glorotUniform", "heNormal", "zeros".
class Initializer {
 public:
  /// Throws gradc::Error for a name that is not known.
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
  Initializer(const STFT&);
  /// As gradc reads it from a file.
  explicit Initializer(std::shared_ptr<const Config> config) : config_(std::move(config)) {}

  const Config& config() const { return *config_; }
  /// The values of a weight of this shape. The same (seed, stream) gives the same values; a seed in the initializer itself goes first.
  std::vector<float> values(const std::vector<std::int64_t>& shape, std::uint64_t seed, std::uint32_t stream) const;

 private:
  std::shared_ptr<const Config> config_;
};

}  // namespace gradc
