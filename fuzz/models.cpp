#include "fuzz/models.h"

#include <algorithm>
#include <map>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "frontend/layer_json.h"
#include "frontend/lower.h"
#include "frontend/topology.h"

namespace gradc::fuzz {
namespace {

using nlohmann::json;

/// Numbers in an image, and pixels of a side, beyond which no layer makes them larger.
constexpr std::int64_t kMostNumbers = 6000, kMostSide = 34;
/// Features of which a dense layer makes as many: their square is its weights, which the reference takes long for.
constexpr std::int64_t kMostSquare = 300;

std::int64_t size_of(const Dims& shape) {
  std::int64_t size = 1;
  for (auto dim : shape) size *= dim;
  return size;
}

/// The result of a layer.
struct Result {
  std::string layer;
  Dims shape;  ///< Without the batch.

  int spatial() const { return static_cast<int>(shape.size()) - 1; }
  /// Whether it is a sequence, an image or a volume.
  bool image() const { return spatial() >= 1 && spatial() <= 3; }
};

class ModelGenerator {
 public:
  explicit ModelGenerator(Choices& choices) : c_(choices) {
    topology_.sequential = false;
    topology_.name = "fuzz";
    topology_.writer = c_.of({Writer::tfjs, Writer::keras3, Writer::keras2});
  }

  json run() {
    Dims shape;
    if (c_.one_in(7))
      shape = {random_channels(c_)};
    else if (c_.one_in(6))
      shape = {random_side(c_), random_channels(c_)};
    else if (c_.one_in(6))
      shape = {c_.integer(1, 8), c_.integer(1, 8), c_.integer(1, 8), random_channels(c_)};
    else
      shape = {random_side(c_), random_side(c_), random_channels(c_)};
    topology_.inputs = {{"", shape}};
    bool input_layer = c_.coin();
    Result x = add("InputLayer", json::object(), {});
    if (shape.size() <= 2 && size_of(shape) <= kMostNumbers / 2 && c_.one_in(3))
      x = topology_.writer == Writer::keras3 && shape.size() == 1 && c_.coin() ? encoding(x) : embedding(x);
    for (int layers = 0; layers < 6 && (layers == 0 || c_.more()); ++layers) {
      Choices::Part part(c_);
      x = c_.one_in(5) ? branches(x) : layer(x);
    }
    auto training = head(x);
    if (!input_layer) drop_input_layer();
    return {{"format", "layers-model"}, {"modelTopology", write_topology(topology_)}, {"trainingConfig", training}};
  }

 private:
  /// A layer on top of others. Its shape is what lowering the model so far says.
  Result add(const std::string& class_name, json config, const std::vector<Result>& inputs) {
    auto name = fmt::format("{}_{}", class_name, topology_.layers.size());
    config["name"] = name;
    if (inputs.empty()) {
      config["batch_input_shape"] = json::array({nullptr});
      for (auto dim : topology_.inputs[0].shape) config["batch_input_shape"].push_back(dim);
      config["dtype"] = "float32";
      topology_.inputs[0].layer = name;
    } else if (c_.one_in(24)) {
      config["trainable"] = false;
    }
    LayerNode node{make_layer(class_name, config), name, {}};
    for (const auto& input : inputs) node.inbound.push_back({input.layer});
    topology_.layers.push_back(std::move(node));
    topology_.outputs = {{name}};
    return {name, lower(topology_, {.mode = Mode::predict}).outputs[0].predictions.image_dims()};
  }

  /// A model without branches may be a sequence whose first layer states the shape.
  void drop_input_layer() {
    for (std::size_t i = 1; i < topology_.layers.size(); ++i)
      if (topology_.layers[i].inbound != std::vector<NodeOutput>{{topology_.layers[i - 1].name}}) return;
    topology_.sequential = true;
    const auto shape = json_of(topology_.layers.front().layer)["batch_input_shape"];
    topology_.layers.erase(topology_.layers.begin());
    auto& first = topology_.layers.front();
    first.inbound.clear();
    topology_.inputs[0].layer = first.name;
    auto config = json_of(first.layer);
    config["batch_input_shape"] = shape;
    first.layer = make_layer(first.layer.class_name(), config);
  }

  /// A number for each spatial dimension, as a file may have it: one for all where they are the same.
  json extents(const Dims& each) {
    const bool same = std::all_of(each.begin(), each.end(), [&](auto extent) { return extent == each[0]; });
    return same && c_.coin() ? json(each[0]) : json(each);
  }

  std::string activation() {
    return c_.of<const char*>({"linear", "relu", "relu", "relu", "tanh", "sigmoid", "relu6", "elu", "selu", "hardSigmoid", "softplus",
                               "softsign", "swish", "gelu", "softmax"});
  }

  /// An initializer whose values are about as large as activations can bear.
  json kernel_initializer() {
    auto object = [](const char* class_name, json config) { return json{{"class_name", class_name}, {"config", std::move(config)}}; };
    switch (c_.integer(0, 11)) {
      case 0: return "glorotNormal";
      case 1: return "glorotUniform";
      case 2: return "heNormal";
      case 3: return "heUniform";
      case 4: return "leCunNormal";
      case 5: return "leCunUniform";
      case 6:
        return object("VarianceScaling", {{"scale", 1.5},
                                          {"mode", c_.of<const char*>({"fan_in", "fan_out", "fan_avg"})},
                                          {"distribution", c_.of<const char*>({"normal", "uniform"})},
                                          {"seed", nullptr}});
      case 7: return object("RandomUniform", {{"minval", -0.3}, {"maxval", 0.4}, {"seed", 5}});
      case 8: return object("RandomNormal", {{"mean", 0.02}, {"stddev", 0.2}, {"seed", nullptr}});
      case 9: return object("TruncatedNormal", {{"mean", 0.0}, {"stddev", 0.3}, {"seed", nullptr}});
      case 10: return object("Orthogonal", {{"gain", 1.2}, {"seed", nullptr}});
      default: return "glorotNormal";
    }
  }

  /// Biases and the like start as something other than zero, so that a sum that leaves them out shows.
  json offset_initializer() {
    switch (c_.integer(0, 3)) {
      case 0: return {{"class_name", "RandomUniform"}, {"config", {{"minval", -0.3}, {"maxval", 0.3}}}};
      case 1: return "zeros";
      case 2: return {{"class_name", "Constant"}, {"config", {{"value", 0.2}}}};
      default: return "ones";
    }
  }

  json positive_initializer() {
    if (c_.coin()) return {{"class_name", "RandomUniform"}, {"config", {{"minval", 0.5}, {"maxval", 1.5}}}};
    return "ones";
  }

  void end_with_bias_and_activation(json& config) {
    config["use_bias"] = c_.coin();
    if (config["use_bias"]) config["bias_initializer"] = offset_initializer();
    config["activation"] = activation();
    regularize(config, {"bias", "activity"});
  }

