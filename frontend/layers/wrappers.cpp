#include "gradc/layers/wrappers.h"

#include "frontend/layer_json.h"
#include "frontend/layers/context.h"
#include "frontend/layers/layers.h"
#include "frontend/model_tree.h"
#include "frontend/problems.h"
#include "gradc/error.h"
#include "ir/scan.h"

namespace gradc {
namespace {

/// Another layer, applied by that of a context.
struct Inner {
  const Layer& layer;
  std::string weights_name;
  nlohmann::json config;

  Inner(const Layer& layer, std::string weights_name) : layer(layer), weights_name(std::move(weights_name)), config(json_of(layer)) {}

  ValueId mask = -1;  ///< After `apply`: of what it made.
  std::vector<ValueId> more_results = {};

  std::vector<ValueId> further_inputs = {};
  const InPlaceOf* in_place_of = nullptr;  ///< For its weights.
  bool keeps_steps_in_place = true, sequences_beside = false;

  /// To inputs of the context's builder or, with a loop, of its body; with the mask of the first, if there is one.
  ValueId apply(LayerContext& outer, ValueId input, ValueId input_mask, ScanBuilder* loop = nullptr) {
    const auto* def = find_layer(layer.class_name());
    if (is_model_class(layer.class_name())) throw Error("its layer is a model, which gradc has in the TimeDistributed of a file alone");
    if (def == nullptr) throw Error("{}", unknown_layer(weights_name, layer.class_name()));
    if (def->inputs == Inputs::one && !further_inputs.empty())
      throw Error("its layer ({}) takes one input, got {}", layer.class_name(), further_inputs.size() + 1);
    std::vector<std::string> problems;
    ConfigReader reader(config, outer.config.dialect(), problems);
    auto context = outer.part(loop == nullptr ? outer.b : loop->body, reader, weights_name);
    context.inputs = {input};
    context.inputs.insert(context.inputs.end(), further_inputs.begin(), further_inputs.end());
    context.masks.assign(context.inputs.size(), -1);
    context.masks.front() = input_mask;
    context.loop = loop;
    context.arguments = outer.arguments;
    context.keeps_steps_in_place = keeps_steps_in_place;
    context.sequences_beside |= sequences_beside;
    if (in_place_of != nullptr) context.in_place_of = in_place_of;
    if (context.input_type().rank() < 2 && !def->takes_numbers) throw Error("{} takes no numbers without a dimension", layer.class_name());
    const auto result = apply_layer(*def, context);
    mask = context.mask;
    more_results = context.more_results;
    for (const auto& problem : problems) outer.config.problem(fmt::format("its layer ({}): {}", layer.class_name(), problem));
    return result;
  }
};

const Layer& given(const std::optional<Layer>& layer) {
  if (!layer) throw Error("\"layer\" is missing");
  return *layer;
}

/// A recurrent layer that goes the other way, or, if `backward`, that way.
Layer in_direction(const Layer& layer, bool backward) {
  auto config = json_of(layer);
  config["go_backwards"] = backward;
  return make_layer(layer.class_name(), std::move(config));
}

}  // namespace

ValueId lower(LayerContext& context, const Bidirectional& wrapper) {
  const auto& layer = given(wrapper.layer);
  if (!has_option(layer, "recurrent_initializer") && layer.class_name() != "RNN")
    throw Error("its layer is a {}; LSTM, GRU, SimpleRNN and RNN go both ways", layer.class_name());
  const bool backward = json_of(layer).value("go_backwards", false);
  auto name = layer.name();
  if (name.starts_with("forward_")) name.erase(0, 8);
  const auto first = in_direction(layer, backward), second = in_direction(wrapper.backward_layer.value_or(layer), !backward);
  Inner forward(first, context.weights_name + "/forward_" + name);
  if (context.inputs.size() % 2 == 0)
    throw Error("takes a sequence and as many first states for each way, got {} inputs", context.inputs.size());
  const auto half = context.inputs.begin() + 1 + static_cast<std::ptrdiff_t>(context.inputs.size() / 2);
  forward.further_inputs.assign(context.inputs.begin() + 1, half);
  auto y = forward.apply(context, context.input(), context.input_mask());
  context.mask = forward.mask;
  const auto second_name = wrapper.backward_layer ? wrapper.backward_layer->name() : "backward_" + name;
  Inner other(second, context.weights_name + "/" + second_name);
  other.further_inputs.assign(half, context.inputs.end());
  auto z = other.apply(context, context.input(), context.input_mask());
  context.more_results = forward.more_results;
  context.more_results.insert(context.more_results.end(), other.more_results.begin(), other.more_results.end());
  if (y < 0 || z < 0) return -1;
  if (wrapper.merge_mode == "null") {
    context.more_results.insert(context.more_results.begin(), z);
    return y;
  }
  if (context.b.type(y) != context.b.type(z))
    throw Error("its layers give {} and {}", shape_string(context.b.type(y).image_dims()), shape_string(context.b.type(z).image_dims()));
  if (wrapper.merge_mode == "concat")
    return context.emit(OpKind::concat, {y, z}, {{"axis", std::int64_t{context.b.type(y).rank() - 1}}}, "both");
  if (wrapper.merge_mode == "mul") return context.emit(OpKind::mul, {y, z}, {}, "both");
  const auto sum = context.emit(OpKind::add, {y, z}, {}, "both");
  return wrapper.merge_mode == "sum" ? sum : context.emit(OpKind::mul, {sum, context.b.constant(0.5)}, {}, "both");
}

namespace {

/// Whether a layer goes through the steps of sequences of vectors.
bool recurs(const Layer& layer) {
  if (layer.class_name() == "Bidirectional" || layer.class_name() == "RNN") return true;
  return has_option(layer, "recurrent_initializer") && !has_option(layer, "filters");
}

/// x with its first two dimensions beside the batch exchanged.
ValueId exchanged(LayerContext& context, ValueId x) {
  Ints permutation = {0, 2, 1};
  for (int axis = 3; axis < context.b.type(x).rank(); ++axis) permutation.push_back(axis);
  return context.emit(OpKind::transpose, {x}, {{"permutation", permutation}}, "exchanged");
}

/// A recurrent layer on each step of a sequence of sequences: a loop holds no other, but it goes through all of them at once.
ValueId side_by_side(LayerContext& context, const Layer& layer) {
  if (context.inputs.size() > 1) throw Error("its layer ({}) takes one input, got {}", layer.class_name(), context.inputs.size());
  const auto type = context.input_type();
  if (context.loop != nullptr || context.sequences_beside || type.rank() != 4)
    throw Error("a {} in it takes sequences of sequences (steps×steps×features), got {}an input of shape {}", layer.class_name(),
                context.loop != nullptr || context.sequences_beside ? "within another TimeDistributed " : "",
                shape_string(type.image_dims()));
  const auto given = context.seen_mask();
  if (given >= 0 && context.b.type(given).rank() < 3)
    throw Error("its input has a mask of steps, of which a {} in it goes through each: it takes one of the steps within these",
                layer.class_name());
  Inner inner(layer, context.weights_name);
  inner.keeps_steps_in_place = false;
  inner.sequences_beside = true;
  auto y = inner.apply(context, exchanged(context, context.input()), given < 0 ? -1 : exchanged(context, given));
  if (!inner.more_results.empty()) throw Error("a {} in it gives several outputs, of which TimeDistributed takes one", layer.class_name());
  return y < 0 || context.b.type(y).rank() < 4 ? y : exchanged(context, y);
}

/// A TimeDistributed on each step of a sequence of sequences: it takes all of their steps as those of one.
ValueId steps_of_steps(LayerContext& context, const Layer& layer) {
  Ints steps;
  std::vector<ValueId> inputs;
  for (auto input : context.inputs) {
    const auto dims = context.b.type(input).dims;
    if (dims.size() < 3 || (!steps.empty() && steps != Ints{dims[1], dims[2]}))
      throw Error("a TimeDistributed in it takes sequences of sequences of one length, got an input of shape {}",
                  shape_string(context.b.type(input).image_dims()));
    steps = {dims[1], dims[2]};
    Ints joined = {dims[0], steps[0] * steps[1]};
    joined.insert(joined.end(), dims.begin() + 3, dims.end());
    inputs.push_back(context.emit(OpKind::reshape, {input}, {{"dims", joined}}, "all_steps"));
  }
  Inner inner(layer, context.weights_name);
  inner.further_inputs.assign(inputs.begin() + 1, inputs.end());
  const auto y = inner.apply(context, inputs[0], -1);
  if (y < 0) return -1;
  auto dims = context.b.type(y).dims;
  dims[1] = steps[0];
  dims.insert(dims.begin() + 2, steps[1]);
  return context.emit(OpKind::reshape, {y}, {{"dims", dims}}, "steps_of_steps");
}

}  // namespace

ValueId lower(LayerContext& context, const TimeDistributed& wrapper) {
  const auto type = context.input_type();
  if (type.rank() < 2) throw Error("takes sequences, got an input of shape {}", shape_string(type.image_dims()));
  if (given(wrapper.layer).class_name() == "TimeDistributed") return steps_of_steps(context, *wrapper.layer);
  if (recurs(*wrapper.layer)) return side_by_side(context, *wrapper.layer);
  if (wrapper.layer->class_name() == "BatchNormalization" && context.loop == nullptr && !context.sequences_beside) {
    Inner inner(*wrapper.layer, context.weights_name);
    inner.further_inputs.assign(context.inputs.begin() + 1, context.inputs.end());
    inner.sequences_beside = true;
    return inner.apply(context, context.input(), context.input_mask());
  }
  ScanBuilder loop(context.b, type.dims[1]);
  std::vector<ValueId> inputs;
  for (auto input : context.inputs) {
    if (context.b.type(input).rank() < 2 || context.b.type(input).dims[1] != type.dims[1])
      throw Error("takes sequences of one length, got inputs of shapes {} and {}", shape_string(type.image_dims()),
                  shape_string(context.b.type(input).image_dims()));
    inputs.push_back(loop.scan(input, context.name + "/step"));
  }
  Inner inner(*wrapper.layer, context.weights_name);
  inner.further_inputs.assign(inputs.begin() + 1, inputs.end());
  // A mask says which steps to skip, not what to skip within one.
  const auto y = inner.apply(context, inputs[0], -1, &loop);
  if (y < 0) return -1;
  loop.output(y, "output");
  return loop.finish(context.name + "/steps")[0];
}

namespace {

/// Whether Keras's layer has a weight of gradc's as its `kernel` or `embeddings`.
bool is_kernel(const Layer& layer, const std::string& weight_name) {
  if (weight_name == "depthwise_kernel") return layer.class_name().starts_with("DepthwiseConv");
  const bool of_a_part = has_option(layer, "recurrent_initializer") || has_option(layer, "cell") || has_option(layer, "layer");
  return !of_a_part && (weight_name == "kernel" || weight_name == "embeddings");
}

/// A kernel divided by an estimate of its largest singular value, and `vector_u`, from which the next step's estimate goes on. A kernel of
/// zeros stays as it is, with its vector.
ValueId spectrally_normalized(LayerContext& context, ValueId vector_u, ValueId kernel, std::int64_t iterations) {
  const auto value = context.symbol(kernel);
  const auto columns = type_of(value).dims.back();
  const auto matrix = reshape(value, {type_of(value).elements() / columns, columns});
  auto normalized = [](Symbol x) { return x * rsqrt(max(sum(square(x), {0, 1}), kEpsilon * kEpsilon)); };
  const auto before = context.symbol(context.newest(vector_u));
  auto u = before, v = u;
  for (std::int64_t i = 0; i < iterations; ++i) {
    v = normalized(sum(matrix * u, {1}, true));
    u = normalized(sum(matrix * v, {0}, true));
  }
  u = emit(OpKind::stop_gradient, {u});
  v = emit(OpKind::stop_gradient, {v});
  const auto sigma = sum(sum(matrix * v, {0}, true) * u, {0, 1});
  const auto counts = greater(sum(abs(matrix), {0, 1}), 0);
  {
    const InStage update(context.b, Stage::update);
    context.update(vector_u, select(counts, u, before).id);
  }
  return (value / select(counts, sigma, constant(sigma, 1))).id;
}

}  // namespace

/// On JAX, where a step gives back the optimizer's weights and not those that layers assign, the kernel stays what the optimizer makes of
/// it, and the gradient goes through the division. A frozen kernel is no weight of the optimizer, and becomes the normalized one.
ValueId lower(LayerContext& context, const SpectralNormalization& wrapper) {
  const auto& layer = given(wrapper.layer);
  if (context.loop != nullptr) throw Error("is not there yet within a TimeDistributed");
  if (json_of(layer).value("lora_rank", nlohmann::json()) != nullptr)
    throw Error("its layer ({}) has no single kernel with \"lora_rank\"", layer.class_name());
  const bool frozen = !context.config.boolean("trainable", true) || json_of(layer).value("trainable", nlohmann::json()) == false;
  Inner inner(layer, context.weights_name);
  bool found = false;
  const InPlaceOf normalized = [&](const LayerContext& within, const std::string& name, ValueId value) {
    if (within.weights_name != inner.weights_name || !is_kernel(layer, name)) return value;
    found = true;
    const auto vector_u =
        context.weight("vector_u", {1, context.b.type(value).dims.back()}, TruncatedNormal{.stddev = 0.02}, {}, {}, false);
    if (context.mode != Mode::train) return value;
    const auto kernel = frozen ? context.newest(value) : value;
    const auto result = spectrally_normalized(context, vector_u, kernel, wrapper.power_iterations);
    if (frozen) {
      const InStage update(context.b, Stage::update);
      context.update(value, result);
    }
    return result;
  };
  inner.in_place_of = &normalized;
  const auto result = inner.apply(context, context.input(), -1);
  if (result >= 0 && !found) throw Error("its layer ({}) has neither a kernel nor embeddings", layer.class_name());
  return result;
}

}  // namespace gradc
