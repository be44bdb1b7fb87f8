#include "frontend/layers/context.h"

#include <algorithm>
#include <numbers>

#include "frontend/activations.h"
#include "frontend/constraints.h"
#include "frontend/initializers.h"
#include "gradc/error.h"
#include "ir/roles.h"
#include "ir/scan.h"

namespace gradc {

void LayerContext::expect_rank(int rank, const char* shape) const {
  if (input_type().rank() != rank)
    throw Error("takes {}, got an input of shape {}{}", shape, shape_string(input_type().image_dims()),
                rank == 2 ? "; put a Flatten before it" : "");
}

void LayerContext::expect_images(int spatial) const {
  static constexpr const char* kShapes[] = {"sequences of rank 2 (steps×channels)", "images of rank 3 (height×width×channels)",
                                            "volumes of rank 4 (planes×height×width×channels)"};
  expect_rank(spatial + 2, kShapes[spatial - 1]);
}

ValueId LayerContext::weight(const std::string& weight_name, std::vector<std::int64_t> shape, const Initializer& initializer,
                             const Regularizer& regularizer, const Constraint& constraint, bool trainable) {
  auto full = weights_name + "/" + weight_name;
  if (loop != nullptr) {
    auto outside = part(loop->outside, config, weights_name);
    outside.loop = nullptr;
    return loop->constant(outside.weight(weight_name, std::move(shape), initializer, regularizer, constraint, trainable));
  }
  if (const auto* shared = b.graph().find(OpKind::param, full)) {
    const auto& type = b.type(shared->result());
    if (type.dims != shape)
      throw Error("is used for inputs of two shapes: its {} is {} in one use and {} in another", weight_name, shape_string(type.dims),
                  shape_string(shape));
    return in_place_of == nullptr ? shared->result() : (*in_place_of)(*this, weight_name, shared->result());
  }
  weights.push_back({full, shape, initializer, trainable});
  auto param = b.emit_typed(OpKind::param, {DType::f32, std::move(shape)}, {{"name", full}, {"trainable", std::int64_t{trainable}}}, full);
  const auto used = in_place_of == nullptr ? param : (*in_place_of)(*this, weight_name, param);
  if (trainable || config.dialect().frozen_weights_are_regularized) penalize(regularizer, used);
  const bool trains = find_input(b.graph(), InputRole::step_key) != nullptr && trainable && config.boolean("trainable", true);
  if (trains && !std::holds_alternative<std::monostate>(constraint)) {
    const InStage update(b, Stage::update);
    b.emit(OpKind::update, {param, constrained(b, constraint, param)});
  }
  return used;
}

void LayerContext::draw_by_fans(const std::string& weight_name, std::int64_t inputs, std::int64_t outputs) {
  for (auto& weight : weights) {
    if (weight.name != weights_name + "/" + weight_name) continue;
    const auto& drawn_by = json_of(weight.initializer)["class_name"];
    if (drawn_by != "Orthogonal" && drawn_by != "Identity") weight.drawn_as = {inputs, outputs};
  }
}

void LayerContext::start_as_ones(const std::string& weight_name, std::int64_t begin, std::int64_t end) {
  for (auto& weight : weights)
    if (weight.name == weights_name + "/" + weight_name) {
      weight.ones_begin = begin;
      weight.ones_end = end;
    }
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

// Rows of one array, as images do not keep their places in memory. Each is written by one image, so the sums that gather_grad makes are
// copies; padding, which stands for the last row, adds zeros, whatever numbers it holds.
ValueId LayerContext::state(const std::string& state_name, std::vector<std::int64_t> dims) {
  if (batch_size == 0)
    throw Error(
        "\"stateful\" needs to know how many images a batch has: let all inputs of the model state the same number, as 32 in "
        "\"batch_input_shape\": [32,10,4], or .batch_size of an InputLayer in C++");
  const auto full = weights_name + "/" + state_name;
  dims.insert(dims.begin(), batch_size);
  if (const auto* shared = b.graph().find(OpKind::param, full)) {
    if (const auto& type = b.type(shared->result()); type.dims != dims)
      throw Error("is used for inputs of two shapes: its state is {} in one use and {} in another", shape_string(type.dims),
                  shape_string(dims));
    // Another use in the same step, from which it goes on, with the gradient.
    const auto after = newest(shared->result());
    for (const auto& op : b.graph().ops)
      if (op.kind == OpKind::gather_grad && op.result() == after) return op.operands[1];
  }
  states.push_back({full, dims});
  const auto param = b.emit_typed(OpKind::param, {DType::f32, std::move(dims)}, {{"name", full}, {"trainable", std::int64_t{0}}}, full);
  return emit(OpKind::gather, {param, sample_index(b)}, {}, "before");
}

void LayerContext::keep_state(const std::string& state_name, ValueId value) {
  const InStage update(b, Stage::update);
  const auto param = b.graph().find(OpKind::param, weights_name + "/" + state_name)->result();
  Ints ones(b.type(value).dims.size(), 1);
  ones[0] = kBatch;
  const auto state = symbol(value);
  const auto kept = select(reshape(symbol(batch_mask(b)), ones), state, constant(state, 0));
  this->update(param, emit(OpKind::gather_grad, {sample_index(b), kept.id}, {{"rows", batch_size}}, "after"));
}

void LayerContext::penalize(const Regularizer& regularizer, ValueId x) {
  if (regularizer && mode != Mode::predict) penalties.push_back(penalty(b, regularizer, x));
}

ValueId LayerContext::activate(ValueId x, const std::string& activation) {
  return lower_activation(b, x, activation, config.dialect(), name);
}

namespace {

/// The input of a role that a graph has once, made where there is none yet.
ValueId only_input(Builder& b, InputRole role, const Type& type, const char* name) {
  if (const auto* found = find_input(b.graph(), role)) return found->result();
  const auto loc = std::exchange(b.loc, "");
  const auto made = emit_input(b, role, type, name);
  b.loc = loc;
  return made;
}

}  // namespace

ValueId sample_index(Builder& b) { return only_input(b, InputRole::sample_index, {DType::i32, {kBatch}}, "image_index"); }
ValueId batch_mask(Builder& b) { return only_input(b, InputRole::batch_mask, {DType::f32, {kBatch}}, "valid"); }

namespace {

Ints in_order(const Type& type) {
  Ints permutation;
  for (int axis = 0; axis < type.rank(); ++axis) permutation.push_back(axis);
  return permutation;
}

}  // namespace

ValueId moved_last(LayerContext& context, ValueId x, int from_last, const char* hint) {
  auto permutation = in_order(context.b.type(x));
  std::rotate(permutation.end() - 1 - from_last, permutation.end() - from_last, permutation.end());
  return context.emit(OpKind::transpose, {x}, {{"permutation", permutation}}, hint);
}

ValueId moved_back(LayerContext& context, ValueId x, int from_last, const char* hint) {
  auto permutation = in_order(context.b.type(x));
  std::rotate(permutation.end() - 1 - from_last, permutation.end() - 1, permutation.end());
  return context.emit(OpKind::transpose, {x}, {{"permutation", permutation}}, hint);
}

Symbol place(LayerContext& context, std::int64_t axis, const Ints& dims) {
  return context.symbol(context.emit(OpKind::iota, {}, {{"axis", axis}, {"dims", dims}}, "place"));
}

Symbol numbers(LayerContext& context, const std::vector<double>& values, Ints dims) {
  std::vector<ValueId> runs;
  for (std::size_t i = 0, end = 0; i < values.size(); i = end) {
    while (end < values.size() && values[end] == values[i]) ++end;
    runs.push_back(context.b.constant(values[i], {DType::f32, {static_cast<std::int64_t>(end - i)}}));
  }
  const auto row = runs.size() == 1 ? runs[0] : context.emit(OpKind::concat, runs, {{"axis", std::int64_t{0}}}, "numbers");
  return reshape(context.symbol(row), std::move(dims));
}

Symbol uniform(LayerContext& context, Ints dims) {
  auto* loop = context.loop;
  auto& b = loop == nullptr ? context.b : loop->outside;
  const auto* key = find_input(b.graph(), InputRole::step_key);
  const auto* image = find_input(b.graph(), InputRole::sample_index);
  check(key != nullptr && image != nullptr, "a training graph has its random inputs");
  if (loop != nullptr) dims.insert(dims.begin() + 1, loop->steps());
  const auto stream = static_cast<std::int64_t>(context.streams++);
  const auto name = context.name + "/random";
  const auto random =
      b.emit(OpKind::random_uniform, {key->result(), image->result()}, {{"dims", std::move(dims)}, {"stream", stream}}, name);
  return context.symbol(loop == nullptr ? random : loop->scan(random, name));
}

// Of two uniform numbers each (Box and Muller 1958).
Symbol normal(LayerContext& context, const Ints& dims) {
  const auto last = dims.back();
  auto twice = dims;
  twice.back() *= 2;
  const auto both = uniform(context, twice);
  auto half = [&](std::int64_t at) { return slice_of_last(both, at, last, "half"); };
  return sqrt(log(1 - half(0)) * -2) * cos(half(last) * (2 * std::numbers::pi));
}

Pairs window_padding(const std::string& padding, const Ints& input, const Ints& size, const Ints& strides, const Ints& dilation) {
  Pairs result;
  for (std::size_t axis = 0; axis < input.size(); ++axis) {
    const auto extent = (size[axis] - 1) * dilation[axis] + 1;
    constexpr std::int64_t kMostExtent = 1 << 28;  // Places in padded inputs are counted in 32 bits.
    if (extent > kMostExtent)
      throw Error("a {} window with dilation {} spans {} elements; at most {} are possible", shape_string(size), shape_string(dilation),
                  extent, kMostExtent);
    if (padding == "valid") {
      if (extent > input[axis])
        throw Error("a {} window{} does not fit its {} input; use padding \"same\" or a smaller window", shape_string(size),
                    dilation == Ints(input.size(), 1) ? "" : " with dilation " + shape_string(dilation), shape_string(input));
      result.push_back({0, 0});
      continue;
    }
    if (padding == "causal") {
      result.push_back({extent - 1, 0});
      continue;
    }
    const auto output = (input[axis] + strides[axis] - 1) / strides[axis];
    const auto total = std::max<std::int64_t>((output - 1) * strides[axis] + extent - input[axis], 0);
    result.push_back({total / 2, total - total / 2});
  }
  return result;
}

std::pair<ValueId, ValueId> low_rank_weights(LayerContext& context, const std::string& weight, const LowRank& lora,
                                             const Regularizer& regularizer, std::vector<std::int64_t> shape) {
  std::vector<std::int64_t> thin = {lora.rank, shape.back()};
  shape.back() = lora.rank;
  auto a = context.weight("lora_" + weight + "_a", std::move(shape), "heUniform", regularizer);
  auto b = context.weight("lora_" + weight + "_b", std::move(thin), "zeros", regularizer);
  return {a, b};
}

ValueId adapted(LayerContext& context, const LowRank& lora, ValueId with_kernel, ValueId with_product) {
  auto scaled = context.emit(OpKind::mul, {with_product, context.b.constant(lora.scale())}, {}, "lora");
  return context.emit(OpKind::add, {with_kernel, scaled}, {}, "adapted");
}

}  // namespace gradc