  /// Weights beside a frozen kernel, which only Keras 3 has.
  void adapt(json& config) {
    if (topology_.writer != Writer::keras3 || !c_.one_in(5)) return;
    config["lora_rank"] = c_.integer(1, 9);
    config["lora_alpha"] = c_.of({1.0, 2.5});
  }

  /// The class of this name for what x is: Conv and Transpose for a sequence are Conv1DTranspose.
  static std::string of_rank(const std::string& name, const Result& x, const std::string& end = "") {
    return fmt::format("{}{}D{}", name, x.spatial(), end);
  }

  /// What `draw(axis)` gives for each spatial dimension.
  template <class Draw>
  json extents(const Result& x, Draw draw) {
    Dims drawn;
    for (int axis = 0; axis < x.spatial(); ++axis) drawn.push_back(draw(axis));
    return extents(drawn);
  }

  /// Kernel size, strides, padding and dilation for such an input.
  json window(const Result& x, bool dilated) {
    bool same = c_.coin();
    Dims size, strides, dilation;
    bool square = c_.coin();
    for (int axis = 0; axis < x.spatial(); ++axis) {
      auto input = x.shape[axis];
      if (axis > 0 && square) {
        size.push_back(size[0]);
        strides.push_back(strides[0]);
        dilation.push_back(dilation[0]);
      } else {
        size.push_back(x.spatial() == 3 ? c_.of({1, 2, 2, 3}) : c_.of({1, 2, 3, 3, 4, 5, 7}));
        strides.push_back(c_.of({1, 1, 2, 2, 3, 4}));
        dilation.push_back(dilated ? c_.of({1, 1, 1, 2, 3}) : 1);
      }
      // Without padding the window has to fit.
      if (!same) size[axis] = std::min(size[axis], (input - 1) / dilation[axis] + 1);
    }
    json config = {{"kernel_size", extents(size)}, {"strides", extents(strides)}, {"padding", same ? "same" : "valid"}};
    if (dilated) config["dilation_rate"] = extents(dilation);
    return config;
  }

  Result conv(const Result& x) {
    auto config = window(x, true);
    if (x.spatial() == 1 && c_.one_in(4)) config["padding"] = "causal";
    auto channels = x.shape.back();
    std::vector<std::int64_t> divisors;
    for (std::int64_t g = 1; g <= channels; ++g)
      if (channels % g == 0) divisors.push_back(g);
    auto groups = c_.one_in(4) ? c_.of(divisors) : 1;
    if (groups > 1) config["groups"] = groups;
    config["filters"] = groups > 1 ? groups * c_.integer(1, std::max<std::int64_t>(1, 48 / groups)) : random_channels(c_);
    config["kernel_initializer"] = kernel_initializer();
    adapt(config);
    regularize(config, {"kernel"});
    end_with_bias_and_activation(config);
    return with_kernel(of_rank("Conv", x), config, x);
  }

  /// A layer with a kernel, which another may normalize.
  Result with_kernel(const std::string& class_name, json config, const Result& x) {
    if (topology_.writer != Writer::keras3 || config.contains("lora_rank") || !c_.one_in(8)) return add(class_name, config, {x});
    config["name"] = "inner";
    return add("SpectralNormalization",
               {{"layer", {{"class_name", class_name}, {"config", config}}}, {"power_iterations", c_.integer(1, 3)}}, {x});
  }

  Result depthwise(const Result& x) {
    auto config = window(x, true);
    config["depth_multiplier"] = c_.of({1, 1, 2, 3});
    config["depthwise_initializer"] = kernel_initializer();
    end_with_bias_and_activation(config);
    return add(of_rank("DepthwiseConv", x), config, {x});
  }

  Result separable(const Result& x) {
    auto config = window(x, true);
    config["depth_multiplier"] = c_.of({1, 1, 2, 3});
    config["filters"] = random_channels(c_);
    config["depthwise_initializer"] = kernel_initializer();
    config["pointwise_initializer"] = kernel_initializer();
    end_with_bias_and_activation(config);
    return add(of_rank("SeparableConv", x), config, {x});
  }

  Result transposed(const Result& x) {
    json config = {{"kernel_size", extents(x, [&](int) { return c_.integer(1, x.spatial() == 3 ? 3 : 5); })},
                   {"padding", c_.of<const char*>({"valid", "same"})},
                   {"filters", random_channels(c_)},
                   {"kernel_initializer", kernel_initializer()}};
    auto stride = [&](int axis) { return x.shape[axis] * 3 > kMostSide ? 1 : c_.integer(1, 3); };
    config["strides"] = extents(x, stride);
    end_with_bias_and_activation(config);
    return add(of_rank("Conv", x, "Transpose"), config, {x});
  }

  Result pooling(const char* kind, const Result& x) {
    auto config = window(x, false);
    config["pool_size"] = config["kernel_size"];
    config.erase("kernel_size");
    if (c_.one_in(3)) config["strides"] = nullptr;  // as large as the window
    return add(of_rank(kind, x), config, {x});
  }

  /// Sequences are those of x, whose units stay few: each step sees all before it.
  json recurrent_config(std::int64_t units) {
    json config = {{"units", units},
                   {"kernel_initializer", kernel_initializer()},
                   {"recurrent_initializer", {{"class_name", "Orthogonal"}, {"config", {{"gain", 0.7}, {"seed", nullptr}}}}},
                   {"use_bias", c_.coin()},
                   {"activation", c_.of<const char*>({"tanh", "tanh", "sigmoid", "softsign"})},
                   {"return_sequences", c_.coin()}};
    if (config["use_bias"]) config["bias_initializer"] = offset_initializer();
    return config;
  }

  /// Some recurrent layers go on from batch to batch, which no case has larger.
  void may_keep_states(json& config) {
    if (!c_.one_in(4)) return;
    constexpr std::int64_t kMostImages = 70;
    config["stateful"] = true;
    topology_.inputs[0].batch_size = kMostImages;
    auto& first = topology_.layers.front().layer;
    auto input = json_of(first);
    input["batch_input_shape"][0] = kMostImages;
    first = make_layer(first.class_name(), input);
  }

  Result recurrent(const Result& x) {
    const auto units = c_.integer(1, 20);
    const auto* kind = c_.of<const char*>({"SimpleRNN", "LSTM", "GRU"});
    auto config = recurrent_config(units);
    if (*kind != 'S') config["recurrent_activation"] = c_.of<const char*>({"sigmoid", "hardSigmoid"});
    if (*kind == 'L') config["unit_forget_bias"] = c_.coin();
    if (*kind == 'G') config["reset_after"] = topology_.writer != Writer::tfjs && c_.coin();
    // In tf.js a mask also reaches later layers that are not to see it, in Keras 3 a Softmax fails with one: it is to end here.
    const bool masks = topology_.writer == Writer::keras3 && !config["return_sequences"] && c_.coin();
    const auto steps = masks ? add("Masking", {{"mask_value", 0.0}}, {add("ReLU", json::object(), {x})}) : x;
    if (c_.coin()) {
      config["go_backwards"] = c_.coin();
      if (masks && c_.coin()) config["zero_output_for_mask"] = true;
      may_keep_states(config);
      return add(kind, config, {steps});
    }
    config["name"] = "inner";
    return add("Bidirectional",
               {{"layer", {{"class_name", kind}, {"config", config}}}, {"merge_mode", c_.of<const char*>({"concat", "sum", "mul", "ave"})}},
               {steps});
  }

