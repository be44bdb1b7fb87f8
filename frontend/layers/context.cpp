#include "frontend/layers/context.h"

#include <map>

#include "frontend/names.h"
#include "support/error.h"

namespace gradc {
namespace {

using nlohmann::json;

/// The activations that are one pointwise op. The others are "linear", which is none, and "softmax".
const std::map<std::string, OpKind>& pointwise_activations() {
  static const std::map<std::string, OpKind> table = {
      {"relu", OpKind::relu},         {"relu6", OpKind::relu6},       {"elu", OpKind::elu},
      {"selu", OpKind::selu},         {"sigmoid", OpKind::sigmoid},   {"hardSigmoid", OpKind::hard_sigmoid},
      {"softplus", OpKind::softplus}, {"softsign", OpKind::softsign}, {"tanh", OpKind::tanh},
      {"swish", OpKind::swish},       {"gelu", OpKind::gelu},
  };
  return table;
}

}  // namespace

void LayerContext::expect_rank(int rank, const char* shape) const {
  if (input_type().rank() != rank)
    throw Error("takes {}, got an input of shape {}{}", shape, shape_string(input_type().image_dims()),
                rank == 2 ? "; put a Flatten before it" : "");
}

ValueId LayerContext::weight(const std::string& weight_name, std::vector<std::int64_t> shape, const Initializer& initializer,
                             bool trainable) {
  // The regularizer of a "depthwise_kernel" is the "depthwise_regularizer".
  const std::string kernel = "_kernel";
  auto key = weight_name.ends_with(kernel) ? weight_name.substr(0, weight_name.size() - kernel.size()) : weight_name;
  return weight_regularized_by(key + "_regularizer", weight_name, std::move(shape), initializer, trainable);
}

ValueId LayerContext::weight_regularized_by(const std::string& key, const std::string& weight_name, std::vector<std::int64_t> shape,
                                            const Initializer& initializer, bool trainable) {
  auto full = weights_name + "/" + weight_name;
  if (const auto* shared = b.graph().find(OpKind::param, full)) {
    const auto& type = b.type(shared->result());
    if (type.dims != shape)
      throw Error("is used for inputs of two shapes: its {} is {} in one use and {} in another", weight_name, shape_string(type.dims),
                  shape_string(shape));
    return shared->result();
  }
  weights.push_back({full, shape, initializer, trainable});
  auto param = b.emit_typed(OpKind::param, {DType::f32, std::move(shape)}, {{"name", full}, {"trainable", std::int64_t{trainable}}}, full);
  if (trainable || config.dialect().frozen_weights_are_regularized) penalize(key, param);
  return param;
}

ValueId LayerContext::newest(ValueId param) const {
  for (const auto& op : b.graph().ops)
    if (op.kind == OpKind::update && op.operands[0] == param) return op.operands[1];
  return param;
}

void LayerContext::update(ValueId param, ValueId value) {
  std::erase_if(b.graph().ops, [&](const Op& op) { return op.kind == OpKind::update && op.operands[0] == param; });
  emit(OpKind::update, {param, value});
}

void LayerContext::penalize(const std::string& key, ValueId x) {
  std::vector<std::string> problems;
  auto regularizer = regularizer_from_json(config.find(key), problems);
  for (const auto& problem : problems) config.problem(fmt::format("\"{}\": {}", key, problem));
  if (regularizer && mode != Mode::predict) penalties.push_back(penalty(b, regularizer, x));
}

void LayerContext::no_constraints(std::initializer_list<const char*> weight_names) {
  for (std::string weight_name : weight_names) {
    config.only(weight_name + "_constraint", nullptr, "remove it");
    config.find(weight_name + "_regularizer");
  }
}

ValueId LayerContext::biased_and_activated(ValueId x) {
  auto initializer = config.initializer("bias_initializer", "zeros");
  if (config.boolean("use_bias", true)) {
    auto bias = weight("bias", {b.type(x).dims.back()}, initializer);
    x = emit(OpKind::add, {x, bias}, {}, "biased");
  }
  return activate(x);
}

std::string known_activations() {
  std::string names = "linear, softmax";
  for (const auto& [name, kind] : pointwise_activations()) names += ", " + name;
  return names;
}

ValueId LayerContext::activate(ValueId x) { return activate(x, config.text("activation", "linear")); }

ValueId LayerContext::activate(ValueId x, const std::string& activation) {
  auto plain = plain_name(activation);
  if (plain == "linear") return x;
  if (plain == "silu") plain = "swish";
  if (plain == "hardsigmoid" && config.dialect().hard_sigmoid_is_relu6) {
    auto clipped = emit(OpKind::relu6, {emit(OpKind::add, {x, b.constant(3)}, {}, "shifted")}, {}, "clipped");
    return emit(OpKind::mul, {clipped, b.constant(1.0 / 6)}, {}, plain);
  }
  if (plain == "softmax") return emit(OpKind::softmax, {x}, {}, "softmax");
  for (const auto& [known, kind] : pointwise_activations())
    if (plain_name(known) == plain) return emit(kind, {x}, {}, plain);
  config.problem(fmt::format("activation \"{}\" is not known; known are {}", activation, known_activations()));
  return x;
}

bool is_known_layer(const std::string& class_name) {
#define GRADC_LAYER(name) \
  if (class_name == #name) return true;
#include "frontend/layers/layers.def"
#undef GRADC_LAYER
  return false;
}

std::string unknown_layer(const std::string& name, const std::string& class_name) {
  return fmt::format("layer \"{}\" ({}): this layer is not known; known are {}", name, class_name, known_layers());
}

std::string known_layers() {
  return std::string()
#define GRADC_LAYER(name) +#name + " "
#include "frontend/layers/layers.def"
#undef GRADC_LAYER
      ;
}

bool is_padding_same(LayerContext& layer) {
  auto padding = plain_name(layer.config.text("padding", "valid"));
  if (padding != "same" && padding != "valid")
    layer.config.problem(fmt::format("padding \"{}\" is not known; valid and same are", padding));
  return padding == "same";
}

Ints window_padding(LayerContext& layer, Ints input, Ints size, Ints strides, Ints dilation) {
  if (!is_padding_same(layer)) {
    for (int axis = 0; axis < 2; ++axis) {
      auto extent = (size[axis] - 1) * dilation[axis] + 1;
      if (extent > input[axis])
        throw Error("a {} window{} does not fit its {} input; use padding \"same\" or a smaller window", shape_string(size),
                    dilation == Ints{1, 1} ? "" : " with dilation " + shape_string(dilation), shape_string(input));
    }
    return {0, 0, 0, 0};
  }
  Ints result;
  for (int axis = 0; axis < 2; ++axis) {
    auto output = (input[axis] + strides[axis] - 1) / strides[axis];
    auto total = std::max<std::int64_t>((output - 1) * strides[axis] + (size[axis] - 1) * dilation[axis] + 1 - input[axis], 0);
    result.push_back(total / 2);
    result.push_back(total - total / 2);
  }
  return result;
}

LowRank low_rank_of(ConfigReader& config) {
  auto rank = config.integer("lora_rank", 0, 0);
  auto alpha = config.number("lora_alpha", static_cast<double>(rank));
  return {rank, rank > 0 ? alpha / static_cast<double>(rank) : 0};
}

std::pair<ValueId, ValueId> LowRank::weights(LayerContext& layer, std::vector<std::int64_t> kernel) const {
  std::vector<std::int64_t> thin = {rank, kernel.back()};
  kernel.back() = rank;
  auto a = layer.weight_regularized_by("kernel_regularizer", "lora_kernel_a", std::move(kernel), "heUniform");
  auto b = layer.weight_regularized_by("kernel_regularizer", "lora_kernel_b", std::move(thin), "zeros");
  return {a, b};
}

ValueId LowRank::sum(LayerContext& layer, ValueId with_kernel, ValueId with_product) const {
  auto scaled = layer.emit(OpKind::mul, {with_product, layer.b.constant(scale)}, {}, "lora");
  return layer.emit(OpKind::add, {with_kernel, scaled}, {}, "adapted");
}

ValueId lower_pooling(LayerContext& layer, OpKind kind) {
  layer.expect_rank(4, "images of rank 3 (height×width×channels)");
  auto type = layer.input_type();
  auto window = layer.config.pair("pool_size", {2, 2});
  auto strides = layer.config.pair("strides", window);
  auto padding = window_padding(layer, {type.dims[1], type.dims[2]}, window, strides, {1, 1});
  auto results =
      layer.b.emit_all(kind, {layer.input()}, {{"window", window}, {"strides", strides}, {"padding", padding}}, layer.name + "/pool");
  if (results.size() > 1) layer.b.graph().rename(results[1], layer.name + "/index");
  return results[0];
}

json named_config(const std::string& name, const Dims& input_shape) {
  json config = json::object();
  if (!name.empty()) config["name"] = name;
  if (!input_shape.empty()) {
    json shape = json::array({nullptr});
    for (auto dim : input_shape) shape.push_back(dim);
    config["batch_input_shape"] = shape;
    config["dtype"] = "float32";
  }
  return config;
}

Layer::Layer(std::string class_name, const json& config)
    : class_name_(std::move(class_name)), config_(std::make_shared<const json>(config)) {}

std::string Layer::name() const { return config_->value("name", ""); }

}  // namespace gradc
