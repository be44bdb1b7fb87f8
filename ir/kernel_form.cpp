#include "ir/kernel_form.h"

#include <fmt/format.h>

namespace gradc {

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

namespace {

/// The type of the gradient over the whole batch that a kernel makes, or nullptr.
const Type* whole_gradient(const Graph& graph, const std::vector<const Op*>& ops) {
  for (const auto* op : ops)
    if (is_whole_gradient(op->kind)) return &graph.type(op->result());
  return nullptr;
}

}  // namespace

std::int64_t gradient_rows(const Graph& graph, const std::vector<const Op*>& ops) {
  const auto* gradient = whole_gradient(graph, ops);
  return gradient == nullptr ? 0 : gradient->dims[0];
}

bool rows_can_be_cut(const Graph& graph, const std::vector<const Op*>& ops) {
  const auto* gradient = whole_gradient(graph, ops);
  for (const auto* op : ops)
    for (auto operand : op->operands)
      if (const auto& type = graph.type(operand); !type.batched() && type.rank() == 2 && type.dims != gradient->dims) return false;
  return true;
}

std::int64_t table_columns(const Graph& graph, const std::vector<const Op*>& ops) {
  if (ops.size() != 1 || definition(ops[0]->kind).rows != RowUse::adds) return 0;
  const auto& table = graph.type(ops[0]->result());
  return table.elements() / table.dims[0];
}

std::vector<std::vector<const Op*>> ops_of_kernels(const Graph& graph) {
  std::vector<std::vector<const Op*>> ops(graph.kernels.size());
  for (const auto& op : graph.ops)
    if (op.kernel >= 0) ops[op.kernel].push_back(&op);
  return ops;
}

std::string form_problem(const Graph& graph, const Kernel& kernel, const std::vector<const Op*>& ops) {
  if (kernel.form == KernelForm::flat && !can_be_flat(graph, ops))
    return fmt::format("kernel @{} is flat, but not all of its ops are pointwise, on arrays of one shape", kernel.name);
  if (kernel.form == KernelForm::flat && kFlatBlock % kernel.size != 0)
    return fmt::format("kernel @{} has blocks of {} elements, of which {} are no multiple", kernel.name, kernel.size, kFlatBlock);
  if (kernel.form == KernelForm::columns) {
    const auto columns = table_columns(graph, ops);
    if (columns == 0) return fmt::format("kernel @{} works on columns, but makes more, or other, than a table's gradient", kernel.name);
    if (columns % kernel.size != 0)
      return fmt::format("kernel @{} has blocks of {} columns, of which the table's {} are no multiple", kernel.name, kernel.size, columns);
  }
  if (kernel.form != KernelForm::rows) return "";
  const auto rows = gradient_rows(graph, ops);
  if (rows == 0) return fmt::format("kernel @{} works on rows, but makes no gradient over the whole batch", kernel.name);
  if (kernel.size != rows && !rows_can_be_cut(graph, ops))
    return fmt::format("kernel @{} works on {} of {} rows, but has an operand of another shape", kernel.name, kernel.size, rows);
  if (rows % kernel.size != 0)
    return fmt::format("kernel @{} has blocks of {} rows, of which the gradient's {} are no multiple", kernel.name, kernel.size, rows);
  return "";
}

}  // namespace gradc
