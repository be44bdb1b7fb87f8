#include "backends/kernel.h"

#include <algorithm>
#include <map>

#include "ir/text.h"
#include "support/error.h"
#include "target/cost.h"

namespace gradc {
namespace {

/// Whether a kernel that runs once a step can work block by block on flat arrays: pointwise ops and reductions, of one shape and scalars.
bool can_be_flat(const Graph& graph, const std::vector<const Op*>& ops) {
  std::int64_t elements = 1;
  auto fits = [&](ValueId value) {
    auto size = graph.type(value).elements();
    if (graph.type(value).rank() == 0 || size == elements) return true;
    if (elements != 1) return false;
    elements = size;
    return true;
  };
  for (const auto* op : ops) {
    if (!is_pointwise(op->kind) && op->kind != OpKind::reduce && op->kind != OpKind::constant) return false;
    for (auto v : op->operands)
      if (!fits(v)) return false;
    for (auto v : op->results)
      if (!fits(v)) return false;
    // Broadcasting between arrays of as many elements would need their shapes.
    if (is_pointwise(op->kind))
      for (auto v : op->operands)
        if (graph.type(v).rank() != 0 && graph.type(v).dims != graph.type(op->result()).dims) return false;
  }
  return true;
}

/// How many rows of a gradient over the whole batch, and of what follows it, a call computes: some dozens that divide the rows evenly; all
/// where that cannot be. 0 if there is no such gradient.
std::int64_t rows_of_block(const Graph& graph, const std::vector<const Op*>& ops) {
  const Type* whole = nullptr;
  for (const auto* op : ops)
    if (is_whole_gradient(op->kind)) whole = &graph.type(op->result());
  if (whole == nullptr) return 0;
  auto rows = whole->dims[0];
  for (const auto* op : ops)
    for (auto operand : op->operands) {
      const auto& type = graph.type(operand);
      if (!type.batched() && type.rank() == 2 && type.dims != whole->dims) return rows;
    }
  for (std::int64_t block = cost::kRowsOfBlock; block >= 8; block -= 8)
    if (rows % block == 0) return block;
  for (std::int64_t block = cost::kRowsOfBlock; block >= 4; --block)
    if (rows % block == 0) return block;
  return rows;
}

}  // namespace

std::int64_t image_stride(const Type& type) {
  const std::int64_t elements = type.elements(), of_line = kLineBytes / size_of(type.dtype);
  if (elements == 1) return 1;
  auto lines = (elements + of_line - 1) / of_line;
  // An odd number of lines: neighbouring images, of which a kernel reads one pixel each, then lie in different sets of a cache.
  if (lines >= cost::kLargeImageLines && lines % 2 == 0) ++lines;
  return lines * of_line;
}

std::string KernelSource::text() const {
  return print(graph) + (tiled ? "tiled images " + std::to_string(images) : "once") + (block > 0 ? " block " + std::to_string(block) : "") +
         (rows > 0 ? " rows " + std::to_string(rows) : "") + "\n";
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

std::vector<KernelSource> extract_kernels(const Graph& graph, std::int64_t block) {
  auto users = graph.users();
  std::vector<std::vector<const Op*>> ops_of(graph.kernels.size());
  for (const auto& op : graph.ops)
    if (op.kernel >= 0) ops_of[op.kernel].push_back(&op);

  std::vector<KernelSource> sources;
  for (std::size_t k = 0; k < ops_of.size(); ++k) {
    KernelSource source;
    source.tiled = graph.kernels[k].tiled;
    source.block = !source.tiled && can_be_flat(graph, ops_of[k]) ? block : 0;
    source.graph.name = "kernel";
    source.graph.lanes = graph.lanes;
    source.graph.target = graph.target;
    source.images = source.tiled ? std::max<std::int64_t>(graph.kernels[k].images, 1) : 1;
    source.rows = source.tiled ? 0 : rows_of_block(graph, ops_of[k]);
    std::int64_t all_rows = 0;
    for (const auto* op : ops_of[k])
      if (is_whole_gradient(op->kind)) all_rows = graph.type(op->result()).dims[0];
    std::map<ValueId, ValueId> inner;
    auto type_of = [&](ValueId value) {
      auto type = graph.type(value);
      if (source.block > 0 && type.rank() > 0) type.dims = {source.block};
      if (source.rows > 0 && !type.batched() && type.rank() == 2 && type.dims[0] == all_rows) type.dims[0] = source.rows;
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
          Op input{.kind = OpKind::input, .results = {add(operand)}, .attributes = {{"name", std::to_string(source.inputs.size())}}};
          source.graph.ops.push_back(input);
          source.inputs.push_back(operand);
        }
    std::vector<ValueId> exported;
    for (const auto* op : ops_of[k]) {
      Op copy{.kind = op->kind, .attributes = op->attributes};
      if (copy.kind == OpKind::reduce) source.reduces = true;
      if (is_whole_gradient(copy.kind)) copy.attributes.set("rows", source.rows);
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
          {.kind = OpKind::output, .operands = {inner.at(value)}, .attributes = {{"name", std::to_string(inner.at(value))}}});
    std::map<ValueId, ValueId> outer;
    for (const auto& [whole, own] : inner) outer[own] = whole;
    for (const auto& group : output_groups(source.graph))
      for (auto value : group) source.outputs.push_back(outer.at(value));
    check(!source.outputs.empty(), "a kernel makes something");
    sources.push_back(std::move(source));
  }
  return sources;
}

}  // namespace gradc
