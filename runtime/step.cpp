#include "runtime/step.h"

#include <map>

#include "ir/roles.h"
#include "support/error.h"

namespace gradc {

std::unique_ptr<Step> compile_jit_step(const Graph& graph, Params& params, const StepOptions& options, CompileReport* report);

float Rows::at(std::int64_t row, std::int64_t element) const {
  auto i = row * elements + (classes > 0 ? 0 : element);
  float value = 0;
  if (dtype == DType::u8) value = static_cast<float>(static_cast<const std::uint8_t*>(data)[i]);
  if (dtype == DType::i32) value = static_cast<float>(static_cast<const std::int32_t*>(data)[i]);
  if (dtype == DType::f32) value = static_cast<const float*>(data)[i];
  if (classes > 0) return value == static_cast<float>(element) ? 1.0f : 0.0f;
  return value * scale;
}

NamedTensors interpreter_inputs(const Graph& graph, const StepInput& input) {
  NamedTensors inputs;
  auto batch = static_cast<std::int64_t>(input.rows.size());
  for (const auto& op : graph.ops) {
    if (op.kind != OpKind::input) continue;
    const auto number = static_cast<std::size_t>(input_number(op));
    const auto& name = op.attributes.text("name");
    const auto& type = graph.type(op.result());
    Tensor tensor{type.dims, std::vector<double>(type.elements(batch))};
    if (type.batched()) tensor.dims[0] = batch;
    auto elements = type.elements();
    for (std::int64_t i = 0; i < tensor.size(); ++i) {
      auto row = i / elements;
      switch (input_role(op)) {
        case InputRole::data: tensor.data[i] = input.data.at(number).at(input.rows[row], i % elements); break;
        case InputRole::label: tensor.data[i] = input.labels.at(number).at(input.rows[row], i % elements); break;
        case InputRole::batch_mask: tensor.data[i] = 1; break;
        case InputRole::batch_size: tensor.data[i] = static_cast<double>(batch); break;
        case InputRole::sample_index: tensor.data[i] = static_cast<double>(row); break;
        case InputRole::step_key: tensor.data[i] = static_cast<double>(static_cast<std::int32_t>(input.random_key)); break;
      }
    }
    inputs[name] = std::move(tensor);
  }
  return inputs;
}

NamedTensors interpreter_params(const Graph& graph, const Params& params) {
  NamedTensors tensors;
  for (const auto& op : graph.ops)
    if (op.kind == OpKind::param) {
      const auto& array = params.at(op.attributes.text("name"));
      tensors[op.attributes.text("name")] = {array.shape, {array.data, array.data + array.size}};
    }
  return tensors;
}

namespace {

class ReferenceStep : public Step {
 public:
  ReferenceStep(const Graph& graph, Params& params) : graph_(graph), params_(params) {}

  void run(const StepInput& input) override {
    auto params = interpreter_params(graph_, params_);
    outputs_ = interpret(graph_, interpreter_inputs(graph_, input), params, {.single_precision = true, .after_op = {}});
    for (const auto& op : graph_.ops)
      if (op.kind == OpKind::param) {
        const auto& name = op.attributes.text("name");
        const auto& values = params.at(name).data;
        std::copy(values.begin(), values.end(), params_.at(name).data);
      }
  }
  double scalar(const std::string& name) const override { return outputs_.at(name).data.at(0); }
  std::vector<float> array(const std::string& name) const override {
    const auto& values = outputs_.at(name).data;
    return {values.begin(), values.end()};
  }

 private:
  Graph graph_;
  Params& params_;
  NamedTensors outputs_;
};

/// Expects inputs that StepInput can fill: one of each role and number, and no others than the first but of data and labels.
void expect_fillable_inputs(const Graph& graph) {
  std::map<std::pair<InputRole, std::int64_t>, std::string> seen;
  for (const auto& op : graph.ops) {
    if (op.kind != OpKind::input) continue;
    const auto& name = op.attributes.text("name");
    const auto [other, is_new] = seen.emplace(std::pair(input_role(op), input_number(op)), name);
    const bool may_be_several = input_role(op) == InputRole::data || input_role(op) == InputRole::label;
    if (!is_new)
      throw Error("graph @{}: inputs \"{}\" and \"{}\" both have the role {}, of which a step takes one{}", graph.name, other->second, name,
                  name_of(input_role(op)), may_be_several ? " of each number" : "");
    if (!may_be_several && input_number(op) > 0)
      throw Error("graph @{}: input \"{}\" has the number {}, but a step takes one of role {}", graph.name, name, input_number(op),
                  name_of(input_role(op)));
    if (input_role(op) == InputRole::data && !graph.type(op.result()).batched())
      throw Error("graph @{}: input \"{}\" of role data is {}, which has no batch", graph.name, name, to_string(graph.type(op.result())));
  }
}

}  // namespace

std::unique_ptr<Step> compile_step(const Graph& graph, Params& params, const StepOptions& options, CompileReport* report) {
  expect_fillable_inputs(graph);
  if (options.backend == StepOptions::Backend::reference) return std::make_unique<ReferenceStep>(graph, params);
  return compile_jit_step(graph, params, options, report);
}

}  // namespace gradc
