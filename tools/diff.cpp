#include <algorithm>
#include <iostream>
#include <memory>
#include <span>

#include "backends/reference/step.h"
#include "bench/timed_step.h"
#include "compile/build.h"
#include "frontend/training_choice.h"
#include "gradc/error.h"
#include "inspect/value_diff.h"
#include "tools/commands.h"

namespace gradc {
namespace {

struct Options {
  CommonOptions common;
  std::string a, b, model;
  double tolerance = 1e-4;
};

/// One of the two runs: a model, and what runs it.
struct Side {
  std::string text, model;
  enum Kind { jit, reference, passes } kind = jit;
  bool fuse = true;
  std::string pass_list;
};

Side parse_side(const std::string& text) {
  if (text == "jit") return {text, "", Side::jit};
  if (text == "jit-no-fuse") return {text, "", Side::jit, false};
  if (text == "reference") return {text, "", Side::reference};
  if (text.starts_with("passes=")) return {text, "", Side::passes, true, text.substr(7)};
  return {text, text};
}

struct SideRun {
  Graph graph;                  ///< Plain ops, unless passes grouped them.
  NamedTensors inputs, params;  ///< Before the step.
  NamedTensors values;
};

NamedTensors interpret_all(const SideRun& run) {
  const auto& graph = run.graph;
  NamedTensors values, state = run.params;
  InterpreterOptions options{.single_precision = true};
  options.after_op = [&](const Op& op, const std::vector<const Tensor*>&, const std::vector<Tensor*>& results) {
    for (std::size_t i = 0; i < results.size(); ++i) values[graph.values[op.results[i]].name] = *results[i];
  };
  interpret(graph, run.inputs, state, options);
  return values;
}

/// The values of a graph of plain ops as the jit backend computes them: each is made an output, so that a kernel stores it.
NamedTensors jit_all(Graph graph, std::span<const Pass> to_kernels, const StepInput& input, Params& params, int threads) {
  struct Stored {
    std::string name, output;
    Type type;
  };
  std::vector<Stored> stored;
  Builder b(graph);
  for (std::size_t i = 0, count = graph.ops.size(); i < count; ++i) {
    auto results = graph.ops[i].results;
    auto kind = graph.ops[i].kind;
    if (kind == OpKind::input || kind == OpKind::param || kind == OpKind::constant) continue;
    for (auto value : results) {
      stored.push_back({graph.values[value].name, "value/" + graph.values[value].name, graph.type(value)});
      b.emit(OpKind::output, {value}, {{"name", stored.back().output}});
    }
  }
  run_passes(graph, to_kernels);
  auto step = compile_step(graph, params, {.run = {.threads = threads, .exact_threads = true}, .warn = warn});
  step->run(input);
  NamedTensors values;
  for (const auto& each : stored) {
    auto numbers = step->array(each.output);
    auto dims = each.type.dims;
    for (auto& dim : dims)
      if (dim == kBatch) dim = static_cast<std::int64_t>(input.rows.size());
    values[each.name] = {dims, {numbers.begin(), numbers.end()}};
  }
  return values;
}

SideRun run_side(const Side& side, const DataSet& batch, const Options& options) {
  auto run_options = options.common.run_options();
  auto model = Model::load(side.model, run_options, options.common.input_shapes());
  auto input = model.step_input(batch);
  StepOptions step_options{.run = {.threads = run_options.threads}};
  const auto target = chosen_target();
  BuildOptions build_options{.training = model.training(),
                             .fuse = side.fuse,
                             .disable = options.common.disable,
                             .target = target,
                             .workload = {.batch = batch.size()}};
  auto lowered = lower(model.topology(), lower_options(Mode::train, model.training()));
  std::vector<OptimizerState> states;
  std::vector<Pass> plain, to_kernels;
  for (const auto& pass : build_passes(build_options, states))
    (to_kernels.empty() && pass.name != "decompose" ? plain : to_kernels).push_back(pass);
  if (side.kind == Side::passes) {
    auto update = std::find_if(plain.begin(), plain.end(), [](const Pass& pass) { return pass.name == "update"; });
    const Pass with_optimizer = *update;
    plain = parse_passes(side.pass_list, {&with_optimizer, 1});
  }
  SideRun run{.graph = std::move(lowered.graph)};
  run_passes(run.graph, plain);
  Params params;
  for (const auto& weight : model.weights()) params.set(weight.name, weight.shape, weight.values);
  for (const auto& state : lowered.states) states.push_back({state.name, state.shape, 0});
  for (const auto& state : states) params.fill(state.name, state.shape, static_cast<float>(state.initial));
  run.inputs = interpreter_inputs(run.graph, input);
  run.params = interpreter_params(run.graph, params);
  run.values =
      side.kind == Side::jit ? jit_all(run.graph, to_kernels, input, params, std::max(1, run_options.threads)) : interpret_all(run);
  // A param, and what reshapes it, shows what it was before the step updated it.
  auto definers = run.graph.definers();
  for (const auto& op : run.graph.ops) {
    if (op.kind != OpKind::param && op.kind != OpKind::reshape) continue;
    const auto& source = run.graph.ops[definers[storage_of(run.graph, definers, op.result())]];
    if (source.kind != OpKind::param) continue;
    const auto& [type, name] = run.graph.values[op.result()];
    run.values[name] = {type.dims, run.params.at(source.attributes.text("name")).data};
  }
  return run;
}

/// Images and labels that the model takes.
DataSet data_for(const ModelFile& file, std::int64_t batch) {
  const auto training = training_of(file);
  const auto lowered = lower(file.topology, {.mode = Mode::train, .loss = training.loss, .outputs = training.outputs});
  const auto& outputs = lowered.outputs;
  const auto made = made_up_batch(file.topology, lowered.graph, outputs, batch);
  auto part = [&](const std::vector<float>& numbers, const std::vector<std::int64_t>& shape, const char* name) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(numbers.data());
    return DataSet::Part{.array = {.shape = shape, .bytes = {bytes, bytes + numbers.size() * sizeof(float)}, .count = batch, .name = name}};
  };
  std::vector<DataSet::Part> inputs, labels;
  for (std::size_t i = 0; i < made.inputs.size(); ++i) inputs.push_back(part(made.inputs[i], file.topology.inputs[i].shape, "images"));
  for (std::size_t i = 0; i < made.labels.size(); ++i) labels.push_back(part(made.labels[i], outputs[i].labels.image_dims(), "labels"));
  return DataSet::from(std::move(inputs), std::move(labels));
}

void run(const Options& options) {
  auto a = parse_side(options.a), b = parse_side(options.b);
  for (auto* side : {&a, &b}) {
    if (!side->model.empty()) continue;
    side->model = !options.model.empty() ? options.model : side == &a ? b.model : a.model;
    if (side->model.empty()) throw Error("{}: of which model? Name one with --model", side->text);
  }
  const bool random = options.common.x.empty() && options.common.data == "random";
  const auto file = read_model(a.model, options.common.input_shapes());
  auto data = random ? data_for(file, options.common.batch_size) : options.common.test_data(file.topology);
  auto batch = data.slice(0, options.common.batch_size);
  SideRun of_a, of_b;
  naming(a.model, [&] { of_a = run_side(a, batch, options); });
  naming(b.model, [&] { of_b = run_side(b, batch, options); });
  RoundingSizes sizes;
  auto diff = compare(of_a.graph, of_a.values, of_b.values, options.tolerance);
  if (!diff.beyond.empty()) {
    // Is it more than rounding?
    sizes = rounding_sizes(of_a.graph, of_a.inputs, of_a.params);
    diff = compare(of_a.graph, of_a.values, of_b.values, options.tolerance, sizes);
  }
  if (diff.compared == 0) throw Error("{} and {} have no value in common", a.text, b.text);
  std::cout << fmt::format("A is {}, B is {}; one step on {} image{}\n", a.text, b.text, batch.size(), batch.size() == 1 ? "" : "s");
  std::cout << fmt::format(
      "{} values compared{}\n", diff.compared,
      diff.unmatched.empty() ? "" : fmt::format(", {} in one of the two only or in other shapes", diff.unmatched.size()));
  if (diff.beyond.empty()) {
    std::cout << fmt::format("all agree within {:g}; most different is %{}, by {:.2g} of its size\n", options.tolerance, diff.largest.value,
                             diff.largest.relative);
    return;
  }
  std::cout << fmt::format("{} ops give values that differ by more than {:g}; the first is\n{}", diff.beyond.size(), options.tolerance,
                           describe(of_a.graph, diff.beyond.front(), of_a.values, of_b.values, options.tolerance, sizes));
  throw cli::Exit{1};
}

}  // namespace

