#include "tests/support/harness.h"

#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <iostream>

#include "compile/compile_step.h"
#include "ir/roles.h"
#include "ir/text.h"
#include "passes/commute_pool.h"
#include "passes/pipeline.h"
#include "passes/simplify.h"

namespace gradc::test {

Values random_values(const Graph& graph, std::int64_t batch, Random& random) {
  Values values;
  for (const auto& op : graph.ops) {
    if (op.kind != OpKind::input && op.kind != OpKind::param) continue;
    const auto& type = graph.type(op.result());
    const auto& name = op.attributes.text("name");
    const auto is = [&](InputRole role) { return op.kind == OpKind::input && input_role(op) == role; };
    Tensor tensor{type.dims, std::vector<double>(type.elements(batch))};
    if (type.batched()) tensor.dims[0] = batch;
    // Rounded to float, so that both backends start from the same numbers.
    for (auto& v : tensor.data) v = static_cast<float>(random.uniform());
    if (is(InputRole::batch_mask)) tensor.data.assign(tensor.data.size(), 1);
    if (is(InputRole::batch_size)) tensor.data.assign(1, static_cast<double>(batch));
    (op.kind == OpKind::input ? values.inputs : values.params)[name] = std::move(tensor);
  }
  return values;
}

Values run_jit(const Graph& plain, const Values& values, const JitOptions& options) {
  auto graph = plain;
  std::int64_t batch = 1;
  for (const auto& [name, tensor] : values.inputs)
    if (!tensor.dims.empty()) batch = tensor.dims[0];
  const StepOptions step_options{.run = {.threads = options.threads, .exact_threads = true, .fill = options.fill, .guards = options.guards},
                                 .candidate = options.candidate};
  graph.target = chosen_target();
  const Workload workload{.batch = batch, .force_lanes = options.lanes, .force_images = options.images};
  auto all = pipeline({.train = false, .fuse = options.fuse, .context = {.workload = workload}});
  run_passes(graph, all);
  auto params = options.guards == Guards::none ? Params() : Params(std::make_unique<GuardedMemory>(options.guards));
  for (const auto& [name, tensor] : values.params) params.set(name, tensor.dims, {tensor.data.begin(), tensor.data.end()});
  auto step = compile_step(graph, params, step_options);

  StepInput input;
  std::deque<std::vector<float>> numbers;
  std::vector<std::uint32_t> rows(1);
  auto rows_of = [&](InputRole role) {
    std::vector<Rows> all;
    for (const auto* op : find_inputs(plain, role)) {
      auto found = values.inputs.find(op->attributes.text("name"));
      const auto& data = numbers.emplace_back(found->second.data.begin(), found->second.data.end());
      rows.resize(found->second.dims[0]);
      all.push_back({.data = data.data(), .elements = static_cast<std::int64_t>(data.size() / rows.size())});
    }
    return all;
  };
  input.data = rows_of(InputRole::data);
  input.labels = rows_of(InputRole::label);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::uint32_t>(i);
  input.rows = rows;
  step->run(input);

  Values result;
  for (const auto& op : plain.ops)
    if (op.kind == OpKind::output) {
      auto array = step->array(op.attributes.text("name"));
      result.inputs[op.attributes.text("name")] = {{}, {array.begin(), array.end()}};
    }
  for (const auto& [name, array] : params.all()) result.params[name] = {array.shape, {array.data, array.data + array.size}};
  return result;
}

namespace {

constexpr double kNearTie = 1e-6;

bool decides(OpKind kind) { return kind == OpKind::max_pool || kind == OpKind::relu; }

/// Adds an output for each decision: the index of a pooling, the result of a relu.
std::vector<std::string> expose_decisions(Graph& graph) {
  std::vector<std::string> names;
  Builder b(graph);
  const auto ops = graph.ops;
  for (const auto& op : ops)
    if (decides(op.kind)) {
      names.push_back("decision/" + std::to_string(names.size()));
      b.emit(OpKind::output, {op.results.back()}, {{"name", names.back()}});
    }
  return names;
}

}  // namespace

void expect_agreement(Graph graph, const Values& values, const JitOptions& options, double tolerance) {
  // The jit pipeline moves poolings, so both backends start from where they stand then.
  if (options.fuse) {
    fold_constants(graph);
    canonicalize(graph);
    eliminate_common_subexpressions(graph);
    commute_pool(graph);
  }
  auto decisions = expose_decisions(graph);
  auto jit = run_jit(graph, values, options);

  std::size_t next = 0;
  int different = 0;
  InterpreterOptions impose;
  impose.after_op = [&](const Op& op, const std::vector<const Tensor*>&, const std::vector<Tensor*>& results) {
    if (!decides(op.kind)) return;
    const auto& taken = jit.inputs.at(decisions[next++]).data;
    auto& own = results.back()->data;
    double largest = 1;
    if (op.kind == OpKind::relu)
      for (auto v : own) largest = std::max(largest, v);
    for (std::size_t i = 0; i < own.size(); ++i) {
      if (op.kind == OpKind::max_pool) {
        // Were the candidates further apart than a near tie, the pooled values would differ, which are compared below too.
        different += own[i] != taken[i];
        own[i] = taken[i];
        continue;
      }
      // The margin is in units of the layer's largest value. Each relu's values are compared, and the reference goes on from those of the
      // other backend, so that what is compared next is what the next layer does and not the rounding of all layers before it.
      auto error = std::abs(own[i] - taken[i]) / largest;
      EXPECT_LE(error, tolerance) << "a value behind relu";
      if ((own[i] > 0) != (taken[i] > 0)) {
        ++different;
        EXPECT_LT(error, kNearTie) << "a relu decided otherwise, and not for a near tie";
      }
      own[i] = taken[i];
    }
  };
  auto params = values.params;
  auto reference = interpret(graph, values.inputs, params, impose);
  if (different > 0) std::cout << different << " decisions between values closer than 1e-6 differ\n";

  auto compare = [&](const std::string& name, const std::vector<double>& expected, const std::vector<double>& got) {
    ASSERT_EQ(expected.size(), got.size()) << name;
    double largest = 1e-3, worst = 0;
    std::size_t at = 0;
    for (auto v : expected) largest = std::max(largest, std::abs(v));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      auto error = std::abs(expected[i] - got[i]) / largest;
      if (!(error <= worst)) {
        worst = error;
        at = i;
      }
    }
    EXPECT_LE(worst, tolerance) << "output \"" << name << "\"[" << at << "]: reference " << expected[at] << ", jit " << got[at] << "\n"
                                << print(graph);
  };
  for (const auto& [name, tensor] : reference)
    if (!name.starts_with("decision/")) compare(name, tensor.data, jit.inputs.at(name).data);
  for (const auto& [name, tensor] : params) compare(name, tensor.data, jit.params.at(name).data);
}

