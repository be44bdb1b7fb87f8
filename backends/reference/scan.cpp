// A loop over the steps of sequences.
#include "ir/scan.h"

#include <algorithm>
#include <string>

#include "backends/reference/reference.h"

namespace gradc {
namespace {

/// Copies a step of a stack to an array of that step, or back: calls copy(of stack, of step) for each pair of elements.
template <class Copy>
void for_each_of_step(const Tensor& stack, std::int64_t step, Copy copy) {
  const auto images = stack.dims[0], steps = stack.dims[1], elements = stack.size() / (images * steps);
  for (std::int64_t image = 0; image < images; ++image)
    for (std::int64_t i = 0; i < elements; ++i) copy((image * steps + step) * elements + i, image * elements + i);
}

/// The body with its inputs and outputs named by their numbers.
Graph numbered(Graph body) {
  for (auto& op : body.ops)
    if (op.kind == OpKind::input || op.kind == OpKind::output)
      op.attributes.set("name", std::to_string(op.attributes.integer_or("number", 0)));
  return body;
}

}  // namespace

void reference_scan(const Execution& run) {
  const ScanParts parts(run.op);
  const auto body = numbered(parts.body);
  NamedTensors inputs;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::max(parts.inputs.size(), parts.outputs.size()); ++i) names.push_back(std::to_string(i));
  for (std::size_t i = 0; i < parts.inputs.size(); ++i) {
    if (!parts.is_scanned(i)) {
      inputs[names[i]] = run.operand(static_cast<int>(i));
      continue;
    }
    auto& step = inputs[names[i]];
    step.dims = run.operand(static_cast<int>(i)).dims;
    step.dims.erase(step.dims.begin() + 1);
    step.data.resize(run.operand(static_cast<int>(i)).size() / parts.steps);
  }
  for (std::int64_t n = 0; n < parts.steps; ++n) {
    const auto step = parts.reverse ? parts.steps - 1 - n : n;
    for (std::size_t i = parts.carries; i < parts.carries + parts.scanned; ++i)
      for_each_of_step(run.operand(static_cast<int>(i)), step, [&](std::int64_t from, std::int64_t to) {
        inputs[names[i]].data[to] = run.operand(static_cast<int>(i)).data[from];
      });
    NamedTensors params;
    auto made = interpret(body, inputs, params, {.single_precision = run.single_precision, .after_op = {}});
    for (std::size_t i = 0; i < parts.outputs.size(); ++i) {
      if (i < parts.carries) {
        inputs[names[i]] = made[names[i]];
        continue;
      }
      auto& stack = run.result(static_cast<int>(i));
      for_each_of_step(stack, step, [&](std::int64_t to, std::int64_t from) { stack.data[to] = made[names[i]].data[from]; });
    }
  }
  for (std::size_t i = 0; i < parts.carries; ++i) run.result(static_cast<int>(i)) = inputs[names[i]];
}

}  // namespace gradc