  /// The first dimension of volumes as steps and planes.
  Result steps_of_volumes(const Result& x) {
    std::vector<std::int64_t> divisors;
    for (std::int64_t d = 1; d <= x.shape[0]; ++d)
      if (x.shape[0] % d == 0) divisors.push_back(d);
    auto target = x.shape;
    target.insert(target.begin(), c_.of(divisors));
    target[1] /= target[0];
    return add("Reshape", {{"target_shape", target}}, {x});
  }

  /// Of what has a dimension more than its images, whose first is steps.
  Result conv_lstm(Result x) {
    if (x.spatial() == 3 && topology_.writer != Writer::tfjs && c_.coin()) x = steps_of_volumes(x);
    auto config = recurrent_config(1);
    config.erase("units");
    config["filters"] = c_.integer(1, 9);
    Dims size, strides;
    for (int axis = 1; axis < x.spatial(); ++axis) {
      size.push_back(c_.integer(1, std::min<std::int64_t>(3, x.shape[axis])));
      strides.push_back(c_.integer(1, 2));
    }
    config["kernel_size"] = size;
    config["strides"] = strides;
    config["padding"] = c_.of<const char*>({"same", "valid"});
    config["recurrent_activation"] = c_.of<const char*>({"sigmoid", "hardSigmoid"});
    config["unit_forget_bias"] = c_.coin();
    config["go_backwards"] = c_.coin();
    may_keep_states(config);
    return add(fmt::format("ConvLSTM{}D", x.spatial() - 1), config, {x});
  }

  /// Signals of several channels, or of one without a dimension for it.
  Result spectrogram(const Result& x) {
    const auto samples = x.shape[0];
    if (x.shape.size() == 1) {
      const auto fft_length = 2 * c_.integer(1, std::min<std::int64_t>(samples, 20) / 2);
      // Keras announces another number of frames than it makes where a stride divides this, or a transform is of an odd length.
      auto stride = c_.integer(2, fft_length + 1);
      while ((samples + 1) % stride == 0) ++stride;
      return add("MelSpectrogram",
                 {{"fft_length", fft_length},
                  {"sequence_length", c_.integer((fft_length + 1) / 2, fft_length)},
                  {"sequence_stride", stride},
                  {"window", c_.of<const char*>({"hann", "hamming"})},
                  {"num_mel_bins", c_.integer(1, 8)},
                  {"power_to_db", c_.coin()},
                  {"top_db", c_.of({4.0, 20.0})},
                  {"mag_exp", c_.of({2.0, 3.0})},
                  {"min_power", 0.01}},
                 {x});
    }
    const auto length = c_.integer(1, std::min<std::int64_t>(samples, 9));
    // Keras refuses whole numbers, as encodings are.
    const auto signal = add("Rescaling", {{"scale", 0.5}}, {x});
    // No angles, logarithms or roots: of small numbers they make much of rounding.
    return add("STFTSpectrogram",
               {{"mode", c_.of<const char*>({"psd", "real", "imag", "stft"})},
                {"frame_length", length},
                {"frame_step", c_.integer((length + 1) / 2, length)},
                {"fft_length", std::max<std::int64_t>(length + c_.integer(0, 3), 2)},
                {"window", c_.of<const char*>({"hamming", "boxcar"})},
                {"padding", c_.of<const char*>({"valid", "same"})},
                {"expand_dims", c_.coin()}},
               {signal});
  }

  json cell(std::int64_t units) {
    const auto* kind = c_.of<const char*>({"SimpleRNNCell", "LSTMCell", "GRUCell"});
    auto config = recurrent_config(units);
    config.erase("return_sequences");
    if (*kind != 'S') config["recurrent_activation"] = c_.of<const char*>({"sigmoid", "hardSigmoid"});
    if (*kind == 'G') config["reset_after"] = topology_.writer != Writer::tfjs && c_.coin();
    config["name"] = fmt::format("cell_{}", cells_++);
    return {{"class_name", kind}, {"config", config}};
  }

  Result of_cells(const Result& x) {
    auto own = cell(c_.integer(1, 12));
    if (c_.coin()) own = {{"class_name", "StackedRNNCells"}, {"config", {{"name", "stack"}, {"cells", {own, cell(c_.integer(1, 9))}}}}};
    json config = {{"cell", own}, {"return_sequences", c_.coin()}, {"go_backwards", c_.coin()}};
    may_keep_states(config);
    return add("RNN", config, {x});
  }

  Result time_distributed(const Result& x) {
    if (topology_.writer == Writer::keras3 && c_.one_in(3)) {
      has_idle_weights_ = true;
      json config = {{"momentum", c_.of({0.9, 0.5})}, {"epsilon", c_.of({0.1, 1e-2})}, {"center", c_.coin()}, {"name", "inner"}};
      return add("TimeDistributed", {{"layer", {{"class_name", "BatchNormalization"}, {"config", config}}}}, {x});
    }
    json config = {{"units", random_channels(c_)}, {"kernel_initializer", kernel_initializer()}, {"name", "inner"}};
    config["use_bias"] = c_.coin();
    config["activation"] = activation();
    return add("TimeDistributed", {{"layer", {{"class_name", "Dense"}, {"config", config}}}}, {x});
  }

  /// A recurrent layer on each sequence of a sequence of them.
  Result of_sequences(const Result& x) {
    auto config = recurrent_config(c_.integer(1, 9));
    config["name"] = "inner";
    return add("TimeDistributed", {{"layer", {{"class_name", c_.of<const char*>({"SimpleRNN", "LSTM", "GRU"})}, {"config", config}}}}, {x});
  }

  Result zero_padding(const Result& x) {
    auto most = *std::max_element(x.shape.begin(), x.shape.end() - 1) > kMostSide || x.spatial() == 3 ? 1 : 3;
    json config, sides = json::array();
    const auto form = c_.integer(0, 2);
    for (int axis = 0; axis < x.spatial(); ++axis) {
      const auto before = c_.integer(0, most);
      sides.push_back(form == 1 && x.spatial() > 1 ? json(before) : json::array({before, c_.integer(0, most)}));
    }
    config["padding"] = form == 0 ? json(c_.integer(0, most)) : x.spatial() == 1 ? sides[0] : sides;
    return add(of_rank("ZeroPadding", x), config, {x});
  }

  Result dense(const Result& x, std::int64_t units, const std::string& activation = "") {
    json config = {{"units", units}, {"kernel_initializer", kernel_initializer()}};
    // Identity makes square matrices alone.
    if (x.shape.back() == units && c_.one_in(8)) config["kernel_initializer"] = {{"class_name", "Identity"}, {"config", {{"gain", 0.8}}}};
    adapt(config);
    regularize(config, {"kernel"});
    end_with_bias_and_activation(config);
    if (!activation.empty()) config["activation"] = activation;
    return with_kernel("Dense", config, x);
  }