void add_diff(cli::Program& program) {
  auto options = std::make_shared<Options>();
  options->common.batch_size = 16;
  auto command = program.add_command("diff", "Run one step in two ways, and tell the first value that differs");
  command.footer(
      "A and B are models (two checkpoints, say), or ways to run one: jit, jit-no-fuse, reference, or passes=LIST, which is run by the "
      "reference\n"
      "backend and takes what `gradc opt --passes` takes, and update. Exits with 1 if values differ beyond the tolerance.\n\n"
      "Examples:\n"
      "  gradc diff model.json reference\n"
      "  gradc diff trained/model.json other/model.json --tolerance 1e-6\n"
      "  gradc diff jit jit-no-fuse --model model.json\n"
      "  gradc diff passes=differentiate,update passes=canonicalize,differentiate,update,simplify --model model.json");
  command.add_option("A", options->a, "A model, or a way to run one").required();
  command.add_option("B", options->b, "Another").required();
  command.add_option("--model", options->model, "The model that is run, where A and B name none").type_name("MODEL.json");
  options->common.add_input_shape(command);
  options->common.add_data(command, "mnist, or a folder with IDX or .npy files, a .npz file, or random: numbers that fit the model");
  options->common.add_batch_size(command);
  options->common.add_disable(command);
  options->common.add_threads(command);
  command.add_option("--seed", options->common.seed, "Seed of initial weights and dropout").show_default();
  command
      .add_option("--tolerance", options->tolerance,
                  "Of a difference, relative to the size of a value: its largest number, or its terms' where they cancel")
      .range(0.0, 1e6)
      .show_default();
  command.callback([options] { run(*options); });
}

}  // namespace gradc