TrainingGraph::TrainingGraph(std::vector<std::int64_t> image_shape) {
  image_shape.insert(image_shape.begin(), kBatch);
  images = emit_input(b, InputRole::data, {DType::f32, image_shape}, "images");
  valid = emit_input(b, InputRole::batch_mask, {DType::f32, {kBatch}}, "valid");
  batch_size = emit_input(b, InputRole::batch_size, {DType::f32, {}}, "batch_size");
}

ValueId TrainingGraph::param(const std::string& name, std::vector<std::int64_t> shape) {
  return b.emit_typed(OpKind::param, {DType::f32, std::move(shape)}, {{"name", name}, {"trainable", std::int64_t{1}}}, name);
}

void TrainingGraph::loss_of(ValueId value, std::uint64_t seed) {
  Random random(seed);
  auto type = b.type(value);
  auto weights = b.emit_typed(OpKind::param, {DType::f32, type.image_dims()},
                              {{"name", std::string("loss_weights")}, {"trainable", std::int64_t{0}}}, "loss_weights");
  auto product = b.emit(OpKind::mul, {value, weights});
  Ints axes;
  for (int i = 1; i < type.rank(); ++i) axes.push_back(i);
  if (!axes.empty()) product = b.emit(OpKind::reduce_sum, {product}, {{"axes", axes}, {"keep_dims", std::int64_t{0}}});
  auto weighted = b.emit(OpKind::mul, {product, valid});
  auto sum = b.emit(OpKind::reduce_sum, {weighted}, {{"axes", Ints{0}}, {"keep_dims", std::int64_t{0}}});
  b.emit(OpKind::output, {b.emit(OpKind::div, {sum, batch_size})}, {{"name", std::string("loss")}});
}

}  // namespace gradc::test