  /// A row of a table for each number of the input. Those are from -1 to 1, and rescaled they number the same rows however that is rounded.
  Result embedding(const Result& x) {
    json config = {{"input_dim", c_.integer(9, 40)},
                   {"output_dim", std::min(kMostNumbers / size_of(x.shape), random_channels(c_))},
                   {"embeddings_initializer", {{"class_name", "RandomUniform"}, {"config", {{"minval", -0.3}, {"maxval", 0.4}}}}}};
    const bool reversible = topology_.writer == Writer::keras3 && c_.one_in(3);
    if (!reversible) adapt(config);
    // Rows that nothing numbers are moved by their penalty alone: one of l1 could tie with Ftrl's own.
    if (c_.one_in(8)) config["embeddings_regularizer"] = {{"class_name", "L1L2"}, {"config", {{"l1", 0.0}, {"l2", c_.of({0.01, 0.1})}}}};
    if (c_.one_in(12)) config["embeddings_constraint"] = constraint();
    regularize(config, {"activity"});
    return add(reversible ? "ReversibleEmbedding" : "Embedding", config, {add("Rescaling", {{"scale", 4.0}, {"offset", 4.0}}, {x})});
  }

  /// The other way through a table.
  Result way_back(const Result& x) {
    json config = {{"input_dim", c_.integer(2, 30)}, {"output_dim", x.shape.back()}, {"tie_weights", c_.coin()}, {"reverse", true}};
    has_idle_weights_ = has_idle_weights_ || config["tie_weights"] == false;
    if (c_.coin()) config["logit_soft_cap"] = c_.of({1.0, 2.5});
    return add("ReversibleEmbedding", config, {x});
  }

  Result reshape(const Result& x) {
    Dims target;
    auto left = size_of(x.shape);
    for (auto rank = c_.integer(1, 4); rank > 1; --rank) {
      std::vector<std::int64_t> divisors;
      for (std::int64_t d = 1; d <= left; ++d)
        if (left % d == 0 && d <= kMostSide) divisors.push_back(d);
      target.push_back(c_.of(divisors));
      left /= target.back();
    }
    target.push_back(c_.coin() ? -1 : left);
    return add("Reshape", {{"target_shape", target}}, {x});
  }

  Result batch_normalization(const Result& x) {
    const auto rank = static_cast<std::int64_t>(x.shape.size());
    const auto axis = c_.one_in(3) ? c_.integer(1, rank) : rank;
    json config = {{"axis", c_.coin() ? axis - rank - 1 : axis},
                   {"momentum", c_.of({0.9, 0.5, 0.99})},
                   {"epsilon", c_.of({0.1, 1e-3, 1e-2})},
                   {"center", c_.coin()},
                   {"scale", c_.coin()},
                   {"gamma_initializer", positive_initializer()},
                   {"beta_initializer", offset_initializer()},
                   {"moving_mean_initializer", offset_initializer()},
                   {"moving_variance_initializer", positive_initializer()}};
    if (topology_.writer == Writer::keras3 && c_.one_in(3)) {
      config["renorm"] = true;
      config["renorm_momentum"] = c_.of({0.9, 0.5});
      config["moving_variance_initializer"] = "ones";
      if (c_.coin()) config["renorm_clipping"] = {{"rmin", 0.7}, {"rmax", 1.4}, {"dmax", 0.5}};
    }
    has_idle_weights_ = true;
    return add("BatchNormalization", config, {x});
  }

  Result cropping(const Result& x) {
    json sides = json::array();
    for (int axis = 0; axis < x.spatial(); ++axis) {
      auto before = c_.integer(0, (x.shape[axis] - 1) / 2);
      sides.push_back({before, c_.integer(0, x.shape[axis] - 1 - before)});
    }
    return add(of_rank("Cropping", x), {{"cropping", x.spatial() == 1 ? sides[0] : sides}}, {x});
  }

  Result center_crop(const Result& x) {
    return add("CenterCrop", {{"height", c_.integer(1, x.shape[0])}, {"width", c_.integer(1, x.shape[1])}}, {x});
  }

  Result encoding(const Result& x) {
    if (c_.coin()) return category_encoding(x);
    return add("Discretization",
               {{"bin_boundaries", {-0.5, 0.125, 0.25}}, {"output_mode", c_.of<const char*>({"int", "one_hot", "multi_hot", "count"})}},
               {x});
  }

  /// Of class numbers: Keras on JAX counts no others, where the other writers round numbers from -1 to 1 once they are rescaled.
  Result category_encoding(const Result& x) {
    const auto* mode = c_.of<const char*>({"multi_hot", "count"});
    const auto numbers = topology_.writer == Writer::keras3
                             ? add("Discretization", {{"bin_boundaries", {-0.5, 0.125, 0.25}}, {"output_mode", "int"}}, {x})
                             : add("Rescaling", {{"scale", 4.0}, {"offset", 4.0}}, {x});
    return add("CategoryEncoding", {{"num_tokens", c_.integer(9, 20)}, {"output_mode", mode}}, {numbers});
  }

  const char* interpolation() { return c_.of<const char*>({"nearest", "bilinear", "bilinear", "bicubic", "lanczos3", "lanczos5"}); }

  Result adaptive(const Result& x) {
    const json sizes = extents(x, [&](int axis) { return c_.integer(1, x.shape[axis]); });
    return add(of_rank(c_.coin() ? "AdaptiveAveragePooling" : "AdaptiveMaxPooling", x), {{"output_size", sizes}}, {x});
  }

  Result resizing(const Result& x) {
    auto side = [&](int axis) { return c_.integer(1, std::min<std::int64_t>(2 * x.shape[axis], kMostSide)); };
    if (c_.coin() || x.spatial() != 2) return adaptive(x);
    json config = {{"height", side(0)}, {"width", side(1)}, {"interpolation", interpolation()}, {"antialias", c_.coin()}};
    const auto ratio = c_.integer(0, 3);
    config["crop_to_aspect_ratio"] = ratio == 1;
    config["pad_to_aspect_ratio"] = ratio == 2;
    if (ratio == 2) config["fill_value"] = c_.of({0.0, 0.5});
    return add("Resizing", config, {x});
  }

