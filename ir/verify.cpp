#include "ir/verify.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "gradc/error.h"
#include "ir/kernel_form.h"
#include "ir/text.h"

namespace gradc {
namespace {

std::string attribute_problem(const OpDef& def, const Op& op) {
  for (const auto& spec : def.attributes) {
    if (!spec.optional && !op.attributes.has(spec.name)) return fmt::format("attribute \"{}\" is missing", spec.name);
    for (const auto& [name, value] : op.attributes)
      if (name == spec.name && value.index() != static_cast<std::size_t>(spec.kind))
        return fmt::format("attribute \"{}\" is of the wrong kind", name);
  }
  for (const auto& [name, value] : op.attributes) {
    bool known = false;
    for (const auto& spec : def.attributes) known |= spec.name == name;
    if (!known) return fmt::format("has no attribute \"{}\"", name);
  }
  return "";
}

std::string operand_problem(const OpDef& def, const Op& op) {
  bool variadic = !def.operands.empty() && def.operands.back().ends_with("...");
  auto least = def.operands.size();
  if (op.operands.size() < least || (!variadic && op.operands.size() > least))
    return fmt::format("takes {}{} operand{}, has {}", variadic ? "at least " : "", least, least == 1 ? "" : "s", op.operands.size());
  return "";
}

std::string type_problem(const Graph& graph, const OpDef& def, const Op& op) {
  for (auto result : op.results) {
    for (std::size_t i = 0; i < graph.type(result).dims.size(); ++i) {
      auto dim = graph.type(result).dims[i];
      if (dim < 1 && !(dim == kBatch && i == 0)) return fmt::format("dimension {} of {} is not positive", i, to_string(graph.type(result)));
    }
    auto elements = count_elements(graph.type(result).image_dims());
    if (!elements || *elements > kMostElements)
      return fmt::format("{} has more than {} elements an image, which is the most", to_string(graph.type(result)), kMostElements);
  }
  if (def.states_its_type) {
    if (op.results.size() != 1) return "has one result";
    return def.problem_of_type != nullptr ? def.problem_of_type(op.attributes, graph.type(op.result())) : "";
  }
  std::vector<Type> operands;
  try {
    auto types = def.infer(graph.view(op, operands));
    if (types.size() != op.results.size()) return fmt::format("has {} results, not {}", types.size(), op.results.size());
    for (std::size_t i = 0; i < types.size(); ++i)
      if (types[i] != graph.type(op.results[i]))
        return fmt::format("gives {}, not {}", to_string(types[i]), to_string(graph.type(op.results[i])));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

[[noreturn]] void fail(const Graph& graph, const Op& op, const std::string& why) {
  throw InternalError(fmt::format("graph @{}: {}: {}\n  {}", graph.name, name_of(op.kind), why, print(graph, op)));
}

}  // namespace

std::string problem_of(const Graph& graph, const Op& op) {
  const auto& def = definition(op.kind);
  if (auto why = operand_problem(def, op); !why.empty()) return why;
  if (auto why = attribute_problem(def, op); !why.empty()) return why;
  if (op.body && !is_loop(op.kind)) return "has a body, but is no loop";
  return type_problem(graph, def, op);
}

/// Why an op that adds to a param in its place cannot, or "".
std::string place_problem(const Graph& graph, const Op& op, const std::set<ValueId>& params) {
  if (!params.contains(op.operands[0])) return "its table is no param";
  for (const auto& user : graph.ops)
    if (std::find(user.operands.begin(), user.operands.end(), op.result()) != user.operands.end() &&
        !(user.kind == OpKind::update && user.operands[0] == op.operands[0]))
      return "its result is for the update of its table alone";
  return "";
}

void verify(const Graph& graph) {
  std::vector<bool> defined(graph.values.size(), false);
  std::set<std::string> names;
  std::set<std::int32_t> closed;
  std::set<ValueId> params, updated, partial;
  std::int32_t current = -1;
  for (const auto& op : graph.ops) {
    for (auto operand : op.operands)
      if (operand < 0 || operand >= static_cast<ValueId>(graph.values.size()) || !defined[operand])
        fail(graph, op, "uses a value that is not defined before it");
    if (op.body) verify(*op.body);
    if (auto why = problem_of(graph, op); !why.empty()) fail(graph, op, why);
    if (op.kind == OpKind::param) params.insert(op.result());
    if (op.kind == OpKind::update && !params.contains(op.operands[0])) fail(graph, op, "its first operand is no param");
    if (op.kind == OpKind::update && !updated.insert(op.operands[0]).second) fail(graph, op, "the param has an update already");
    if (op.kind == OpKind::scatter_add)
      if (auto why = place_problem(graph, op, params); !why.empty()) fail(graph, op, why);
    if (sums_over_batch(graph, op)) partial.insert(op.results.begin(), op.results.end());
    if (op.kernel >= 0 && op.kind != OpKind::reduce)
      for (auto operand : op.operands)
        if (partial.contains(operand))
          fail(graph, op, "reads a sum over the batch of which each tile has its part; a reduce makes it whole");
    for (auto result : op.results) {
      if (defined[result]) fail(graph, op, "defines a value twice");
      defined[result] = true;
      if (!names.insert(graph.values[result].name).second) fail(graph, op, fmt::format("the name %{} is taken", graph.values[result].name));
    }
    if (op.kernel != current) {
      if (current >= 0) closed.insert(current);
      if (op.kernel >= static_cast<std::int32_t>(graph.kernels.size())) fail(graph, op, "its kernel does not exist");
      if (op.kernel >= 0 && closed.contains(op.kernel)) fail(graph, op, "the ops of its kernel do not stand together");
      current = op.kernel;
    }
  }
  const auto ops = ops_of_kernels(graph);
  for (std::size_t k = 0; k < ops.size(); ++k)
    if (auto why = form_problem(graph, graph.kernels[k], ops[k]); !why.empty())
      throw InternalError(fmt::format("graph @{}: {}", graph.name, why));
}

}  // namespace gradc
