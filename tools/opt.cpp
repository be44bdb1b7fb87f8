#include <iostream>
#include <memory>
#include <sstream>

#include "frontend/layers/layers.h"
#include "frontend/losses.h"
#include "frontend/metrics.h"
#include "ir/text.h"
#include "passes/pipeline.h"
#include "tools/commands.h"
#include "tools/pass_view.h"

namespace gradc {

namespace {

/// The table of docs/ir.md.
void list_ops(std::ostream& out) {
  out << "| op | operands | attributes | result |\n| --- | --- | --- | --- |\n";
  for (auto kind : all_ops()) {
    const auto& op = definition(kind);
    std::string operands, attributes;
    for (const auto& name : op.operands) operands += (operands.empty() ? "" : ", ") + name;
    for (const auto& spec : op.attributes)
      attributes += (attributes.empty() ? "`" : ", `") + spec.name + "`" + (spec.optional ? " or none" : "");
    out << fmt::format("| `{}` | {} | {} | {}{}{} |\n", op.name, operands, attributes, is_pointwise(kind) ? "`" : "", op.summary,
                       is_pointwise(kind) ? "`" : "");
  }
}

/// The table of docs/targets.md.
void list_targets(std::ostream& out) {
  out << "| target | code | lanes | registers | FMA a cycle, latency | loads a cycle | L1 | L2 | bytes a cycle from L2, from beyond | "
         "numbers of "
         "|\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
  for (const auto& preset : target_presets()) {
    const auto& t = preset.target;
    out << fmt::format("| `{}` | `{}` | {} | {} | {}, {} | {} | {} kB | {} kB | {}, {} | {} |\n", preset.name, t.code, t.lanes, t.registers,
                       t.fma_per_cycle, t.fma_latency, t.loads_per_cycle, t.l1 >> 10, t.l2 >> 10, t.l2_bandwidth, t.memory_bandwidth,
                       preset.source);
  }
}

}  // namespace

void add_opt(cli::Program& program) {
  struct Options {
    std::string file = "-", passes, target, out;
    bool list_passes = false, list_ops = false, list_layers = false, list_losses = false, list_metrics = false, list_targets = false;
    bool verify_each = true;
    PassView view;
  };
  auto options = std::make_shared<Options>();
  auto command = program.add_command("opt", "Run passes alone on a graph's text");
  command.footer(
      "Passes choose for the target that the graph's text states, or that --target does: a preset (avx512, avx2, sse4, neoverse, apple_m,\n"
      "wasm_simd) or a Halide target string, and numbers that differ (avx2,l2=1M). Those that choose by the batch take options:\n"
      "layout{batch=1}, also with force=images or force=features; fuse, partition, no_fuse and kernel_by_kernel take the same.\n\n"
      "Example:\n  gradc opt graph.ir --passes canonicalize,differentiate --print-changed");
  command.add_option("FILE.ir", options->file, "A graph as `gradc dump` prints it; - is standard input").show_default();
  command.add_option("--passes", options->passes, "Names of passes, with commas between them").type_name("A,B,C");
  command.add_option("--target", options->target, "Choose for this target instead of the one that the graph states").type_name("TARGET");
  command.add_flag("--list-passes", options->list_passes, "Print the passes, with a sentence each");
  command.add_flag("--list-ops", options->list_ops, "Print the ops as the table of docs/ir.md");
  command.add_flag("--list-layers", options->list_layers, "Print the layers with their options, as in docs/layers.md");
  command.add_flag("--list-losses", options->list_losses, "Print the losses with their options, as in docs/training.md");
  command.add_flag("--list-metrics", options->list_metrics, "Print the metrics with their options, as in docs/training.md");
  command.add_flag("--list-targets", options->list_targets, "Print the targets that have names, as in docs/targets.md");
  options->view.add_options(command);
  command.add_flag("--verify-each,!--no-verify-each", options->verify_each, "Verify the graph after each pass, as is done anyway");
  command.add_option("-o", options->out, "Write to a file instead of standard output").type_name("FILE");
  command.callback([options] {
    if (options->list_ops) return list_ops(std::cout);
    if (options->list_targets) return list_targets(std::cout);
    for (auto [asked, list] : {std::pair(options->list_layers, &list_layers), std::pair(options->list_losses, &list_losses),
                               std::pair(options->list_metrics, &list_metrics)})
      if (asked) {
        std::cout << list();
        return;
      }
    if (options->list_passes) {
      for (const auto& pass : named_passes()) std::cout << fmt::format("{:<16} {}\n", pass.name, pass.summary);
      return;
    }
    std::vector<Pass> passes;
    if (!options->passes.empty()) passes = parse_passes(options->passes);
    auto graph = parse(read_text(options->file), options->file);
    if (!options->target.empty()) naming("--target", [&] { graph.target = parse_target(options->target); });
    std::ostringstream out;
    auto observer = options->view.observer(out, graph);
    observer.verify = options->verify_each;
    run_passes(graph, passes, observer);
    if (!options->view.shows_graphs()) out << print(graph);
    write_result(options->out, out.str());
  });
}

}  // namespace gradc
