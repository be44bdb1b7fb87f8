#include "inspect/graph_page.h"

#include <map>

#include <nlohmann/json.hpp>

#include "inspect/role.h"
#include "inspect/web_assets.h"
#include "ir/text.h"
#include "support/json.h"

namespace gradc {
namespace {

using Json = nlohmann::ordered_json;

/// Names are short, as a page may hold a dozen graphs of thousands of ops: k kind, n name, l layer, r role, c kernel, a operands, v
/// results, f FLOPs an image, t text.
Json json_of(const GraphSnapshot& snapshot) {
  const auto& graph = snapshot.graph;
  // Only values that an op makes, numbered anew.
  std::map<ValueId, int> numbers;
  Json values = Json::array(), ops = Json::array(), kernels = Json::array();
  for (const auto& op : graph.ops)
    for (auto value : op.results) {
      const auto& type = graph.type(value);
      numbers.emplace(value, static_cast<int>(numbers.size()));
      values.push_back(
          {graph.values[value].name, to_string(type), {{"n", type.elements() * size_of(type.dtype)}, {"batched", type.batched()}}});
    }
  for (const auto& op : graph.ops) {
    Json operands = Json::array(), results = Json::array();
    for (auto value : op.operands) operands.push_back(numbers.at(value));
    for (auto value : op.results) results.push_back(numbers.at(value));
    ops.push_back({{"k", name_of(op.kind)},
                   {"n", op.attributes.has("name") ? op.attributes.text("name") : ""},
                   {"l", op.loc},
                   {"r", static_cast<int>(role_of(op))},
                   {"c", op.kernel},
                   {"a", operands},
                   {"v", results},
                   {"f", graph.flops(op)},
                   {"t", print(graph, op)}});
  }
  for (const auto& kernel : graph.kernels)
    kernels.push_back({{"name", kernel.name}, {"phase", kernel.phase}, {"form", name_of(kernel.form)}, {"size", kernel.size}});
  return {{"name", snapshot.pass}, {"summary", snapshot.summary}, {"values", values}, {"ops", ops}, {"kernels", kernels}};
}

}  // namespace

std::string html(const GraphPage& page) {
  Json data = {{"batch", page.batch},
               {"lanes", page.plan.lanes == Lanes::batch ? "images" : "features"},
               {"vector", page.plan.target.lanes},
               {"passes", Json::array()},
               {"kernels", Json::array()},
               {"code", Json::array()},
               {"lives", Json::array()}};
  for (const auto& snapshot : page.passes) data["passes"].push_back(json_of(snapshot));
  const auto bytes = bytes_of_kernels(page.plan, page.batch);
  for (std::size_t k = 0; k < page.plan.kernels.size(); ++k) {
    const auto& info = page.plan.kernels[k].info;
    data["kernels"].push_back(
        {{"name", info.name}, {"flops", info.flops_per_image}, {"bytes", bytes[k]}, {"code", page.code_of_kernel[k]}});
  }
  for (const auto& code : page.code)
    data["code"].push_back({{"statement", code.statement}, {"assembly", code.assembly}, {"shared", code.shared}});
  const auto& last = page.passes.back().graph;
  std::map<std::string, int> role_of_value;
  for (const auto& op : last.ops)
    for (auto value : op.results) role_of_value[last.values[value].name] = static_cast<int>(role_of(op));
  for (const auto& life : lives(page.plan)) {
    const auto& [name, type, placement] = page.plan.buffers[life.buffer];
    data["lives"].push_back({{"value", name},
                             {"space", name_of(placement.space)},
                             {"offset", placement.offset},
                             {"bytes", placement.bytes},
                             {"first", life.first},
                             {"last", life.last},
                             {"role", role_of_value[name]}});
  }
  return filled_page(web_asset("graph.html"), {{"TITLE", html_escaped(page.title)},
                                               {"PAGE_CSS", std::string(web_asset("page.css"))},
                                               {"GRAPH_CSS", std::string(web_asset("graph.css"))},
                                               {"DAGRE", std::string(web_asset("dagre.min.js"))},
                                               {"DATA", script_safe(json_text(data))},
                                               {"GRAPH_JS", std::string(web_asset("graph.js"))}});
}

}  // namespace gradc