  /// A layer that changes images at random in training.
  Result augmentation(const Result& x) {
    const json values = {-2, c_.of({2, 3})};
    auto range = [&](double least) {
      const auto low = c_.of({0.0, 0.25, least});
      return json::array({low, low + c_.of({0.0, 0.25})});
    };
    const json fill = {{"fill_mode", c_.of<const char*>({"reflect", "wrap", "constant", "nearest"})},
                       {"fill_value", c_.of({0.0, 0.5})},
                       {"interpolation", "bilinear"}};
    auto moved = [&](const char* layer, const char* first, const char* second) {
      auto config = fill;
      for (const char* factor : {first, second})
        if (factor != nullptr) config[factor] = range(factor[0] == 'x' || factor[0] == 'y' ? 0.5 : -0.25);
      return add(layer, config, {x});
    };
    auto colored = [&](const char* layer, double least) {
      return add(layer, {{"factor", range(least)}, {"value_range", values}}, {keep_places(x, 3)});
    };
    const json certain = {1, 1}, factor = c_.coin() ? certain : json({0, 0.5});
    const std::int64_t bits = c_.integer(1, 3);
    switch (c_.integer(0, 20)) {
      case 0: return moved("RandomTranslation", "height_factor", "width_factor");
      case 1: return moved("RandomZoom", "height_factor", "width_factor");
      case 2: return add("RandomBrightness", {{"factor", range(-0.25)}, {"value_range", values}}, {x});
      case 3: return add("RandomContrast", {{"factor", range(0.5)}, {"value_range", values}}, {x});
      case 4: return add("RandomInvert", {{"factor", range(0.75)}, {"value_range", values}}, {x});
      case 5: return add("RandomGrayscale", {{"factor", c_.of({0.0, 0.5, 1.0})}}, {keep_places(x, 3)});
      case 6: return moved("RandomRotation", "factor", nullptr);
      case 7: return moved("RandomShear", "x_factor", "y_factor");
      case 8: return add("RandomPerspective", {{"factor", factor}, {"scale", c_.of({0.0, 0.5})}, {"fill_value", c_.of({0.0, 0.5})}}, {x});
      case 9: return add("RandomCrop", {{"height", c_.integer(1, x.shape[0] + 2)}, {"width", c_.integer(1, x.shape[1] + 2)}}, {x});
      case 10: return colored("RandomSaturation", -0.25);
      case 11: return colored("RandomHue", 0.5);
      case 12: return colored("RandomColorDegeneration", -0.25);
      case 13:
        return add("RandomColorJitter", {{"brightness_factor", range(-0.25)}, {"contrast_factor", range(0.5)}, {"value_range", values}},
                   {x});
      case 14: return add("RandomPosterization", {{"factor", {bits, bits + c_.integer(0, 2)}}, {"value_range", values}}, {x});
      case 15:
        return add("Solarization", {{"addition_factor", range(0.5)}, {"threshold_factor", range(0.5)}, {"value_range", values}}, {x});
      case 16: return add("AutoContrast", {{"value_range", values}}, {x});
      case 17: return add("RandomErasing", {{"factor", factor}, {"scale", {0, 0.5}}, {"fill_value", 0.25}, {"value_range", values}}, {x});
      case 18: return add("RandomSharpness", {{"factor", range(0.5)}, {"value_range", values}}, {x});
      case 19:
        return add(
            "RandomGaussianBlur",
            {{"factor", factor}, {"kernel_size", c_.coin() ? json(3) : json({1, 5})}, {"sigma", range(0.5)}, {"value_range", values}}, {x});
      default: return add("RandomFlip", {{"mode", c_.of<const char*>({"horizontal", "vertical", "horizontal_and_vertical"})}}, {x});
    }
  }

  Result upsampling(const Result& x) {
    auto times = [&](int axis) { return x.shape[axis] * 3 > kMostSide ? 1 : c_.integer(1, 3); };
    json config = {{"size", extents(x, times)}};
    // tf.js does not save the interpolation.
    if (topology_.writer != Writer::tfjs && x.spatial() == 2) config["interpolation"] = interpolation();
    return add(of_rank("UpSampling", x), config, {x});
  }

  Result permute(const Result& x) {
    Dims dims;
    for (std::size_t i = 1; i <= x.shape.size(); ++i)
      dims.insert(dims.begin() + c_.integer(0, static_cast<std::int64_t>(dims.size())), static_cast<std::int64_t>(i));
    return add("Permute", {{"dims", dims}}, {x});
  }

  Result prelu(const Result& x) {
    json config = {{"alpha_initializer", offset_initializer()}};
    json shared = json::array();
    for (std::size_t i = 1; i <= x.shape.size(); ++i)
      if (c_.coin()) shared.push_back(i);
    if (!shared.empty()) config["shared_axes"] = shared;
    regularize(config, {"alpha"});
    return add("PReLU", config, {x});
  }

  /// A layer that scales by given numbers.
  Result scaling(const Result& x) {
    auto row = [&](std::int64_t count, double least) {
      json numbers = json::array();
      for (std::int64_t i = 0; i < count; ++i) numbers.push_back(least + c_.of({0.5, 1.0, 0.25}));
      return numbers;
    };
    const auto last = x.shape.back();
    if (last > 40 || c_.coin()) {
      const auto rank = static_cast<std::int64_t>(x.shape.size());
      const json axis = c_.coin() ? json(c_.integer(1, rank)) : json::array();
      return add("Normalization", {{"axis", axis}, {"invert", c_.coin()}}, {x});
    }
    if (c_.coin()) return add("Normalization", {{"mean", row(last, 0)}, {"variance", row(last, 0.5)}}, {x});
    return add("Rescaling", {{"scale", row(last, 0)}, {"offset", c_.coin() ? row(last, 0) : json(0.5)}}, {x});
  }

  /// A layer that normalizes each image by itself.
  Result normalization(const Result& x) {
    const auto rank = static_cast<std::int64_t>(x.shape.size());
    auto axes = [&]() -> json {
      if (c_.coin()) return -1;
      json some = json::array();
      for (std::int64_t axis = 1; axis <= rank; ++axis)
        if (axis == rank || c_.coin()) some.push_back(c_.coin() ? axis : axis - rank - 1);
      if (c_.one_in(3)) std::reverse(some.begin(), some.end());
      return some;
    };
    auto affine = [&](json config) {
      config.update({{"epsilon", c_.of({0.1, 1e-3})},
                     {"center", c_.coin()},
                     {"scale", c_.coin()},
                     {"gamma_initializer", positive_initializer()},
                     {"beta_initializer", offset_initializer()}});
      return config;
    };
    has_idle_weights_ = true;
    switch (c_.integer(0, 3)) {
      case 0: {
        std::vector<std::int64_t> divisors = {-1};
        for (std::int64_t g = 1; g <= x.shape.back(); ++g)
          if (x.shape.back() % g == 0) divisors.push_back(g);
        return add("GroupNormalization", affine({{"groups", c_.of(divisors)}, {"axis", -1}}), {x});
      }
      case 1: {  // Its scale is that of the last axes.
        json last = json::array();
        for (auto axis = c_.integer(1, rank); axis <= rank; ++axis) last.push_back(axis);
        return add("RMSNormalization", {{"axis", c_.coin() ? json(-1) : last}, {"epsilon", c_.of({0.1, 1e-3})}}, {x});
      }
      // A vector near zero has no direction.
      case 2: return add("UnitNormalization", {{"axis", axes()}}, {add("Activation", {{"activation", "softplus"}}, {x})});
      default: {
        auto config = affine({{"axis", axes()}});
        if (topology_.writer == Writer::keras3 && c_.one_in(4)) config["rms_scaling"] = true;
        return add("LayerNormalization", config, {x});
      }
    }
  }

