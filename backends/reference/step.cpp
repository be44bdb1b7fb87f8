#include "backends/reference/step.h"

#include "ir/roles.h"

namespace gradc {

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
        case InputRole::sample_weight: tensor.data[i] = input.weights.at(number).at(input.rows[row], i % elements); break;
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

}  // namespace

std::unique_ptr<Step> make_reference_step(const Graph& graph, Params& params) { return std::make_unique<ReferenceStep>(graph, params); }

}  // namespace gradc
