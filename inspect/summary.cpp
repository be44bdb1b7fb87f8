#include "inspect/summary.h"

#include <algorithm>

#include <fmt/format.h>

#include "frontend/lower.h"

namespace gradc {
namespace {

std::string keras_shape(const Type& type) {
  std::string text;
  for (auto dim : type.dims) text += (text.empty() ? "" : ", ") + (dim == kBatch ? std::string("None") : std::to_string(dim));
  return "(" + text + ")";
}

/// A name as one line of a table has it.
std::string in_one_line(const std::string& name) {
  std::string line;
  for (char c : name) line += c == '\n' ? "\\n" : c == '\t' ? "\\t" : std::string(1, c);
  return line;
}

}  // namespace

std::string with_commas(std::int64_t number) {
  auto text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

Summary summarize(const Topology& topology) {
  auto lowered = lower(topology, {.mode = Mode::predict});
  Summary summary{.name = topology.name, .sequential = topology.sequential};
  for (std::size_t i = 0; i < topology.layers.size(); ++i) {
    const auto& node = topology.layers[i];
    const auto& layer = lowered.layers[i];
    SummaryRow row{node.name, node.layer.class_name(), keras_shape(layer.output), layer.trainable + layer.frozen};
    for (const auto& from : node.inbound) row.inputs.push_back(to_string(from));
    summary.rows.push_back(std::move(row));
    summary.trainable += layer.trainable;
    summary.frozen += layer.frozen;
  }
  return summary;
}

std::string to_string(const Summary& summary) {
  std::vector<std::vector<std::string>> table = {{"Layer (type)", "Output Shape", "Param #"}};
  if (!summary.sequential) table[0].push_back("Connected to");
  for (const auto& row : summary.rows) {
    table.push_back({in_one_line(row.name) + " (" + row.type + ")", row.output_shape, with_commas(row.params)});
    if (summary.sequential) continue;
    std::string inputs;
    for (const auto& input : row.inputs) inputs += (inputs.empty() ? "" : ", ") + in_one_line(input);
    table.back().push_back(inputs);
  }
  std::vector<std::size_t> widths(table[0].size(), 0);
  std::size_t width = 0;
  for (std::size_t column = 0; column < widths.size(); ++column) {
    for (const auto& row : table) widths[column] = std::max(widths[column], row[column].size() + 3);
    width += widths[column];
  }
  width = std::max<std::size_t>(width, 65);
  auto out = fmt::format("Model: \"{}\"\n{}\n", in_one_line(summary.name), std::string(width, '_'));
  for (std::size_t i = 0; i < table.size(); ++i) {
    std::string line = " ";
    for (std::size_t column = 0; column < widths.size(); ++column) line += fmt::format("{:<{}}", table[i][column], widths[column]);
    line.resize(line.find_last_not_of(' ') + 1);
    out += line + "\n";
    if (i == 0) out += std::string(width, '=') + "\n";
  }
  return out + fmt::format("{}\nTotal params: {}\nTrainable params: {}\nNon-trainable params: {}\n{}\n", std::string(width, '='),
                           with_commas(summary.trainable + summary.frozen), with_commas(summary.trainable), with_commas(summary.frozen),
                           std::string(width, '_'));
}

}  // namespace gradc
