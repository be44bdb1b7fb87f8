#include <cmath>

#include <fmt/format.h>

#include "ir/text.h"

namespace gradc {
namespace {

std::string number_text(double value) {
  auto text = fmt::format("{}", value);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;  // 'n' is that of inf and nan
}

void print_ops(const Graph& graph, const std::string& indent, std::string& out);

void print_op(const Graph& graph, const Op& op, const std::string& indent, std::string& out) {
  out += indent;
  for (std::size_t i = 0; i < op.results.size(); ++i) out += (i > 0 ? ", %" : "%") + graph.values[op.results[i]].name;
  if (!op.results.empty()) out += " = ";
  out += name_of(op.kind);
  if (op.attributes.has("name")) out += " " + quote(op.attributes.text("name"));
  for (std::size_t i = 0; i < op.operands.size(); ++i) out += (i > 0 ? ", %" : " %") + graph.values[op.operands[i]].name;
  std::string attributes;
  for (const auto& [name, value] : op.attributes)
    if (name != "name") attributes += (attributes.empty() ? "" : ", ") + name + " = " + to_string(value);
  if (!attributes.empty()) out += " {" + attributes + "}";
  for (std::size_t i = 0; i < op.results.size(); ++i) out += (i > 0 ? ", " : " : ") + to_string(graph.type(op.results[i]));
  if (!op.loc.empty()) out += "  loc " + quote(op.loc);
  if (op.stage != Stage::forward) out += fmt::format("  stage {}", name_of(op.stage));
  if (op.body) {
    out += " body {\n";
    print_ops(*op.body, indent + "  ", out);
    out += indent + "}";
  }
  out += "\n";
}

/// The ops of a graph or body, those of a kernel in braces.
void print_ops(const Graph& graph, const std::string& indent, std::string& out) {
  std::int32_t current = -1;
  for (const auto& op : graph.ops) {
    if (op.kernel != current) {
      if (current >= 0) out += indent + "}\n";
      current = op.kernel;
      if (current >= 0) {
        const auto& kernel = graph.kernels[current];
        out += indent + "kernel @" + kernel.name;
        if (kernel.phase >= 0) out += " phase " + std::to_string(kernel.phase);
        if (!kernel.tiled() || kernel.size > 0) out += fmt::format(" {}", name_of(kernel.form));
        if (kernel.size > 0) out += fmt::format(" {}", kernel.size);
        out += " {\n";
      }
    }
    print_op(graph, op, current >= 0 ? indent + "  " : indent, out);
  }
  if (current >= 0) out += indent + "}\n";
}

}  // namespace

std::string quote(const std::string& text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\n')
      quoted += "\\n";
    else
      quoted += c;
  }
  return quoted + "\"";
}

std::string to_string(const Attribute& attribute) {
  if (auto* integer = std::get_if<std::int64_t>(&attribute)) return std::to_string(*integer);
  if (auto* number = std::get_if<double>(&attribute)) return number_text(*number);
  if (auto* text = std::get_if<std::string>(&attribute)) return quote(*text);
  std::string list;
  if (auto* pairs = std::get_if<Pairs>(&attribute)) {
    for (const auto& [first, second] : *pairs) list += fmt::format("{}[{},{}]", list.empty() ? "" : ",", first, second);
    return "[" + list + "]";
  }
  for (auto each : std::get<Ints>(attribute))
    list += (list.empty() ? "" : ",") + (each == kBatch ? std::string("B") : std::to_string(each));
  return "[" + list + "]";
}

std::string print(const Graph& graph, const Op& op) {
  std::string out;
  print_op(graph, op, "", out);
  out.pop_back();
  return out;
}

std::string print(const Graph& graph) {
  std::string out = "graph @" + graph.name;
  if (graph.target) out += " target " + quote(to_string(*graph.target));
  out += graph.lanes == Lanes::features ? " lanes features {\n" : " {\n";
  print_ops(graph, "  ", out);
  return out + "}\n";
}

}  // namespace gradc
