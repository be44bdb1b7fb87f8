#include "gradc/layers/recurrent.h"

#include "frontend/activations.h"
#include "frontend/layers/context.h"
#include "gradc/error.h"
#include "ir/scan.h"

namespace gradc {
namespace {

/// A step of a layer: its loop, and what it reads.
struct Step {
  LayerContext& context;
  ScanBuilder& loop;
  ValueId x;                    ///< The step's input.
  std::vector<ValueId> states;  ///< As the step before left them; the first is its output.
  ValueId kept = -1;            ///< Which part of that output the recurrent kernels get; -1: all.

  Symbol symbol(ValueId value) const { return {&loop.body, value, context.name}; }
  Symbol state(std::size_t i) const { return symbol(states[i]); }
  Symbol product(ValueId of, ValueId weight) const {
    return symbol(loop.body.emit(OpKind::dense, {of, loop.constant(weight)}, {}, context.name + "/product"));
  }
  /// What a recurrent kernel makes of it.
  Symbol recurrent_product(const Symbol& h, ValueId weight) const {
    return product(kept < 0 ? h.id : (h * symbol(loop.constant(kept))).id, weight);
  }
  Symbol activated(const Symbol& value, const std::string& activation) const {
    return symbol(lower_activation(loop.body, value.id, activation, context.config.dialect(), context.name));
  }
  /// The i-th of the gates that lie one after the other.
  Symbol gate(const Symbol& of_all, std::int64_t units, std::int64_t i) const {
    return symbol(
        loop.body.emit(OpKind::slice, {of_all.id}, {{"begin", Ints{0, i * units}}, {"size", Ints{kBatch, units}}}, context.name + "/gate"));
  }
};

/// What is the same for all steps of an image: 0 with probability `rate`, else 1 / (1 - rate).
ValueId kept_part(LayerContext& context, double rate, Ints dims) {
  const auto random = uniform(context, std::move(dims));
  return select(greater(rate, random), constant(random, 0), constant(random, 1 / (1 - rate))).id;
}

void expect_rate(const char* option, double rate) {
  if (!(rate >= 0 && rate < 1)) throw Error("\"{}\" is {}, expected a number from 0 up to, not including, 1", option, rate);
}

/// Columns of a weight, as one of their own.
ValueId columns(LayerContext& context, ValueId weight, std::int64_t begin, std::int64_t count) {
  const auto rows = context.b.type(weight).dims[0];
  return context.emit(OpKind::slice, {weight}, {{"begin", Ints{0, begin}}, {"size", Ints{rows, count}}}, "columns");
}
ValueId row(LayerContext& context, ValueId weight, std::int64_t i) {
  const auto size = context.b.type(weight).dims[1];
  const auto one = context.emit(OpKind::slice, {weight}, {{"begin", Ints{i, 0}}, {"size", Ints{1, size}}}, "row");
  return context.emit(OpKind::reshape, {one}, {{"dims", Ints{size}}}, "row");
}

/// Goes through the steps: `next(step)` gives the next states, as many as there are.
template <class L, class Next>
ValueId recur(LayerContext& context, const L& layer, std::size_t states, Next next) {
  context.expect_rank(3, "sequences of rank 2 (steps×features)");
  expect_rate("dropout", layer.dropout);
  expect_rate("recurrent_dropout", layer.recurrent_dropout);
  const auto type = context.input_type();
  const bool drops = context.mode == Mode::train;
  auto x = context.input();
  if (drops && layer.dropout > 0) {
    const auto kept = kept_part(context, layer.dropout, {kBatch, 1, type.dims[2]});
    x = context.emit(OpKind::mul, {x, kept}, {}, "dropped");
  }
  const Type state{DType::f32, {kBatch, layer.units}};
  std::vector<ValueId> first(context.inputs.begin() + 1, context.inputs.end());
  if (first.empty()) first.assign(states, context.b.constant(0, state));
  if (first.size() != states) throw Error("takes a sequence and {} states, got {} inputs", states, context.inputs.size());
  for (auto each : first)
    if (context.b.type(each) != state)
      throw Error("has {} units, but the first state that it is given has shape {}", layer.units,
                  shape_string(context.b.type(each).image_dims()));
  ScanBuilder loop(context.b, type.dims[1], layer.go_backwards);
  Step step{context, loop, -1, {}};
  for (auto each : first) step.states.push_back(loop.carry(each, context.name + "/state"));
  step.x = loop.scan(x, context.name + "/step");
  if (drops && layer.recurrent_dropout > 0) step.kept = kept_part(context, layer.recurrent_dropout, state.dims);
  const std::vector<Symbol> after = next(step);
  for (const auto& each : after) loop.output(each.id, "next");
  if (layer.return_sequences) loop.output(after[0].id, "output");
  const auto results = loop.finish(context.name + "/steps");
  if (!layer.return_sequences) return results[0];
  const auto all = results[states];
  if (!layer.go_backwards || context.keeps_steps_in_place) return all;
  return context.emit(OpKind::reverse, {all}, {{"axes", Ints{1}}}, "reversed");
}

/// A layer's weights, whose columns are those of its gates one after the other.
struct Weights {
  ValueId kernel, recurrent, bias = -1;

