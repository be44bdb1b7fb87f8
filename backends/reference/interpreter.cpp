#include "backends/reference/interpreter.h"

#include "backends/reference/reference.h"
#include "gradc/error.h"
#include "ir/ops/scalar.h"

namespace gradc {
namespace {

/// For each element of `dims`, row-major, the element of an operand that NumPy broadcasting gives it.
std::vector<std::int64_t> broadcast_indices(const std::vector<std::int64_t>& dims, const std::vector<std::int64_t>& operand) {
  std::int64_t total = 1;
  for (auto dim : dims) total *= dim;
  std::vector<std::int64_t> strides(dims.size(), 0), counter(dims.size(), 0), indices(total);
  std::int64_t stride = 1;
  for (std::size_t i = 0; i < operand.size(); ++i) {
    auto dim = operand[operand.size() - 1 - i];
    strides[dims.size() - 1 - i] = dim == 1 ? 0 : stride;
    stride *= dim;
  }
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < total; ++i) {
    indices[i] = at;
    for (std::size_t d = dims.size(); d-- > 0;) {
      at += strides[d];
      if (++counter[d] < dims[d]) break;
      at -= strides[d] * dims[d];
      counter[d] = 0;
    }
  }
  return indices;
}

void run_pointwise(const Execution& run, ScalarFunction function) {
  std::vector<std::vector<std::int64_t>> indices;
  for (const auto* operand : run.operands)
    indices.push_back(operand->dims == run.result().dims ? std::vector<std::int64_t>{}
                                                         : broadcast_indices(run.result().dims, operand->dims));
  double arguments[3];
  for (std::int64_t i = 0; i < run.result().size(); ++i) {
    for (std::size_t k = 0; k < run.operands.size(); ++k)
      arguments[k] = run.operand(static_cast<int>(k)).data[indices[k].empty() ? i : indices[k][i]];
    run.result().data[i] = function(arguments);
  }
}

void execute(const Execution& run) {
  if (auto function = scalar_function(run.op.kind)) return run_pointwise(run, function);
  switch (run.op.kind) {
#define GRADC_OP(name, gradient, reference, ...) GRADC_IF_##reference(case OpKind::name : return reference_##name(run);)
#include "ir/ops/ops.def"
#undef GRADC_OP
    default: throw InternalError("an op without a reference implementation");
  }
}

std::int64_t batch_of(const Graph& graph, const NamedTensors& inputs) {
  for (const auto& op : graph.ops)
    if (op.kind == OpKind::input && graph.type(op.result()).batched()) {
      auto found = inputs.find(op.attributes.text("name"));
      if (found != inputs.end() && !found->second.dims.empty()) return found->second.dims[0];
    }
  return 1;
}

std::vector<std::int64_t> concrete(std::vector<std::int64_t> dims, std::int64_t batch) {
  for (auto& dim : dims)
    if (dim == kBatch) dim = batch;
  return dims;
}

Tensor given(const Graph& graph, const Op& op, const NamedTensors& from, std::int64_t batch) {
  const auto& name = op.attributes.text("name");
  auto found = from.find(name);
  if (found == from.end()) throw InternalError("the graph's " + std::string(name_of(op.kind)) + " \"" + name + "\" was not given");
  const auto& type = graph.type(op.result());
  if (found->second.dims != concrete(type.dims, batch) || found->second.size() != type.elements(batch))
    throw InternalError("\"" + name + "\" is " + to_string(type) + " but " + shape_string(found->second.dims) + " was given");
  return found->second;
}

}  // namespace

void reference_broadcast(const Execution& run) {
  auto indices = broadcast_indices(run.result().dims, run.operand(0).dims);
  for (std::int64_t i = 0; i < run.result().size(); ++i) run.result().data[i] = run.operand(0).data[indices[i]];
}

NamedTensors interpret(const Graph& graph, const NamedTensors& inputs, NamedTensors& params, const InterpreterOptions& options) {
  auto batch = batch_of(graph, inputs);
  std::vector<Tensor> values(graph.values.size());
  std::vector<std::int32_t> last_use(graph.values.size(), -1);
  for (std::size_t i = 0; i < graph.ops.size(); ++i)
    for (auto operand : graph.ops[i].operands) last_use[operand] = static_cast<std::int32_t>(i);

  auto definers = graph.definers();
  NamedTensors outputs, updated;
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    const auto& op = graph.ops[i];
    if (op.kind == OpKind::input || op.kind == OpKind::param) {
      values[op.result()] = given(graph, op, op.kind == OpKind::input ? inputs : params, batch);
    } else if (op.kind == OpKind::output) {
      outputs[op.attributes.text("name")] = values[op.operands[0]];
    } else if (op.kind == OpKind::update) {
      const auto& param = graph.ops[definers[op.operands[0]]];
      updated[param.attributes.text("name")] = values[op.operands[1]];
    } else {
      Execution run{.op = op, .operands = {}, .results = {}, .single_precision = options.single_precision};
      for (auto operand : op.operands) run.operands.push_back(&values[operand]);
      for (auto result : op.results) {
        auto& value = values[result];
        value.dims = concrete(graph.type(result).dims, batch);
        value.data.assign(graph.type(result).elements(batch), 0.0);
        run.results.push_back(&value);
      }
      execute(run);
      if (options.single_precision)
        for (auto* result : run.results)
          for (auto& v : result->data) v = static_cast<float>(v);
      if (options.after_op) options.after_op(op, run.operands, run.results);
    }
    for (auto operand : op.operands)
      if (last_use[operand] == static_cast<std::int32_t>(i)) values[operand] = {};
  }
  for (auto& [name, value] : updated) params[name] = std::move(value);
  return outputs;
}

void reference_constant(const Execution& run) {
  for (auto& v : run.result().data) v = run.attributes().number("value");
}

}  // namespace gradc