  /// A layer that draws numbers in training.
  Result noise(const Result& x) {
    const auto rate = c_.of({0.0, 0.25, 0.5});
    if (x.image() && c_.coin()) return add(of_rank("SpatialDropout", x), {{"rate", rate}}, {x});
    if (x.shape.size() > 1 && c_.one_in(4))
      return add("TimeDistributed", {{"layer", {{"class_name", "Dropout"}, {"config", {{"rate", rate}, {"name", "inner"}}}}}}, {x});
    switch (c_.integer(1, 4)) {
      case 1: return add("AlphaDropout", {{"rate", rate}}, {x});
      case 2: return add("GaussianDropout", {{"rate", rate}}, {x});
      case 3: return add("GaussianNoise", {{"stddev", rate}}, {x});
      default: return add("Dropout", {{"rate", rate}}, {x});
    }
  }

  /// A layer that takes any shape and keeps it.
  Result elementwise(const Result& x) {
    switch (c_.integer(0, 11)) {
      case 11:
        return topology_.writer != Writer::keras3 ? normalization(x) : c_.one_in(4) ? add("Identity", json::object(), {x}) : scaling(x);
      case 9: return normalization(x);
      case 10: return add("ActivityRegularization", {{"l1", c_.of({0.0, 0.01})}, {"l2", c_.of({0.0, 0.02})}}, {x});
      case 5: return add("LeakyReLU", {{"alpha", c_.of({0.3, 0.1})}}, {x});
      case 6: return add("ELU", {{"alpha", topology_.writer == Writer::tfjs ? 1.0 : c_.of({1.0, 0.6})}}, {x});
      case 7: return prelu(x);
      case 8: return add("ThresholdedReLU", {{"theta", c_.of({1.0, 0.2})}}, {x});
      case 0: return add("Activation", {{"activation", activation()}}, {x});
      case 1: {
        json config = json::object();
        if (c_.coin()) config["max_value"] = c_.of({6.0, 1.0, 0.5});
        return add("ReLU", config, {x});
      }
      case 2: return batch_normalization(x);
      case 3: return noise(x);
      default: return add("Softmax", {{"axis", c_.coin() ? -1 : c_.integer(1, static_cast<std::int64_t>(x.shape.size()))}}, {x});
    }
  }

  /// The product of x with another value, along a dimension that both have.
  Result dot(Result x) {
    auto y = keep_places(x, c_.coin() ? x.shape.back() : random_channels(c_));
    Dims along;
    for (std::size_t d = 0; d < x.shape.size(); ++d)
      if (x.shape[d] == y.shape[d] && size_of(x.shape) / x.shape[d] * (size_of(y.shape) / y.shape[d]) <= kMostNumbers)
        along.push_back(static_cast<std::int64_t>(d) + 1);
    if (along.empty()) return y;
    const auto axis = c_.of(along), from_end = axis - static_cast<std::int64_t>(x.shape.size()) - 1;
    json config = {{"axes", c_.coin() ? json::array({axis, c_.coin() ? axis : from_end}) : json(c_.coin() ? axis : from_end)},
                   {"normalize", c_.one_in(4)}};
    // A vector near zero has no direction.
    if (config["normalize"] == true)
      for (auto* side : {&x, &y}) *side = add("Activation", {{"activation", "softplus"}}, {*side});
    return add("Dot", config, {x, y});
  }

  /// A layer by which each step of x sees those of another sequence, or of x.
  Result attention(const Result& x) {
    auto other = [&](std::int64_t channels) { return c_.coin() && channels == x.shape.back() ? x : keep_places(x, channels); };
    const auto channels = x.shape.back() <= kMostSquare ? x.shape.back() : random_channels(c_);
    std::vector<Result> inputs = {other(channels)};
    if (x.spatial() == 2) return attention_of_images(x, inputs[0]);
    auto rate = [&] { return c_.of({0.0, 0.0, 0.25}); };
    json config = {{"dropout", rate()}};
    if (c_.one_in(3)) config["use_causal_mask"] = true;
    const bool adds = c_.coin() && x.shape[0] * x.shape[0] * channels <= kMostNumbers;
    if (c_.coin()) {
      const bool own_key = c_.coin();
      inputs.push_back(other(own_key ? random_channels(c_) : channels));
      if (own_key) inputs.push_back(other(channels));
      config["use_scale"] = c_.coin();
      if (adds && c_.coin()) return add("AdditiveAttention", config, inputs);
      config["score_mode"] = adds ? "concat" : "dot";
      return add("Attention", config, inputs);
    }
    inputs.push_back(other(random_channels(c_)));
    if (c_.coin()) inputs.push_back(other(random_channels(c_)));
    config.update({{"kernel_initializer", kernel_initializer()}, {"use_bias", c_.coin()}, {"use_gate", c_.coin()}});
    if (config["use_bias"] == true) config["bias_initializer"] = offset_initializer();
    has_idle_weights_ = true;
    if (c_.one_in(4)) config["sliding_window"] = c_.integer(1, 5);
    regularize(config, {"kernel", "bias", "activity"});
    const auto heads = c_.integer(1, 4), size = c_.integer(1, 9);
    if (c_.one_in(3)) {
      config.update({{"head_dim", size}, {"num_query_heads", heads * c_.integer(1, 3)}, {"num_key_value_heads", heads}});
      return add("GroupedQueryAttention", config, inputs);
    }
    config.update({{"num_heads", heads}, {"key_dim", size}});
    if (c_.coin()) config["output_shape"] = c_.integer(1, 20);
    return add("MultiHeadAttention", config, inputs);
  }

  Result attention_of_images(const Result& x, const Result& query) {
    json config = {{"num_heads", c_.integer(1, 3)},
                   {"key_dim", c_.integer(1, 6)},
                   {"value_dim", c_.integer(1, 6)},
                   {"use_bias", c_.coin()},
                   {"use_gate", c_.coin()}};
    has_idle_weights_ = true;
    const bool all = x.shape[0] * x.shape[1] <= 60;
    if (!all || c_.coin()) config["attention_axes"] = json::array({c_.integer(1, 2)});
    return add("MultiHeadAttention", config, {query, x});
  }

