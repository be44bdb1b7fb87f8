#include <filesystem>
#include <map>
#include <memory>
#include <sstream>

#include "compile/build.h"
#include "compile/kernel_code.h"
#include "frontend/training_choice.h"
#include "gradc/error.h"
#include "inspect/dot.h"
#include "inspect/graph_page.h"
#include "ir/text.h"
#include "step/kernel.h"
#include "step/plan.h"
#include "step/text.h"
#include "support/processors.h"
#include "tools/commands.h"
#include "tools/pass_view.h"

namespace gradc {
namespace {

struct Options {
  std::string model, after, format = "text", kernel, out, mode = "train";
  CommonOptions common;
  bool no_fuse = false;
  PassView view;

  /// Whether the format shows compiled kernels, and not a graph.
  bool shows_code() const { return format == "stmt" || format == "asm" || format == "llvm" || format == "html"; }
};

/// What comes after the last pass: the graph as a step's commands.
constexpr std::string_view kPlan = "plan";

std::string list_of_kernels(const StepPlan& plan) {
  constexpr std::size_t kMost = 40;
  std::string names;
  for (std::size_t k = 0; k < std::min(kMost, plan.kernels.size()); ++k) names += (k > 0 ? ", " : "") + plan.kernels[k].info.name;
  return names + (plan.kernels.size() > kMost ? fmt::format(" and {} more", plan.kernels.size() - kMost) : "");
}

/// Kernels of a plan that share their code, by their places in it.
std::vector<std::vector<std::size_t>> sharing_code(const StepPlan& plan) {
  std::map<std::string, std::size_t> groups;
  std::vector<std::vector<std::size_t>> result;
  for (std::size_t k = 0; k < plan.kernels.size(); ++k) {
    auto [group, added] = groups.try_emplace(plan.kernels[k].source.text(), result.size());
    if (added) result.emplace_back();
    result[group->second].push_back(k);
  }
  return result;
}

/// The code of one kernel, or of all, those that share their code together.
std::string kernels_text(const StepPlan& plan, const Options& options) {
  auto form = options.format == "asm" ? CodeForm::assembly : CodeForm::statement;
  std::string text;
  for (const auto& kernels : sharing_code(plan)) {
    std::string names;
    for (auto k : kernels)
      if (const auto& name = plan.kernels[k].info.name; options.kernel.empty() || name == options.kernel)
        names += (names.empty() ? "" : ", ") + name;
    if (names.empty()) continue;
    auto listings = kernel_listings(plan.kernels[kernels.front()].source, {form}, {.warn = warn});
    text += fmt::format("{} kernel {}\n{}\n", options.format == "asm" ? "#" : "//", names, listings.at(form));
  }
  if (text.empty()) throw Error("there is no kernel \"{}\"; the kernels are {}", options.kernel, list_of_kernels(plan));
  return text;
}

std::string driver_text(const StepPlan& plan) {
  std::vector<std::string> names;
  for (const auto& kernel : plan.kernels) names.push_back(kernel.info.name);
  return driver_ir(plan, names);
}

/// The page of --format html.
std::string page_text(const Options& options, std::vector<GraphSnapshot> passes, StepPlan plan) {
  GraphPage page{.title = fmt::format("{}, {}", std::filesystem::path(options.model).lexically_normal().string(), options.mode),
                 .batch = options.common.batch_size,
                 .passes = std::move(passes),
                 .plan = std::move(plan)};
  auto groups = sharing_code(page.plan);
  page.code.resize(groups.size());
  page.code_of_kernel.resize(page.plan.kernels.size());
  run_on_all_processors(groups.size(), [&](std::size_t i) {
    auto listings = kernel_listings(page.plan.kernels[groups[i].front()].source, {CodeForm::statement, CodeForm::assembly}, {.warn = warn});
    page.code[i] = {listings.at(CodeForm::statement), listings.at(CodeForm::assembly), static_cast<int>(groups[i].size())};
    for (auto k : groups[i]) page.code_of_kernel[k] = static_cast<int>(i);
  });
  return html(page);
}

std::string dump(const Options& options) {
  if (!options.kernel.empty() && options.format != "stmt" && options.format != "asm")
    throw Error("--kernel goes with --format stmt and asm, not with {}", options.format);
  auto file = read_model(options.model, options.common.input_shapes());
  const auto target = chosen_target();
  BuildOptions build_options{.mode = options.mode == "train"  ? Mode::train
                                     : options.mode == "eval" ? Mode::eval
                                                              : Mode::predict,
                             .fuse = !options.no_fuse,
                             .disable = options.common.disable,
                             .target = target,
                             .workload = {.batch = options.common.batch_size}};
  build_options.training = training_of(file);
  std::string names = "lower";
  std::vector<OptimizerState> states;
  const auto passes = build_passes(build_options, states);
  for (const auto& pass : passes) names += ", " + pass.name;
  names += ", " + std::string(kPlan);
  if (options.format == "dot" && options.after == kPlan) throw Error("--format dot draws a graph; --after plan is a list of commands");
  if (options.shows_code() && !options.after.empty() && options.after != passes.back().name && options.after != kPlan)
    throw Error("--format {} shows the compiled step; --after {} does not go with it", options.format, options.after);
  std::ostringstream shown;
  auto observer = options.view.observer(shown, {});
  Graph graph;
  bool found = false;
  std::vector<GraphSnapshot> snapshots;
  observer.after = [&, show = observer.after](const Pass& pass, const Graph& after, double seconds) {
    if (found) return;
    if (options.format == "html") snapshots.push_back({text_of(pass), pass.summary, after});
    show(pass, after, seconds);
    found = pass.name == options.after;
    if (found) graph = after;
  };
  naming(options.model, [&] {
    auto last = build(file.topology, build_options, observer);
    if (options.after.empty() || options.after == kPlan) graph = std::move(last.graph);
  });
  if (!found && !options.after.empty() && options.after != kPlan)
    throw Error("there is no pass \"{}\"; the passes are {}", options.after, names);
  if (options.view.shows_graphs()) return shown.str();
  if (options.format == "dot") return dot(graph);
  // With phases: what they are, as comments above the text.
  const bool partitioned = !graph.kernels.empty() && graph.kernels.front().phase >= 0;
  if (!partitioned) return print(graph);
  auto plan = make_plan(graph);
  if (options.after == kPlan && options.format == "text") return print(plan);
  if (options.format == "html") return page_text(options, std::move(snapshots), std::move(plan));
  if (options.format == "llvm") return driver_text(plan);
  if (options.shows_code()) return kernels_text(plan, options);
  return describe_phases(plan, options.common.batch_size) + print(graph);
}

}  // namespace

void add_dump(cli::Program& program) {
  auto options = std::make_shared<Options>();
  auto command = program.add_command("dump", "Print a model's graph after a pass, or its code");
  command.footer(
      "Examples:\n"
      "  gradc dump model.json --after differentiate\n"
      "  gradc dump model.json --after fuse --format dot | dot -Tsvg >fused.svg\n"
      "  gradc dump model.json --format html -o model.html\n"
      "  gradc dump model.json --format asm --kernel conv2d_1.conv");
  command.add_option("MODEL.json", options->model, "A model as tf.js or Keras writes it").required();
  options->common.add_input_shape(command);
  command
      .add_option(
          "--after", options->after,
          "The pass (lower, canonicalize, differentiate, update, fuse, ...), the last one if not given; or plan, the step as commands")
      .type_name("PASS");
  command
      .add_option("--format", options->format,
                  "text: what gradc parses again; dot: for Graphviz; of the compiled step, llvm: its driver as LLVM IR, stmt: its kernels\n"
                  "as Halide's lowered statements, asm: as assembly; html: a page with all of it, to look around in")
      .one_of({"text", "dot", "llvm", "stmt", "asm", "html"})
      .show_default();
  command.add_option("--kernel", options->kernel, "Only this kernel, for stmt and asm").type_name("NAME");
  command.add_option("--mode", options->mode, "Which step of the model: train, eval or predict")
      .one_of({"train", "eval", "predict"})
      .show_default();
  options->common.add_batch_size(command);
  command.add_flag("--no-fuse", options->no_fuse, "Each op as a kernel of its own");
  options->common.add_disable(command);
  options->view.add_options(command);
  command.add_option("-o", options->out, "Write to a file instead of standard output").type_name("FILE");
  command.callback([options] { write_result(options->out, dump(*options)); });
}

}  // namespace gradc
