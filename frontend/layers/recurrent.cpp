#include "gradc/layers/recurrent.h"

#include <algorithm>
#include <functional>
#include <tuple>

#include "frontend/activations.h"
#include "frontend/config.h"
#include "frontend/layers/context.h"
#include "frontend/layers/fields.h"
#include "frontend/layers/layers.h"
#include "gradc/error.h"
#include "ir/scan.h"

namespace gradc {
namespace {

/// A step of a cell: the loop it is in, and what it reads.
struct Step {
  LayerContext& context;
  ScanBuilder& loop;
  Symbol x;                    ///< The step's input.
  std::vector<Symbol> states;  ///< As the step before left them.

  Symbol constant(ValueId outside) const { return {&loop.body, loop.constant(outside), context.name}; }
  Symbol product(const Symbol& of, ValueId weight) const { return emit(OpKind::dense, {of, constant(weight)}, {}, "product"); }
  /// What is left of a value where parts are dropped, or all of it where none are.
  Symbol kept(const Symbol& value, ValueId part) const { return part < 0 ? value : value * constant(part); }
  Symbol activated(const Symbol& value, const std::string& activation) const {
    return {&loop.body, lower_activation(loop.body, value.id, activation, context.config.dialect(), context.name), context.name};
  }
};

/// The i-th of the gates that lie one after the other.
Symbol gate_of(const Symbol& all, std::int64_t units, std::int64_t i) { return slice_of_last(all, i * units, units, "gate"); }

struct AfterStep {
  Symbol output;
  std::vector<Symbol> states;
};

/// A cell with its weights: what it does in a step.
struct CellCode {
  std::vector<Ints> states;  ///< Dimensions of each state, without the batch.
  std::int64_t units;        ///< Of the output.
  std::function<AfterStep(const Step&)> next;
};

/// The dimensions of an image's step of so many features: those of each sequence, where several lie side by side.
Ints dims_of_step(const LayerContext& context, std::int64_t features) {
  return context.sequences_beside ? Ints{context.input_type().dims[2], features} : Ints{features};
}

/// Whether a share of something is dropped.
bool drops(const LayerContext& context, const char* option, double rate) {
  if (!(rate >= 0 && rate < 1)) throw Error("\"{}\" is {}, expected a number from 0 up to, not including, 1", option, rate);
  return context.mode == Mode::train && rate > 0;
}

/// 0 with probability `rate`, else 1 / (1 - rate).
ValueId kept(Symbol random, double rate) { return select(greater(rate, random), constant(random, 0), constant(random, 1 / (1 - rate))).id; }

/// What is kept in all steps of an image; -1 where all is.
ValueId kept_part(LayerContext& context, const char* option, double rate, Ints dims) {
  if (!drops(context, option, rate)) return -1;
  dims.insert(dims.begin(), kBatch);
  return kept(uniform(context, dims), rate);
}

/// The same of the features of a cell's input and of its state, from one draw of random numbers.
template <class C>
std::pair<ValueId, ValueId> kept_parts(LayerContext& context, const C& cell, std::int64_t features) {
  if (!drops(context, "dropout", cell.dropout) || !drops(context, "recurrent_dropout", cell.recurrent_dropout))
    return {kept_part(context, "dropout", cell.dropout, dims_of_step(context, features)),
            kept_part(context, "recurrent_dropout", cell.recurrent_dropout, dims_of_step(context, cell.units))};
  auto dims = dims_of_step(context, features + cell.units);
  dims.insert(dims.begin(), kBatch);
  const auto random = uniform(context, dims);
  auto some = [&](std::int64_t from, std::int64_t count) { return slice_of_last(random, from, count, "some"); };
  return {kept(some(0, features), cell.dropout), kept(some(features, cell.units), cell.recurrent_dropout)};
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

/// A cell's weights, whose columns are those of its gates one after the other, and what is dropped before them.
struct Weights {
  ValueId kernel, recurrent, bias = -1, kept_input, kept_state;

  template <class C>
  Weights(LayerContext& context, const C& cell, std::int64_t features, std::int64_t gates, Ints bias_shape = {}) {
    const auto columns = gates * cell.units;
    kernel = context.weight("kernel", {features, columns}, cell.kernel_initializer, cell.kernel_regularizer, cell.kernel_constraint);
    recurrent = context.weight("recurrent_kernel", {cell.units, columns}, cell.recurrent_initializer, cell.recurrent_regularizer,
                               cell.recurrent_constraint);
    if (bias_shape.empty()) bias_shape = {columns};
    if (cell.use_bias) bias = context.weight("bias", bias_shape, cell.bias_initializer, cell.bias_regularizer, cell.bias_constraint);
    std::tie(kept_input, kept_state) = kept_parts(context, cell, features);
  }

  /// The input's part of what is activated.
  Symbol of_input(const Step& step) const {
    const auto z = step.product(step.kept(step.x, kept_input), kernel);
    return bias < 0 ? z : z + step.constant(bias);
  }
  /// What a recurrent kernel, or some of its columns, makes of the state.
  Symbol of_state(const Step& step, const Symbol& h, ValueId weight) const { return step.product(step.kept(h, kept_state), weight); }
};

template <class C>
CellCode simple_cell(LayerContext& context, const C& cell, std::int64_t features) {
  const Weights weights(context, cell, features, 1);
  return {{dims_of_step(context, cell.units)}, cell.units, [=](const Step& step) -> AfterStep {
            const auto h =
                step.activated(weights.of_input(step) + weights.of_state(step, step.states[0], weights.recurrent), cell.activation);
            return {h, {h}};
          }};
}

/// What an LSTM makes of its gates i, f, c, o, which lie one after the other, and of its states.
template <class C>
AfterStep after_gates(const Step& step, const C& cell, const Symbol& z, std::int64_t units) {
  auto gate = [&](std::int64_t i) { return step.activated(gate_of(z, units, i), cell.recurrent_activation); };
  const auto candidate = step.activated(gate_of(z, units, 2), cell.activation);
  const auto c = gate(1) * step.states[1] + gate(0) * candidate;
  const auto h = gate(3) * step.activated(c, cell.activation);
  return {h, {h, c}};
}

template <class C>
CellCode lstm_cell(LayerContext& context, const C& cell, std::int64_t features) {
  const Weights weights(context, cell, features, 4);
  if (cell.unit_forget_bias && cell.use_bias) context.start_as_ones("bias", cell.units, 2 * cell.units);
  const auto state = dims_of_step(context, cell.units);
  return {{state, state}, cell.units, [=](const Step& step) -> AfterStep {
            const auto z = weights.of_input(step) + weights.of_state(step, step.states[0], weights.recurrent);
            return after_gates(step, cell, z, cell.units);
          }};
}

/// Convolutions instead of products (Shi et al. 2015): that of the state keeps its size.
template <int n>
CellCode conv_lstm_cell(LayerContext& context, const ConvLSTMND<n>& cell) {
  const auto dims = context.input_type().image_dims();
  const Ints pixels(dims.begin() + 1, dims.end() - 1), step_dims(dims.begin() + 1, dims.end()), ones(n, 1);
  const auto features = 4 * cell.filters;
  auto shape = cell.kernel_size;
  shape.insert(shape.end(), {dims.back(), features});
  const auto kernel = context.weight("kernel", shape, cell.kernel_initializer, cell.kernel_regularizer, cell.kernel_constraint);
  shape[n] = cell.filters;
  const auto recurrent =
      context.weight("recurrent_kernel", shape, cell.recurrent_initializer, cell.recurrent_regularizer, cell.recurrent_constraint);
  ValueId bias = -1;
  if (cell.use_bias) bias = context.weight("bias", {features}, cell.bias_initializer, cell.bias_regularizer, cell.bias_constraint);
  if (cell.use_bias && cell.unit_forget_bias) context.start_as_ones("bias", cell.filters, 2 * cell.filters);
  Ints state;
  const auto padding = window_padding(cell.padding, pixels, cell.kernel_size, cell.strides, cell.dilation_rate);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const auto extent = (cell.kernel_size[i] - 1) * cell.dilation_rate[i] + 1;
    state.push_back((pixels[i] + padding[i][0] + padding[i][1] - extent) / cell.strides[i] + 1);
  }
  const auto inside = window_padding("same", state, cell.kernel_size, ones, ones);
  state.push_back(cell.filters);
  const auto kept_input = kept_part(context, "dropout", cell.dropout, step_dims);
  const auto kept_state = kept_part(context, "recurrent_dropout", cell.recurrent_dropout, state);
  return {{state, state}, cell.filters, [=](const Step& step) -> AfterStep {
            auto convolved = [&](const Symbol& x, ValueId weight, const Ints& strides, const Pairs& border, const Ints& dilation) {
              return emit(OpKind::conv, {x, step.constant(weight)}, {{"strides", strides}, {"padding", border}, {"dilation", dilation}},
                          "conv");
            };
            auto z = convolved(step.kept(step.x, kept_input), kernel, cell.strides, padding, cell.dilation_rate);
            if (bias >= 0) z = z + step.constant(bias);
            z = z + convolved(step.kept(step.states[0], kept_state), recurrent, ones, inside, ones);
            return after_gates(step, cell, z, cell.filters);
          }};
}

template <class C>
CellCode gru_cell(LayerContext& context, const C& cell, std::int64_t features) {
  const auto units = cell.units;
  Weights weights(context, cell, features, 3, cell.reset_after ? Ints{2, 3 * units} : Ints{});
  ValueId recurrent_bias = -1, gates = weights.recurrent, candidate = -1;
  if (cell.reset_after && cell.use_bias) {
    recurrent_bias = row(context, weights.bias, 1);
    weights.bias = row(context, weights.bias, 0);
  }
  if (!cell.reset_after) {
    gates = columns(context, weights.recurrent, 0, 2 * units);
    candidate = columns(context, weights.recurrent, 2 * units, units);
  }
  return {{dims_of_step(context, units)}, units, [=](const Step& step) -> AfterStep {
            const auto of_input = weights.of_input(step), h = step.states[0];
            auto of_state = weights.of_state(step, h, gates);
            if (recurrent_bias >= 0) of_state = of_state + step.constant(recurrent_bias);
            auto part = [&](const Symbol& of, std::int64_t i) { return gate_of(of, units, i); };
            auto gate = [&](std::int64_t i) { return step.activated(part(of_input, i) + part(of_state, i), cell.recurrent_activation); };
            const auto z = gate(0), r = gate(1);
            const auto reset = cell.reset_after ? r * part(of_state, 2) : weights.of_state(step, r * h, candidate);
            const auto next = z * h + (1 - z) * step.activated(part(of_input, 2) + reset, cell.activation);
            return {next, {next}};
          }};
}

CellCode code_of(LayerContext& context, const SimpleRNNCell& cell, std::int64_t features) { return simple_cell(context, cell, features); }
CellCode code_of(LayerContext& context, const LSTMCell& cell, std::int64_t features) { return lstm_cell(context, cell, features); }
CellCode code_of(LayerContext& context, const GRUCell& cell, std::int64_t features) { return gru_cell(context, cell, features); }

CellCode code_of(LayerContext& context, const Cell& cell, const std::string& weights_name, std::int64_t features);

/// Each cell takes the output of the one before.
CellCode code_of(LayerContext& context, const StackedRNNCells& stack, std::int64_t features) {
  if (stack.cells.empty()) throw Error("its cell has no cells");
  std::vector<CellCode> codes;
  std::vector<Ints> states;
  for (const auto& cell : stack.cells) {
    const auto name =
        context.config.dialect().stacked_cells_are_numbered ? fmt::format("RNNCell_{}", codes.size()) : stack.name + "/" + cell.name();
    codes.push_back(code_of(context, cell, context.weights_name + "/" + name, codes.empty() ? features : codes.back().units));
    states.insert(states.end(), codes.back().states.begin(), codes.back().states.end());
  }
  const auto units = codes.back().units;
  return {states, units, [codes](const Step& step) -> AfterStep {
            AfterStep all{step.x, {}};
            auto first = step.states.begin();
            for (const auto& code : codes) {
              const auto last = first + static_cast<std::ptrdiff_t>(code.states.size());
              const auto after = code.next({step.context, step.loop, all.output, {first, last}});
              all.output = after.output;
              all.states.insert(all.states.end(), after.states.begin(), after.states.end());
              first = last;
            }
            return all;
          }};
}

/// A cell of this class, with the options that a config gives it.
template <class C>
CellCode read_cell(LayerContext& context, const Cell& cell, std::int64_t features) {
  C read;
  FieldReader reader(context.config);
  const SharedOptions common(context);
  describe(reader, read);
  read.name = cell.name();
  CellCode code;
  if (context.config.problems().empty()) code = code_of(context, read, features);
  common.finish();
  return code;
}

struct CellRow {
  CellDef def;
  CellCode (*read)(LayerContext&, const Cell&, std::int64_t);
};

template <class C>
constexpr CellRow row(const char* class_name) {
  return {{class_name, fields_of<C>}, read_cell<C>};
}

constexpr CellRow cells[] = {row<SimpleRNNCell>("SimpleRNNCell"), row<LSTMCell>("LSTMCell"), row<GRUCell>("GRUCell"),
                             row<StackedRNNCells>("StackedRNNCells")};

CellCode code_of(LayerContext& context, const Cell& cell, const std::string& weights_name, std::int64_t features) {
  const auto* found =
      std::find_if(std::begin(cells), std::end(cells), [&](const CellRow& row) { return row.def.class_name == cell.class_name(); });
  if (found == std::end(cells))
    throw Error("its cell is a {}, which is not known; SimpleRNNCell, LSTMCell, GRUCell and StackedRNNCells are", cell.class_name());
  std::vector<std::string> problems;
  ConfigReader config(cell.config().value, context.config.dialect(), problems);
  auto own = context.part(context.b, config, weights_name);
  auto code = found->read(own, cell, features);
  if (problems.empty()) return code;
  std::string all;
  for (const auto& problem : problems) all += (all.empty() ? "" : "; ") + problem;
  throw Error("its cell ({}): {}", cell.class_name(), all);
}

/// 1 for each step that is not to be skipped, f32[B,steps,1,...], of so many dimensions, or -1 without a mask. A step of several masks is
/// skipped where all are 0.
ValueId mask_of_steps(LayerContext& context, std::size_t rank) {
  auto mask = context.input_mask();
  if (mask < 0) return -1;
  const auto steps = context.input_type().dims[1];
  const auto& type = context.b.type(mask);
  if (type.rank() < 2 || type.dims[1] != steps)
    throw Error("has {} steps, but its mask has shape {}", steps, shape_string(type.image_dims()));
  if (type.rank() > 2 && !context.sequences_beside) {
    Ints axes;
    for (int axis = 2; axis < type.rank(); ++axis) axes.push_back(axis);
    mask = min(sum(context.symbol(mask), axes), 1).id;
  }
  Ints dims(rank, 1);
  dims[0] = kBatch;
  dims[1] = steps;
  if (context.sequences_beside) dims[2] = context.input_type().dims[2];
  return context.emit(OpKind::reshape, {mask}, {{"dims", dims}}, "seen");
}
/// One step of it, f32[B,1,...].
Symbol step_of(LayerContext& context, ValueId mask, std::int64_t step) {
  auto size = context.b.type(mask).dims;
  Ints begin(size.size(), 0);
  begin[1] = step;
  size[1] = 1;
  const auto one = context.emit(OpKind::slice, {mask}, {{"begin", begin}, {"size", size}}, "last");
  size.erase(size.begin() + 1);
  return reshape(context.symbol(one), size);
}

/// Goes through the steps.
template <class L>
ValueId recur(LayerContext& context, const L& layer, const CellCode& cell) {
  const auto steps = context.input_type().dims[1];
  auto type_of_state = [&](std::size_t i) {
    Type type{DType::f32, {kBatch}};
    type.dims.insert(type.dims.end(), cell.states[i].begin(), cell.states[i].end());
    return type;
  };
  if (layer.stateful && (context.loop != nullptr || context.sequences_beside))
    throw Error("\"stateful\" is not there yet within a TimeDistributed");
  auto name_of_state = [](std::size_t i) { return fmt::format("state/{}", i); };
  std::vector<ValueId> kept, first(context.inputs.begin() + 1, context.inputs.end());
  for (std::size_t i = 0; layer.stateful && i < cell.states.size(); ++i) kept.push_back(context.state(name_of_state(i), cell.states[i]));
  if (first.empty()) first = kept;
  if (first.empty())
    for (std::size_t i = 0; i < cell.states.size(); ++i) first.push_back(context.b.constant(0, type_of_state(i)));
  if (first.size() != cell.states.size())
    throw Error("takes a sequence and {} states, got {} inputs", cell.states.size(), context.inputs.size());
  for (std::size_t i = 0; i < first.size(); ++i)
    if (context.b.type(first[i]) != type_of_state(i))
      throw Error("state {} has shape {}, but what it is to start as {}", i, shape_string(cell.states[i]),
                  shape_string(context.b.type(first[i]).image_dims()));
  ScanBuilder loop(context.b, steps, layer.go_backwards);
  auto symbol = [&](ValueId value) { return Symbol{&loop.body, value, context.name}; };
  std::vector<Symbol> states;
  for (auto each : first) states.push_back(symbol(loop.carry(each, context.name + "/state")));
  const auto x = symbol(loop.scan(context.input(), context.name + "/step"));
  const auto mask = mask_of_steps(context, cell.states[0].size() + 2);
  const auto seen = mask < 0 ? symbol(-1) : symbol(loop.scan(mask, context.name + "/seen"));
  const auto after = cell.next({context, loop, x, states});
  // A cell's output is one of its states.
  const auto same = std::ranges::find(after.states, after.output.id, &Symbol::id);
  check(same != after.states.end(), "a cell hands on its output");
  const auto output = static_cast<std::size_t>(same - after.states.begin());
  // A step that the mask skips leaves the states, and with them the output, as they are.
  auto stays = [&](std::size_t i) { return mask < 0 ? after.states[i] : select(seen, after.states[i], states[i]); };
  for (std::size_t i = 0; i < states.size(); ++i) loop.output(stays(i).id, "next");
  const bool zeros = mask >= 0 && layer.zero_output_for_mask;
  if (layer.return_sequences) loop.output((zeros ? select(seen, after.output, constant(after.output, 0)) : stays(output)).id, "output");
  const auto results = loop.finish(context.name + "/steps");
  for (std::size_t i = 0; i < kept.size(); ++i) context.keep_state(name_of_state(i), results[i]);
  if (layer.return_state) context.more_results.assign(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(states.size()));
  if (!layer.return_sequences) {
    if (!zeros) return results[output];
    const Symbol last{&context.b, results[output], context.name};
    return select(step_of(context, mask, layer.go_backwards ? 0 : steps - 1), last, constant(last, 0)).id;
  }
  context.mask = context.input_mask();
  const auto all = results.back();
  if (!layer.go_backwards || context.keeps_steps_in_place) return all;
  return context.emit(OpKind::reverse, {all}, {{"axes", Ints{1}}}, "reversed");
}

std::int64_t features_of(const LayerContext& context) {
  if (!context.sequences_beside) context.expect_rank(3, "sequences of rank 2 (steps×features)");
  return context.input_type().dims.back();
}

}  // namespace

std::vector<CellDef> all_cells() {
  std::vector<CellDef> all;
  for (const auto& row : cells) all.push_back(row.def);
  return all;
}

ValueId lower(LayerContext& context, const SimpleRNN& layer) {
  return recur(context, layer, simple_cell(context, layer, features_of(context)));
}
ValueId lower(LayerContext& context, const LSTM& layer) { return recur(context, layer, lstm_cell(context, layer, features_of(context))); }
ValueId lower(LayerContext& context, const GRU& layer) { return recur(context, layer, gru_cell(context, layer, features_of(context))); }

template <int n>
ValueId lower_conv_lstm(LayerContext& context, const ConvLSTMND<n>& layer) {
  context.expect_rank(n + 3, "sequences of images with channels last");
  return recur(context, layer, conv_lstm_cell(context, layer));
}
ValueId lower(LayerContext& context, const ConvLSTM1D& layer) { return lower_conv_lstm(context, layer); }
ValueId lower(LayerContext& context, const ConvLSTM2D& layer) { return lower_conv_lstm(context, layer); }
ValueId lower(LayerContext& context, const ConvLSTM3D& layer) { return lower_conv_lstm(context, layer); }

ValueId lower(LayerContext& context, const RNN& layer) {
  if (!layer.cell) throw Error("\"cell\" is missing");
  // tf.js writes the cell's options beside it once more.
  for (const auto& [key, value] : layer.cell->config().value.items()) context.config.find(key);
  return recur(context, layer, code_of(context, *layer.cell, context.weights_name, features_of(context)));
}

}  // namespace gradc