  template <class L>
  Weights(LayerContext& context, const L& layer, std::int64_t gates, Ints bias_shape = {}) {
    const auto columns = gates * layer.units;
    kernel = context.weight("kernel", {context.input_type().dims.back(), columns}, layer.kernel_initializer, layer.kernel_regularizer,
                            layer.kernel_constraint);
    recurrent = context.weight("recurrent_kernel", {layer.units, columns}, layer.recurrent_initializer, layer.recurrent_regularizer,
                               layer.recurrent_constraint);
    if (bias_shape.empty()) bias_shape = {columns};
    if (layer.use_bias) bias = context.weight("bias", bias_shape, layer.bias_initializer, layer.bias_regularizer, layer.bias_constraint);
  }

  /// The input's part of what is activated.
  Symbol of_input(const Step& step) const {
    auto z = step.product(step.x, kernel);
    return bias < 0 ? z : z + step.symbol(step.loop.constant(bias));
  }
};

}  // namespace

ValueId lower(LayerContext& context, const SimpleRNN& layer) {
  const Weights weights(context, layer, 1);
  return recur(context, layer, 1, [&](const Step& step) -> std::vector<Symbol> {
    return {step.activated(weights.of_input(step) + step.recurrent_product(step.state(0), weights.recurrent), layer.activation)};
  });
}

ValueId lower(LayerContext& context, const LSTM& layer) {
  const Weights weights(context, layer, 4);
  if (layer.unit_forget_bias && layer.use_bias) context.start_as_ones("bias", layer.units, 2 * layer.units);
  return recur(context, layer, 2, [&](const Step& step) -> std::vector<Symbol> {
    const auto z = weights.of_input(step) + step.recurrent_product(step.state(0), weights.recurrent);
    auto gate = [&](std::int64_t i) { return step.activated(step.gate(z, layer.units, i), layer.recurrent_activation); };
    const auto candidate = step.activated(step.gate(z, layer.units, 2), layer.activation);
    const auto c = gate(1) * step.state(1) + gate(0) * candidate;
    return {gate(3) * step.activated(c, layer.activation), c};
  });
}

ValueId lower(LayerContext& context, const GRU& layer) {
  const auto units = layer.units;
  Weights weights(context, layer, 3, layer.reset_after ? Ints{2, 3 * units} : Ints{});
  ValueId recurrent_bias = -1, gates = weights.recurrent, candidate = -1;
  if (layer.reset_after && layer.use_bias) {
    recurrent_bias = row(context, weights.bias, 1);
    weights.bias = row(context, weights.bias, 0);
  }
  if (!layer.reset_after) {
    gates = columns(context, weights.recurrent, 0, 2 * units);
    candidate = columns(context, weights.recurrent, 2 * units, units);
  }
  return recur(context, layer, 1, [&](const Step& step) -> std::vector<Symbol> {
    const auto of_input = weights.of_input(step), h = step.state(0);
    auto of_state = step.recurrent_product(h, gates);
    if (recurrent_bias >= 0) of_state = of_state + step.symbol(step.loop.constant(recurrent_bias));
    auto part = [&](const Symbol& of, std::int64_t i) { return step.gate(of, units, i); };
    auto gate = [&](std::int64_t i) { return step.activated(part(of_input, i) + part(of_state, i), layer.recurrent_activation); };
    const auto z = gate(0), r = gate(1);
    const auto reset = layer.reset_after ? r * part(of_state, 2) : step.recurrent_product(r * h, candidate);
    return {z * h + (1 - z) * step.activated(part(of_input, 2) + reset, layer.activation)};
  });
}

}  // namespace gradc
