#include "inspect/dot.h"

#include <map>
#include <vector>

#include <fmt/format.h>

#include "inspect/role.h"
#include "ir/text.h"

namespace gradc {
namespace {

const char* color_of(Role role) {
  switch (role) {
    case Role::boundary: return "#eeeeee";
    case Role::forward: return "#cfe2f3";
    case Role::backward: return "#f9dcc4";
    case Role::update: return "#d9ead3";
  }
  return "white";
}

/// The box around an op: its kernel, or its layer; none for the others.
std::string box_of(const Graph& graph, const Op& op) {
  if (op.kernel >= 0) {
    const auto& kernel = graph.kernels[op.kernel];
    return kernel.name + (kernel.phase >= 0 ? fmt::format("\nphase {}", kernel.phase) : "") +
           (kernel.tiled() ? (kernel.size > 0 ? fmt::format(", {} images", kernel.size) : "") : ", once");
  }
  return graph.kernels.empty() ? op.loc : "";
}

std::string node(const Graph& graph, std::size_t i) {
  const auto& op = graph.ops[i];
  const auto role = role_of(op);
  auto label = std::string(name_of(op.kind));
  if (op.attributes.has("name")) label += "\n" + op.attributes.text("name");
  return fmt::format("n{} [label={}, tooltip={}, fillcolor=\"{}\"{}];\n", i, quote(label), quote(print(graph, op)), color_of(role),
                     role == Role::boundary ? ", shape=ellipse" : "");
}

}  // namespace

std::string dot(const Graph& graph) {
  std::map<std::string, std::string> boxes;
  std::string loose;
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    auto box = box_of(graph, graph.ops[i]);
    if (box.empty())
      loose += "  " + node(graph, i);
    else
      boxes[box] += "    " + node(graph, i);
  }
  auto out = "digraph " + quote(graph.name) +
             " {\n  graph [fontname=\"Helvetica\", labeljust=l];\n"
             "  node [shape=box, style=\"filled,rounded\", fontname=\"Helvetica\", fontsize=11];\n"
             "  edge [fontname=\"Helvetica\", fontsize=9, color=\"#777777\"];\n" +
             loose;
  std::size_t number = 0;
  for (const auto& [label, nodes] : boxes)
    out +=
        fmt::format("  subgraph cluster_{} {{\n    label={}; style=rounded; color=\"#999999\";\n{}  }}\n", number++, quote(label), nodes);
  auto definers = graph.definers();
  for (std::size_t i = 0; i < graph.ops.size(); ++i)
    for (auto operand : graph.ops[i].operands)
      out += fmt::format("  n{} -> n{} [label={}];\n", definers[operand], i, quote(to_string(graph.type(operand))));
  return out + "}\n";
}

}  // namespace gradc
