#include "step/kernel.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "gradc/error.h"
#include "ir/kernel_form.h"
#include "ir/text.h"
#include "target/cost.h"

namespace gradc {

std::int64_t image_stride(const Type& type, std::int64_t steps) {
  const std::int64_t elements = steps * type.elements(), of_line = kLineBytes / size_of(type.dtype);
  if (elements == 1) return 1;
  auto lines = (elements + of_line - 1) / of_line;
  // An odd number of lines: neighbouring images, of which a kernel reads one pixel each, then lie in different sets of a cache.
  if (lines >= cost::kLargeImageLines && lines % 2 == 0) ++lines;
  return lines * of_line;
}

std::string KernelSource::text() const { return fmt::format("{}{} {}\n", print(graph), name_of(form), size); }

bool KernelSource::reduces() const {
  return std::any_of(graph.ops.begin(), graph.ops.end(), [](const Op& op) { return op.kind == OpKind::reduce; });
}

std::vector<std::vector<ValueId>> output_groups(const Graph& kernel) {
  auto definers = kernel.definers();
  std::vector<std::vector<ValueId>> groups;
  std::map<std::vector<std::int64_t>, std::size_t> by_dims;
  std::vector<std::vector<ValueId>> sums;
  for (const auto& op : kernel.ops) {
    if (op.kind != OpKind::output) continue;
    auto value = op.operands[0];
    if (sums_over_batch(kernel, kernel.ops[definers[value]])) {
      sums.push_back({value});
      continue;
    }
    auto [found, is_new] = by_dims.try_emplace(kernel.type(value).dims, groups.size());
    if (is_new) groups.emplace_back();
    groups[found->second].push_back(value);
  }
  groups.insert(groups.end(), sums.begin(), sums.end());
  return groups;
}

std::vector<ExtractedKernel> extract_kernels(const Graph& graph, const std::map<ValueId, std::int64_t>& steps_of) {
  auto users = graph.users();
  const auto definers = graph.definers();
  // An argument's attributes.
  auto named = [&](std::string name, ValueId value) {
    Attributes attributes = {{"name", std::move(name)}};
    if (auto steps = steps_of.find(storage_of(graph, definers, value)); steps != steps_of.end()) attributes.set("steps", steps->second);
    return attributes;
  };
  const auto ops_of = ops_of_kernels(graph);

  std::vector<ExtractedKernel> kernels;
  for (std::size_t k = 0; k < ops_of.size(); ++k) {
    ExtractedKernel kernel;
    auto& source = kernel.source;
    source.form = graph.kernels[k].form;
    source.size = graph.kernels[k].size;
    source.graph.name = "kernel";
    source.graph.lanes = graph.lanes;
    source.graph.target = graph.target;
    if (const auto* first = ops_of[k].front(); is_loop(first->kind)) {
      kernel.loop = first;
      kernel.inputs = first->operands;
      for (auto result : first->results)
        if (!users[result].empty()) kernel.outputs.push_back(result);
      kernels.push_back(std::move(kernel));
      continue;
    }
    const auto all_rows = gradient_rows(graph, ops_of[k]);
    std::map<ValueId, ValueId> inner;
    auto type_of = [&](ValueId value) {
      auto type = graph.type(value);
      if (source.form == KernelForm::flat && type.rank() > 0) type.dims = {source.size};
      if (source.form == KernelForm::rows && !type.batched() && type.rank() == 2 && type.dims[0] == all_rows) type.dims[0] = source.size;
      return type;
    };
    auto add = [&](ValueId value) {
      return inner[value] = source.graph.add_value(type_of(value), "v" + std::to_string(source.graph.values.size()));
    };
    std::vector<Op> body;
    for (const auto* op : ops_of[k])
      for (auto operand : op->operands)
        if (!inner.contains(operand) && std::none_of(ops_of[k].begin(), ops_of[k].end(), [&](const Op* other) {
              return std::find(other->results.begin(), other->results.end(), operand) != other->results.end();
            })) {
          Op input{.kind = OpKind::input, .results = {add(operand)}, .attributes = named(std::to_string(kernel.inputs.size()), operand)};
          source.graph.ops.push_back(input);
          kernel.inputs.push_back(operand);
        }
    std::vector<ValueId> exported;
    for (const auto* op : ops_of[k]) {
      Op copy{.kind = op->kind, .attributes = op->attributes};
      if (is_whole_gradient(copy.kind)) copy.attributes.set("rows", source.size);
      for (auto operand : op->operands) copy.operands.push_back(inner.at(operand));
      for (auto result : op->results) {
        copy.results.push_back(add(result));
        bool leaves = false;
        for (int user : users[result]) leaves = leaves || graph.ops[user].kernel != static_cast<std::int32_t>(k);
        if (leaves) exported.push_back(result);
      }
      source.graph.ops.push_back(copy);
    }
    for (auto value : exported)
      source.graph.ops.push_back(
          {.kind = OpKind::output, .operands = {inner.at(value)}, .attributes = named(std::to_string(inner.at(value)), value)});
    std::map<ValueId, ValueId> outer;
    for (const auto& [whole, own] : inner) outer[own] = whole;
    for (const auto& group : output_groups(source.graph))
      for (auto value : group) kernel.outputs.push_back(outer.at(value));
    check(!kernel.outputs.empty(), "a kernel makes something");
    kernels.push_back(std::move(kernel));
  }
  return kernels;
}

}  // namespace gradc
