#include "passes/pipeline.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>

#include "ir/verify.h"
#include "passes/commute_pool.h"
#include "passes/decompose.h"
#include "passes/differentiate.h"
#include "passes/factor_sums.h"
#include "passes/fuse.h"
#include "passes/layout.h"
#include "passes/partition.h"
#include "passes/recompute.h"
#include "passes/shard.h"
#include "passes/simplify.h"
#include "support/error.h"

namespace gradc {
namespace {

void simplify(Graph& graph) {
  fold_constants(graph);
  canonicalize(graph);
  eliminate_common_subexpressions(graph);
}

}  // namespace

std::span<const Pass> named_passes() {
  static const std::vector<Pass> table = {
      {"canonicalize", "algebraic identities, reshapes of reshapes, broadcasts that pointwise ops do themselves", canonicalize},
      {"fold", "compute pointwise ops of constants", fold_constants},
      {"cse", "let ops that compute the same share one result", eliminate_common_subexpressions},
      {"dce", "remove ops whose results nothing uses", eliminate_dead_code},
      {"simplify", "fold, canonicalize, cse, dce", simplify},
      {"commute_pool", "pool before bias and relu, which are monotone: a quarter of their work for 2x2", commute_pool, Pass::Graphs::ops},
      {"differentiate", "add the gradient of output \"loss\" for every trainable param", differentiate, Pass::Graphs::ops},
      {"decompose", "batch statistics as sums over the batch", decompose, Pass::Graphs::ops},
      {"factor_sums", "take factors out of sums over the batch where sums then become the same", factor_sums, Pass::Graphs::ops},
      {"layout", "choose whether images or features are the lanes of vectors", [](Graph& graph) { choose_layout(graph, {}); }},
      {"shard", "mask padding in sums over the batch, and reduce partial sums where they are needed whole", shard, Pass::Graphs::ops},
      {"fuse", "group ops into kernels", [](Graph& graph) { fuse(graph); }},
      {"no_fuse", "make each op a kernel of its own", [](Graph& graph) { fuse(graph, {.fuse = false}); }},
      {"recompute", "compute again in a kernel what another would have to write for it", recompute, Pass::Graphs::kernels},
      {"partition", "cut the step into phases, each a loop over tiles of the batch", [](Graph& graph) { partition(graph); },
       Pass::Graphs::kernels},
      {"kernel_by_kernel", "give each kernel a phase of its own", [](Graph& graph) { partition(graph, {.kernel_by_kernel = true}); },
       Pass::Graphs::kernels},
      {"trigger_crash", "abort, for tests of what happens then", [](Graph&) { std::abort(); }},
      {"trigger_invalid", "use a value before it is defined, for tests of the verifier",
       [](Graph& graph) { std::reverse(graph.ops.begin(), graph.ops.end()); }},
  };
  return table;
}

namespace {

const Pass& named(std::string_view name, std::span<const Pass> more = {}) {
  std::string known;
  for (auto passes : {named_passes(), more})
    for (const auto& pass : passes) {
      if (pass.name == name) return pass;
      known += (known.empty() ? "" : ", ") + pass.name;
    }
  throw Error("there is no pass \"{}\"; the passes are {}", name, known);
}

bool takes_machine(const Pass& pass) {
  return pass.name == "layout" || pass.name == "fuse" || pass.name == "partition" || pass.name == "kernel_by_kernel";
}

/// The pass with what it is told of the machine, if it asks.
Pass for_machine(Pass pass, const Machine& machine) {
  if (!takes_machine(pass)) return pass;
  pass.options = fmt::format("batch={},lanes={},l2={}", machine.batch, machine.lanes, machine.cache_bytes);
  if (machine.force_lanes) pass.options += *machine.force_lanes == Lanes::features ? ",force=features" : ",force=images";
  if (pass.name == "layout") pass.run = [machine](Graph& graph) { choose_layout(graph, machine); };
  if (pass.name == "fuse") pass.run = [machine](Graph& graph) { fuse(graph, {.machine = machine}); };
  if (pass.name == "partition") pass.run = [machine](Graph& graph) { partition(graph, {.machine = machine}); };
  if (pass.name == "kernel_by_kernel")
    pass.run = [machine](Graph& graph) { partition(graph, {.kernel_by_kernel = true, .machine = machine}); };
  return pass;
}

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

Machine parse_machine(const Pass& pass, std::string_view text) {
  if (!takes_machine(pass)) throw Error("pass {} takes no options, but has {{{}}}", pass.name, text);
  Machine machine;
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
      machine.batch = whole(1, std::int64_t{1} << 24);
    else if (name == "lanes")
      machine.lanes = static_cast<int>(whole(1, 64));
    else if (name == "l2")
      machine.cache_bytes = whole(1, std::int64_t{1} << 40);
    else if (name == "force" && (value == "images" || value == "features"))
      machine.force_lanes = value == "images" ? Lanes::batch : Lanes::features;
    else
      throw Error("pass {} has no option \"{}\"; it takes batch=N, lanes=N, l2=BYTES, force=images and force=features", pass.name, option);
  }
  return machine;
}

}  // namespace

std::string text_of(const Pass& pass) { return pass.options.empty() ? pass.name : pass.name + "{" + pass.options + "}"; }

std::vector<Pass> parse_passes(std::string_view text, std::span<const Pass> more) {
  std::vector<Pass> passes;
  for (const auto& part : split_at_commas(text)) {
    auto brace = part.find('{');
    const auto& pass = named(std::string_view(part).substr(0, brace), more);
    if (brace == std::string::npos) {
      passes.push_back(pass);
    } else {
      if (part.back() != '}') throw Error("pass {}: the options that begin with {{ do not end with }}", pass.name);
      passes.push_back(for_machine(pass, parse_machine(pass, std::string_view(part).substr(brace + 1, part.size() - brace - 2))));
    }
  }
  return passes;
}

std::vector<Pass> reference_pipeline(const PipelineOptions& options) {
  std::vector<Pass> passes = {named("canonicalize")};
  if (options.train) {
    passes.push_back(named("differentiate"));
    passes.push_back({"update", "add the optimizer's updates", options.update});
  }
  passes.push_back(named("simplify"));
  return passes;
}

std::vector<Pass> pipeline(const PipelineOptions& options) {
  auto passes = reference_pipeline(options);
  if (options.fuse) passes.insert(passes.begin() + 1, named("commute_pool"));
  for (const char* name : {"decompose", "factor_sums"}) passes.push_back(named(name));
  std::vector<const char*> names = {"layout", "shard", "no_fuse", "kernel_by_kernel"};
  if (options.fuse) names = {"layout", "shard", "fuse", "recompute", "partition"};
  for (const char* name : names) passes.push_back(for_machine(named(name), options.machine));
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
      pass.run(graph);
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
