#include "passes/pass_manager.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include <fmt/format.h>

#include "gradc/error.h"
#include "ir/verify.h"
#include "passes/pipeline.h"

namespace gradc {

std::string text_of(const Pass& pass) {
  if (pass.asks != Pass::Asks::workload || !pass.context.workload) return pass.name;
  const auto& workload = *pass.context.workload;
  auto text = fmt::format("{}{{batch={}", pass.name, workload.batch);
  if (workload.force_lanes) text += *workload.force_lanes == Lanes::features ? ",force=features" : ",force=images";
  if (workload.force_images > 0) text += fmt::format(",images={}", workload.force_images);
  return text + "}";
}

const Pass& pass_named(std::string_view name, std::span<const Pass> passes, std::span<const Pass> more) {
  std::string known;
  for (auto list : {passes, more})
    for (const auto& pass : list) {
      if (pass.name == name) return pass;
      known += (known.empty() ? "" : ", ") + pass.name;
    }
  throw Error("there is no pass \"{}\"; the passes are {}", name, known);
}

namespace {

/// The parts of a text between commas that stand outside of braces.
std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (char c : text) {
    depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    if (c == ',' && depth == 0)
      parts.emplace_back();
    else if (c != ' ')
      parts.back() += c;
  }
  return parts;
}

Workload parse_workload(const Pass& pass, std::string_view text) {
  if (pass.asks != Pass::Asks::workload) throw Error("pass {} takes no options, but has {{{}}}", pass.name, text);
  Workload workload;
  for (const auto& option : split_at_commas(text)) {
    auto equals = std::min(option.find('='), option.size());
    auto name = option.substr(0, equals), value = option.substr(std::min(equals + 1, option.size()));
    auto whole = [&](std::int64_t least, std::int64_t most) {
      std::int64_t number = 0;
      auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (error != std::errc() || end != value.data() + value.size() || number < least || number > most)
        throw Error("pass {}: option {} is \"{}\", not a whole number from {} to {}", pass.name, name, value, least, most);
      return number;
    };
    if (name == "batch")
      workload.batch = whole(1, std::int64_t{1} << 24);
    else if (name == "force" && (value == "images" || value == "features"))
      workload.force_lanes = value == "images" ? Lanes::batch : Lanes::features;
    else if (name == "images")
      workload.force_images = whole(1, std::int64_t{1} << 24);
    else
      throw Error("pass {} has no option \"{}\"; it takes batch=N, force=images, force=features and images=N", pass.name, option);
  }
  return workload;
}

}  // namespace

std::vector<Pass> parse_passes(std::string_view text, std::span<const Pass> more) {
  std::vector<Pass> passes;
  for (const auto& part : split_at_commas(text)) {
    auto brace = part.find('{');
    auto& pass = passes.emplace_back(pass_named(std::string_view(part).substr(0, brace), named_passes(), more));
    if (brace == std::string::npos) continue;
    if (part.back() != '}') throw Error("pass {}: the options that begin with {{ do not end with }}", pass.name);
    pass.context.workload = parse_workload(pass, std::string_view(part).substr(brace + 1, part.size() - brace - 2));
  }
  return passes;
}

PassFailure::PassFailure(const std::string& what, Graph before, const Pass& pass)
    : InternalError(what), before_(std::move(before)), pass_(pass) {}

namespace {
thread_local PassInFlight in_flight;
}

const PassInFlight& pass_in_flight() { return in_flight; }

namespace {

void expect_works_on(const Pass& pass, const Graph& graph) {
  for (const auto& op : graph.ops) {
    if (pass.works_on == Pass::Graphs::ops && op.kernel >= 0)
      throw Error("pass {} works on plain ops, but those of graph @{} are grouped into kernels; run it before fuse", pass.name, graph.name);
    if (pass.works_on == Pass::Graphs::kernels && op.kernel < 0 && !is_boundary(op.kind) && op.kind != OpKind::constant)
      throw Error("pass {} works on kernels, but {} of graph @{} is in none; run fuse or no_fuse before it", pass.name, name_of(op.kind),
                  graph.name);
  }
}

}  // namespace

void run_passes(Graph& graph, std::span<const Pass> passes, const PassObserver& observer) {
  for (const auto& pass : passes) {
    expect_works_on(pass, graph);
    Graph before = graph;
    auto start = std::chrono::steady_clock::now();
    in_flight = {&before, &pass};
    try {
      pass.run(graph, pass.context);
    } catch (const InternalError& error) {
      in_flight = {};
      throw PassFailure("in pass " + pass.name + ": " + error.what(), std::move(before), pass);
    } catch (...) {
      in_flight = {};
      throw;
    }
    in_flight = {};
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (observer.verify) try {
        verify(graph);
      } catch (const InternalError& error) {
        throw PassFailure("after pass " + pass.name + ": " + error.what(), std::move(before), pass);
      }
    if (observer.after) observer.after(pass, graph, took.count());
  }
}

}  // namespace gradc