  /// A product with a kernel that sums over some dimensions and makes others, in any order.
  Result einsum(const Result& x) {
    std::string kept, summed, made, input = "a";
    std::map<char, std::int64_t> sizes;
    for (std::size_t i = 0; i < x.shape.size(); ++i) {
      const auto letter = static_cast<char>('b' + i);
      sizes[letter] = x.shape[i];
      input += letter;
      (c_.coin() ? summed : kept) += letter;
    }
    auto elements = [&](const std::string& letters) {
      std::int64_t product = 1;
      for (char letter : letters) product *= sizes[letter];
      return product;
    };
    for (auto count = c_.integer(1, 2); count > 0; --count) {
      made += static_cast<char>('t' + count);
      sizes[made.back()] = c_.integer(1, 12);
    }
    if (elements(summed) > kMostSquare || elements(kept) * elements(made) > kMostNumbers) return dense(x, random_channels(c_));
    auto shuffled = [&](const std::string& letters) {
      std::string result;
      for (char letter : letters) result.insert(result.begin() + c_.integer(0, static_cast<std::int64_t>(result.size())), letter);
      return result;
    };
    const auto output = shuffled(kept + made), kernel = shuffled(summed + made);
    json shape = json::array();
    std::string biased;
    for (char letter : output) {
      shape.push_back(kept.find(letter) != std::string::npos && c_.one_in(16) ? json() : json(sizes[letter]));
      if (c_.coin()) biased += letter;
    }
    json config = {{"equation", fmt::format("{},{}->a{}", input, kernel, output)},
                   {"output_shape", shape},
                   {"activation", activation()},
                   {"kernel_initializer", kernel_initializer()}};
    adapt(config);
    if (!biased.empty()) config.update({{"bias_axes", biased}, {"bias_initializer", offset_initializer()}});
    regularize(config, {"kernel", "bias", "activity"});
    return add("EinsumDense", config, {x});
  }

  Result layer(const Result& x) {
    if (size_of(x.shape) > kMostNumbers) {
      if (!x.image()) return dense(x, random_channels(c_));
      return size_of(x.shape) > x.shape.back() ? pooling("MaxPooling", x) : add("Flatten", json::object(), {x});
    }
    const bool signals = topology_.writer == Writer::keras3 && x.spatial() < 2 && x.shape[0] > 1;
    if (!x.image()) {
      if (signals && c_.one_in(12)) return spectrogram(x);
      switch (c_.integer(0, 6)) {
        case 0:
        case 1:
        case 2: return topology_.writer == Writer::keras3 && c_.one_in(12) ? way_back(x) : dense(x, random_channels(c_));
        case 3: return c_.one_in(5) ? einsum(x) : c_.coin() ? add("Flatten", json::object(), {x}) : reshape(x);
        case 6: return x.shape.size() == 1 ? add("RepeatVector", {{"n", c_.integer(1, 7)}}, {x}) : permute(x);
        default: return elementwise(x);
      }
    }
    if ((x.spatial() == 1 && c_.one_in(6)) || (x.spatial() == 2 && c_.one_in(24))) return attention(x);
    if (signals && c_.one_in(12)) return spectrogram(x);
    if (x.spatial() == 1 && c_.one_in(4)) return c_.one_in(4) ? time_distributed(x) : c_.one_in(4) ? of_cells(x) : recurrent(x);
    if (x.spatial() > (topology_.writer == Writer::tfjs ? 2 : 1) && x.shape[0] <= 9 && c_.one_in(12)) return conv_lstm(x);
    if (x.spatial() == 2 && x.shape[1] <= 9 && topology_.writer == Writer::keras3 && c_.one_in(20)) return of_sequences(x);
    switch (c_.integer(0, 26)) {
      case 24: return topology_.writer == Writer::keras3 ? resizing(x) : upsampling(x);
      case 25:
      case 26: return topology_.writer == Writer::keras3 && x.spatial() == 2 ? augmentation(x) : conv(x);
      case 20: return x.spatial() == 2 && topology_.writer != Writer::tfjs && c_.coin() ? center_crop(x) : cropping(x);
      case 21: return upsampling(x);
      case 22: return permute(x);
      case 23: return add(of_rank("GlobalMaxPooling", x), json::object(), {x});
      case 0:
      case 1:
      case 2:
      case 3:
      case 4: return conv(x);
      case 5:
      case 6: return x.spatial() < 3 ? depthwise(x) : conv(x);
      case 7:
      case 8: return x.spatial() < 3 ? separable(x) : conv(x);
      case 9:
      case 10: return transposed(x);
      case 11:
      case 12: return topology_.writer == Writer::keras3 && c_.one_in(3) ? adaptive(x) : pooling("MaxPooling", x);
      case 13: return pooling("AveragePooling", x);
      case 14: return zero_padding(x);
      case 15: return c_.one_in(3) ? einsum(x) : dense(x, random_channels(c_));
      case 16: return c_.coin() ? add(of_rank("GlobalAveragePooling", x), json::object(), {x}) : add("Flatten", json::object(), {x});
      case 17: return reshape(x);
      default: return elementwise(x);
    }
  }

  /// A layer that keeps every dimension but the last, which becomes `channels`.
  Result keep_places(const Result& x, std::int64_t channels) {
    if (channels == x.shape.back() && c_.coin()) return elementwise(x);
    if (!x.image()) return dense(x, channels);
    json config = {{"kernel_size", extents(x, [&](int) { return x.spatial() == 3 ? c_.of({1, 2, 3}) : c_.of({1, 2, 3, 5}); })},
                   {"padding", "same"}};
    config["filters"] = channels;
    config["kernel_initializer"] = kernel_initializer();
    end_with_bias_and_activation(config);
    return add(of_rank(c_.coin() || x.spatial() == 3 ? "Conv" : "SeparableConv", x), config, {x});
  }

  /// Two or three layers on one input, combined by element or joined; one of the branches may be the input itself.
  Result branches(const Result& x) {
    if (c_.one_in(6)) return dot(x);
    bool sum = c_.coin();
    auto channels = sum ? (x.shape.back() <= kMostSquare && c_.coin() ? x.shape.back() : random_channels(c_)) : 0;
    std::vector<Result> results;
    for (auto count = c_.integer(2, 3); count > 0; --count) {
      Choices::Part part(c_);
      bool itself = c_.one_in(3) && (!sum || channels == x.shape.back());
      results.push_back(itself ? x : keep_places(x, sum ? channels : random_channels(c_)));
    }
    if (sum)
      return add(c_.of<const char*>({"Add", "Add", "Average", "Maximum", "Minimum", "Multiply", results.size() == 2 ? "Subtract" : "Add"}),
                 json::object(), results);
    auto axis = static_cast<std::int64_t>(x.shape.size());
    if (x.image() && std::all_of(results.begin(), results.end(), [&](const Result& r) { return r.shape == x.shape; }))
      axis = c_.integer(1, static_cast<std::int64_t>(x.shape.size()));
    return add("Concatenate", {{"axis", c_.coin() && axis == static_cast<std::int64_t>(x.shape.size()) ? -1 : axis}}, results);
  }

