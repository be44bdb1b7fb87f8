#include "compile/compile_step.h"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>

#include <unistd.h>

#include "backends/llvm/driver.h"
#include "backends/reference/step.h"
#include "compile/kernel_code.h"
#include "gradc/error.h"
#include "ir/roles.h"

namespace gradc {
namespace {

/// Expects inputs that StepInput can fill: one of each role and number.
void expect_fillable_inputs(const Graph& graph) {
  std::map<std::pair<InputRole, std::int64_t>, std::string> seen;
  for (const auto& op : graph.ops) {
    if (op.kind != OpKind::input) continue;
    const auto& name = op.attributes.text("name");
    const auto [other, is_new] = seen.emplace(std::pair(input_role(op), input_number(op)), name);
    const bool several = may_be_several(input_role(op));
    if (!is_new)
      throw Error("graph @{}: inputs \"{}\" and \"{}\" both have the role {}, of which a step takes one{}", graph.name, other->second, name,
                  name_of(input_role(op)), several ? " of each number" : "");
    if (!several && input_number(op) > 0)
      throw Error("graph @{}: input \"{}\" has the number {}, but a step takes one of role {}", graph.name, name, input_number(op),
                  name_of(input_role(op)));
    if (input_role(op) == InputRole::data && !graph.type(op.result()).batched())
      throw Error("graph @{}: input \"{}\" of role data is {}, which has no batch", graph.name, name, to_string(graph.type(op.result())));
  }
}

/// Names the code of kernels after them instead of after what it is made from; kernels with the same code after the first of them.
void name_after_kernels(KernelCode& code, const StepPlan& plan) {
  std::map<std::string, std::pair<std::string, int>> names;
  for (std::size_t k = 0; k < code.symbols.size(); ++k) {
    auto& [name, kernels] = names[code.symbols[k]];
    if (++kernels == 1) name = plan.kernels[k].info.name;
  }
  for (auto& [symbol, name] : names)
    if (name.second > 1) name.first += fmt::format("+{}", name.second - 1);
  for (auto& symbol : code.symbols) symbol = names[symbol].first;
  for (auto& object : code.objects) object = renamed(object, names[object.symbol].first);
}

/// Appends the kernels' names to the map that `perf report` reads.
void write_perf_map(const LinkedStep& linked, const KernelCode& code) {
  auto path = fmt::format("/tmp/perf-{}.map", getpid());
  std::ofstream map(path, std::ios::app);
  for (const auto& range : linked.code(code.objects)) map << fmt::format("{:x} {:x} {}\n", range.address, range.bytes, range.symbol);
  if (!map.flush()) throw Error("{}: cannot be written", path);
}

StepCode link(const StepPlan& plan, KernelCode code, const StepOptions& options) {
  if (options.perf_map || options.debugger) name_after_kernels(code, plan);
  auto linked = std::make_shared<const LinkedStep>(
      plan, code.symbols, code.objects,
      LinkOptions{.separate_kernels = options.separate_kernels, .events = options.run.trace, .debugger = options.debugger});
  if (options.perf_map) write_perf_map(*linked, code);
  return {linked->function(), linked->kernel(), linked};
}

StepCode compile_and_link(StepPlan& plan, const StepOptions& options, CompileReport& report) try {
  return link(plan, compile_kernels(plan, options, report), options);
} catch (const InternalError& error) {
  // An entry of the cache may be whole and yet no code of ours.
  if (report.from_cache == 0) throw;
  if (options.warn) options.warn(fmt::format("kernel cache: what it has cannot be linked; compiling it again ({})", error.what()));
  return link(plan, compile_kernels(plan, options, report, true), options);
}

}  // namespace

Target chosen_target() {
  const char* text = std::getenv("GRADC_TARGET");
  try {
    return read_target(text == nullptr ? "" : text);
  } catch (const Error& error) {
    throw Error("GRADC_TARGET: {}", error.what());
  }
}

std::unique_ptr<Step> compile_step(const Graph& graph, Params& params, const StepOptions& options, CompileReport* report) {
  expect_fillable_inputs(graph);
  if (options.backend == Backend::reference) return make_reference_step(graph, params);
  const auto start = std::chrono::steady_clock::now();
  expect_runs_here(graph.target_or_default());
  CompileReport own;
  auto& told = report != nullptr ? *report : own;
  auto plan = make_plan(graph, options.run.guards);
  auto code = compile_and_link(plan, options, told);
  told.flops_per_image = plan.flops_per_image();
  told.target = plan.target.code;
  auto step = make_compiled_step(std::move(plan), std::move(code), params, options.run);
  told.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return step;
}

}  // namespace gradc