  /// Ends the model with what a loss takes, and says how it is trained.
  json head(Result x) {
    Choices::Part part(c_);
    if (c_.coin() && x.shape.size() > 1) x = add("Flatten", json::object(), {x});
    auto loss = c_.of<std::string>(
        {"meanSquaredError", "categoricalCrossentropy", "sparseCategoricalCrossentropy", "binaryCrossentropy", "meanAbsoluteError"});
    if (c_.one_in(4))
      loss = c_.of<const char*>({"huber", "logCosh", "hinge", "squaredHinge", "categoricalHinge", "cosineSimilarity", "poisson",
                                 "klDivergence", "binaryFocalCrossentropy", "categoricalFocalCrossentropy", "dice"});
    auto units = c_.of({2, 1, 3, 10, 17});
    if (loss == "categoricalCrossentropy" || loss == "sparseCategoricalCrossentropy") {
      units = std::max(units, 2);
      // Also of probabilities whose logits are not known.
      dense(x, units, c_.of<const char*>({"softmax", "softmax", "sigmoid", "softplus"}));
    } else if (loss == "categoricalFocalCrossentropy") {
      dense(x, std::max(units, 2), "softmax");
    } else if (loss == "binaryCrossentropy" || loss == "binaryFocalCrossentropy" || loss == "dice") {
      dense(x, units, c_.of<const char*>({"sigmoid", "sigmoid", "softmax"}));
    } else if (loss == "poisson" || loss == "klDivergence") {
      dense(x, units, "softplus");
    } else if (c_.coin()) {
      dense(x, units);
    }
    json metrics = json::array();
    if (c_.coin())
      metrics.push_back(c_.of<const char*>({"accuracy", "binaryAccuracy", "categoricalAccuracy", "sparseCategoricalAccuracy"}));
    if (c_.one_in(4))
      metrics.push_back(
          c_.of<const char*>({"meanSquaredError", "meanAbsoluteError", "rootMeanSquaredError", "auc", "r2Score", "falsePositives"}));
    json training = {{"loss", loss}, {"metrics", metrics}, {"optimizer_config", optimizer()}};
    if (c_.one_in(4)) training["loss"] = loss_with_options(loss);
    if (c_.one_in(8)) training["loss_weights"] = c_.of({2.0, 0.25});
    return training;
  }

  json loss_with_options(const std::string& loss) {
    json config = {{"reduction", c_.of<const char*>({"sum_over_batch_size", "sum"})}};
    bool of_classes = loss == "categoricalCrossentropy" || loss == "binaryCrossentropy";
    if (of_classes && c_.coin()) config["label_smoothing"] = c_.of({0.1, 0.3});
    return {{"class_name", loss}, {"config", config}};
  }

  void regularize(json& config, std::initializer_list<const char*> what) {
    for (const char* each : what)
      if (c_.one_in(16))
        config[each + std::string("_regularizer")] = {{"class_name", "L1L2"},
                                                      {"config", {{"l1", c_.of({0.0, 0.01})}, {"l2", c_.of({0.01, 0.1})}}}};
    for (const char* each : what)
      if (std::string_view(each) != "activity" && c_.one_in(24)) {
        const auto& own = config[each + std::string("_constraint")] = constraint();
        // Weights of exactly 0, where each library takes a slope of l1 that it likes: 1, 0 or -1.
        auto regularizer = config.find(each + std::string("_regularizer"));
        if (own["class_name"] == "NonNeg" && regularizer != config.end()) (*regularizer)["config"]["l1"] = 0.0;
      }
  }

  json constraint() {
    switch (c_.integer(0, 3)) {
      case 0: return {{"class_name", "MaxNorm"}, {"config", {{"max_value", c_.of({0.7, 2.0})}, {"axis", 0}}}};
      case 1: return {{"class_name", "UnitNorm"}, {"config", {{"axis", 0}}}};
      case 2: return {{"class_name", "NonNeg"}, {"config", json::object()}};
      default:
        return {{"class_name", "MinMaxNorm"},
                {"config", {{"min_value", 0.4}, {"max_value", 0.9}, {"rate", c_.of({1.0, 0.5})}, {"axis", 0}}}};
    }
  }

  json schedule(const json& rate) {
    json config = {{"initial_learning_rate", rate}, {"decay_steps", c_.of({2, 5})}};
    const auto name = c_.of<std::string>({"ExponentialDecay", "InverseTimeDecay", "PolynomialDecay", "CosineDecay"});
    if (name == "PolynomialDecay")
      config["cycle"] = c_.coin();
    else if (name == "CosineDecay")
      config["alpha"] = c_.of({0.0, 0.1});
    else
      config.update({{"decay_rate", c_.of({0.9, 0.5})}, {"staircase", c_.coin()}});
    return {{"class_name", name}, {"config", config}};
  }

  json optimizer() {
    json config = {{"learning_rate", c_.of({0.1, 0.5, 0.01})}};
    // A small epsilon makes the sign of a gradient that is 0 but for rounding count.
    auto epsilon = [&] { config["epsilon"] = c_.of({0.1, 1e-2, 1e-3}); };
    auto betas = [&] {
      config["beta_1"] = c_.of({0.9, 0.5});
      config["beta_2"] = c_.of({0.999, 0.9});
      epsilon();
    };
    auto name =
        c_.of<std::string>({"SGD", "SGD", "SGD", "Adam", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "AdamW", "Lamb", "Ftrl"});
    // It makes an update as large as the weights, however small their gradient.
    if (name == "Lamb" && has_idle_weights_) name = "AdamW";
    if (name == "SGD" && c_.coin()) {
      config["momentum"] = c_.of({0.9, 0.5});
      config["nesterov"] = c_.coin();
    } else if (name == "Adam" || name == "AdamW") {
      betas();
      config["amsgrad"] = c_.coin();
    } else if (name == "Ftrl") {
      config["learning_rate_power"] = c_.of({-0.5, -0.3});
      config["l1_regularization_strength"] = c_.of({0.0, 0.01});
      config["beta"] = c_.of({0.0, 0.5});
    } else if (name == "Adamax" || name == "Nadam" || name == "Lamb") {
      betas();
    } else if (name == "RMSprop") {
      config["rho"] = c_.of({0.9, 0.5});
      config["momentum"] = c_.of({0.0, 0.5});
      config["centered"] = c_.coin();
      epsilon();
    } else if (name == "Adagrad") {
      config["initial_accumulator_value"] = c_.of({0.1, 0.5});
      epsilon();
    } else if (name == "Adadelta") {
      config["rho"] = c_.of({0.95, 0.5});
      epsilon();
    }
    if (c_.one_in(6)) config[c_.of<const char*>({"clipnorm", "global_clipnorm", "clipvalue"})] = c_.of({0.5, 0.05});
    if (c_.one_in(8)) config["weight_decay"] = c_.of({0.01, 0.1});
    if (c_.one_in(8)) config["gradient_accumulation_steps"] = c_.of({2, 3});
    if (topology_.writer != Writer::keras2 && c_.one_in(8))
      config.update({{"use_ema", true}, {"ema_momentum", c_.of({0.9, 0.5})}, {"ema_overwrite_frequency", 2}});
    if (c_.one_in(8)) config["learning_rate"] = schedule(config["learning_rate"]);
    return {{"class_name", name}, {"config", config}};
  }

  Choices& c_;
  Topology topology_;
  int cells_ = 0;  ///< Drawn so far.
  bool has_idle_weights_ =
      false;  ///< Some may change nothing, as biases of keys and those before a normalization: their gradient is rounding.
};

}  // namespace

json random_model(Choices& choices) { return ModelGenerator(choices).run(); }

}  // namespace gradc::fuzz
