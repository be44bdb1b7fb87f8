#include "fuzz/comparison.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "backends/reference/step.h"
#include "compile/build.h"
#include "compile/compile_step.h"
#include "frontend/losses.h"
#include "fuzz/batch.h"
#include "fuzz/rounding.h"
#include "gradc/error.h"
#include "ir/roles.h"
#include "ir/text.h"
#include "support/files.h"

namespace gradc::fuzz {
namespace {

/// Relative to an output's largest number, where neither cancellation nor steep functions make rounding larger.
constexpr double kTolerance = 2e-5;
/// How far inputs and weights are moved, relative to each: some dozen roundings of single precision.
constexpr double kMoved = 2e-6;
/// An output may differ by so many times what these moves change in it.
constexpr double kRounding = 16;
/// Runs of the reference with other moves, before a difference is one: what all images and features have in common is moved by one number,
/// which may be next to nothing.
constexpr int kMoreMoves = 5;
/// Draws of data until one has no near tie.
constexpr int kDraws = 12;
/// Floating-point operations of the reference that a step may cost. It runs three times.
constexpr std::int64_t kMostFlops = 30'000'000;

struct InitialWeight {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

/// What a case compiles to.
struct Program {
  Graph plain;    ///< What the reference runs.
  Graph kernels;  ///< What the jit runs.
  std::vector<InitialWeight> weights;
  LabelKind labels = LabelKind::values;
};

Program program_of_model(const Case& a_case) {
  TemporaryFolder folder;
  write_file(folder.path() / "model.json", a_case.text);
  auto file = read_model(folder.path() / "model.json");
  const auto& c = a_case.configuration;
  auto mode = c.mode == "predict" ? Mode::predict : c.mode == "evaluate" ? Mode::eval : Mode::train;
  BuildOptions options{.mode = mode,
                       .training = file.training.value_or(TrainingConfig()),
                       .fuse = c.fuse,
                       .disable = c.disable,
                       .workload = workload_of(c),
                       .update = c.mode == "train"};
  auto lowered = lower(file.topology, lower_options(mode, options.training));
  Program program{.plain = lowered.graph, .kernels = lowered.graph};
  program.kernels.target = target_of(c);
  std::vector<OptimizerState> states;
  auto passes = build_passes(options, states);
  run_passes(program.kernels, passes);
  std::erase_if(passes, [](const Pass& pass) { return pass.name != "differentiate" && pass.name != "update"; });
  run_passes(program.plain, passes);

  std::uint32_t stream = 0;
  for (const auto& weight : lowered.weights)
    program.weights.push_back({weight.name, weight.shape, weight.initializer.values(weight.shape, c.data, stream++)});
  for (const auto& state : lowered.states) states.push_back({state.name, state.shape, 0});
  for (const auto& state : states) {
    std::int64_t size = 1;
    for (auto dim : state.shape) size *= dim;
    program.weights.push_back(
        {state.name, state.shape, std::vector<float>(static_cast<std::size_t>(size), static_cast<float>(state.initial))});
  }
  if (const auto* loss = find_loss(options.training.loss.name); loss != nullptr && mode != Mode::predict) program.labels = loss->labels;
  return program;
}

Program program_of_graph(const Case& a_case) {
  auto graph = parse(a_case.text);
  const auto& c = a_case.configuration;
  Program program{.plain = graph, .kernels = graph};
  program.kernels.target = target_of(c);
  run_passes(program.kernels, pipeline({.train = false, .fuse = c.fuse, .disable = c.disable, .context = {.workload = workload_of(c)}}));
  Random random(c.data + 1);
  for (const auto& op : graph.ops) {
    if (op.kind != OpKind::param) continue;
    const auto& type = graph.type(op.result());
    std::vector<float> values(static_cast<std::size_t>(type.elements()));
    for (auto& v : values) v = static_cast<float>(random.uniform());
    program.weights.push_back({op.attributes.text("name"), type.dims, std::move(values)});
  }
  return program;
}

Program program_of(const Case& a_case) { return a_case.kind == Case::Kind::model ? program_of_model(a_case) : program_of_graph(a_case); }

/// The batch of a configuration, or fewer images where the reference would take long.
std::int64_t affordable_batch(const Graph& graph, std::int64_t batch) {
  std::int64_t flops = 1;
  for (const auto& op : graph.ops) flops += graph.flops(op);
  return std::clamp<std::int64_t>(kMostFlops / flops, 1, batch);
}

void set_weights(Params& params, const std::vector<InitialWeight>& weights) {
  for (const auto& weight : weights) params.set(weight.name, weight.shape, weight.values);
}

/// What a step makes: outputs as "name", and by how much it changes each weight that it updates as "change of name".
NamedTensors results_of(const NamedTensors& outputs, const NamedTensors& before, const NamedTensors& after) {
  auto results = outputs;
  for (const auto& [name, tensor] : after) {
    Tensor change = tensor;
    for (std::size_t i = 0; i < change.data.size(); ++i) change.data[i] -= before.at(name).data[i];
    results["change of " + name] = std::move(change);
  }
  return results;
}

struct ReferenceRun {
  NamedTensors results;
  bool finite = true;
};

using AfterOp = std::function<void(const Op&, const std::vector<const Tensor*>&, const std::vector<Tensor*>&)>;

ReferenceRun run_reference(const Graph& graph, const NamedTensors& inputs, const NamedTensors& params, bool single_precision,
                           const AfterOp& after_op) {
  ReferenceRun run;
  InterpreterOptions options{.single_precision = single_precision};
  options.after_op = [&](const Op& op, const std::vector<const Tensor*>& operands, const std::vector<Tensor*>& results) {
    after_op(op, operands, results);
    for (const auto* result : results)
      for (auto v : result->data) run.finite = run.finite && std::abs(v) < 1e15;
  };
  auto after = params;
  auto outputs = interpret(graph, inputs, after, options);
  run.results = results_of(outputs, params, after);
  return run;
}

NamedTensors moved(const NamedTensors& tensors, std::uint64_t seed) {
  auto result = tensors;
  Random random(seed);
  for (auto& [name, tensor] : result)
    for (auto& v : tensor.data) v *= 1 + kMoved * (random.coin() ? 1 : -1);
  return result;
}

/// The inputs with the model's data moved: labels may be classes, and the others count or index.
NamedTensors moved_data(const Graph& graph, const NamedTensors& inputs, std::uint64_t seed) {
  NamedTensors data;
  for (const auto& op : graph.ops)
    if (op.kind == OpKind::input && input_role(op) == InputRole::data) data.insert(*inputs.find(op.attributes.text("name")));
  auto result = moved(data, seed);
  result.insert(inputs.begin(), inputs.end());
  return result;
}

/// What the reference says of one step, and how far a result may be from it.
struct Expected {
  NamedTensors results;
  std::map<std::string, double> tolerances;
};

double largest(const Tensor& tensor) {
  double most = 0;
  for (auto v : tensor.data) most = std::max(most, std::abs(v));
  return most;
}

/// What the reference is given.
struct Given {
  NamedTensors inputs, params;

  /// The reference in single precision, its numbers moved by rounding.
  ReferenceRun moved_run(const Graph& graph, std::uint64_t seed, NearTies* ties) const {
    Random random(seed);
    return run_reference(graph, moved_data(graph, inputs, seed + 1), moved(params, seed + 2), true,
                         [&](const Op& op, const std::vector<const Tensor*>& operands, const std::vector<Tensor*>& results) {
                           if (ties != nullptr) ties->moved(op, operands);
                           move_by_rounding(graph, op, operands, results, random);
                         });
  }
};

/// Allows what a moved run shows of rounding.
void widen(Expected& expected, const ReferenceRun& moved, const Given& given) {
  for (const auto& [name, tensor] : expected.results) {
    double rounding = 0;
    const auto& other = moved.results.at(name).data;
    for (std::size_t i = 0; i < tensor.data.size(); ++i) rounding = std::max(rounding, std::abs(tensor.data[i] - other[i]));
    auto tolerance = std::max(kTolerance * largest(tensor), kRounding * rounding) + 1e-30;
    // A weight is rounded when it is stored.
    if (constexpr std::string_view prefix = "change of "; name.starts_with(prefix))
      tolerance += 1.2e-7 * largest(given.params.at(name.substr(prefix.size()))) + 1e-37;
    expected.tolerances[name] = std::max(expected.tolerances[name], tolerance);
  }
}

/// Nothing where there are near ties, or numbers that are not finite.
std::optional<Expected> expected_of(const Graph& graph, const Given& given) {
  NearTies ties(graph);
  auto exact = run_reference(
      graph, given.inputs, given.params, false,
      [&](const Op& op, const std::vector<const Tensor*>& operands, const std::vector<Tensor*>&) { ties.exact(op, operands); });
  if (!exact.finite) return {};
  auto close = given.moved_run(graph, 3, &ties);
  if (!close.finite || ties.any()) return {};
  Expected expected{std::move(exact.results), {}};
  widen(expected, close, given);
  return expected;
}

/// The outputs of a step and the weights after it.
struct JitRun {
  std::map<std::string, std::vector<float>> outputs, params;

  bool operator==(const JitRun& other) const { return same(outputs, other.outputs) && same(params, other.params); }

 private:
  static bool same(const std::map<std::string, std::vector<float>>& a, const std::map<std::string, std::vector<float>>& b) {
    for (const auto& [name, values] : a)
      if (std::memcmp(values.data(), b.at(name).data(), values.size() * sizeof(float)) != 0) return false;
    return true;
  }
};

JitRun run_jit(Step& step, const Program& program, const Params& params, const StepInput& input) {
  step.run(input);
  JitRun run;
  for (const auto& op : program.plain.ops)
    if (op.kind == OpKind::output) run.outputs[op.attributes.text("name")] = step.array(op.attributes.text("name"));
  for (const auto& weight : program.weights) run.params[weight.name] = params.at(weight.name).values();
  return run;
}

NamedTensors tensors_of(const std::map<std::string, std::vector<float>>& arrays) {
  NamedTensors tensors;
  for (const auto& [name, values] : arrays) tensors[name] = {{}, {values.begin(), values.end()}};
  return tensors;
}

/// A line for every result that is too far from what is expected.
std::string differences(const Expected& expected, const NamedTensors& got) {
  std::string text;
  for (const auto& [name, tensor] : expected.results) {
    const auto& values = got.at(name).data;
    if (values.size() != tensor.data.size()) {
      text += fmt::format("{}: {} numbers, the reference has {}\n", name, values.size(), tensor.data.size());
      continue;
    }
    auto tolerance = expected.tolerances.at(name);
    std::size_t worst = 0, beyond = 0;
    double most = -1;
    for (std::size_t i = 0; i < values.size(); ++i) {
      auto error = std::abs(values[i] - tensor.data[i]);
      if (!std::isfinite(error)) error = std::numeric_limits<double>::infinity();
      beyond += error > tolerance;
      if (error > most) most = error, worst = i;
    }
    if (beyond > 0)
      text += fmt::format("{}: {} of {} numbers differ by more than {:.2g}, most that at {}: {:.9g}, the reference {:.9g}\n", name, beyond,
                          values.size(), tolerance, worst, values[worst], tensor.data[worst]);
  }
  return text;
}

/// Runs the step on images that are all one number, which then lies wherever the step keeps anything.
void fill_memory(Step& step, const Program& program, Params& params, Batch batch, float value) {
  batch.fill_images(value);
  step.run(batch.input());
  set_weights(params, program.weights);
}

std::string compare_runs(const Case& a_case, const Program& program, Batch batch, Given given, std::optional<Expected> expected) {
  const auto& c = a_case.configuration;
  const auto guards = c.guards == "behind" ? Guards::behind : c.guards == "before" ? Guards::before : Guards::none;
  StepOptions options{.run = {.threads = c.threads, .exact_threads = true, .guards = guards}, .candidate = c.candidate};
  auto make_params = [&] { return guards == Guards::none ? Params() : Params(std::make_unique<GuardedMemory>(guards)); };
  auto params = make_params();
  set_weights(params, program.weights);
  auto step = compile_step(program.kernels, params, options);
  if (c.memory != "zeros") fill_memory(*step, program, params, batch, c.memory == "nan" ? NAN : 1e30f);
  auto other_params = make_params();
  std::unique_ptr<Step> other_step;
  if (c.other_threads != c.threads) {
    options.run.threads = c.other_threads;
    set_weights(other_params, program.weights);
    other_step = compile_step(program.kernels, other_params, options);
  }
  for (int i = 0; i < c.steps; ++i) {
    if (i > 0) {
      // The reference goes on from the jit's weights, so that rounding does not add up.
      batch = Batch(program.plain, batch.images(), program.labels, c.numbers, c.data + 500);
      given = {interpreter_inputs(program.plain, batch.input()), interpreter_params(program.plain, params)};
      expected = expected_of(program.plain, given);
      if (!expected) return "";
    }
    auto before = tensors_of([&] {
      std::map<std::string, std::vector<float>> values;
      for (const auto& weight : program.weights) values[weight.name] = params.at(weight.name).values();
      return values;
    }());
    auto run = run_jit(*step, program, params, batch.input());
    const auto results = results_of(tensors_of(run.outputs), before, tensors_of(run.params));
    auto text = differences(*expected, results);
    for (int more = 0; more < kMoreMoves && !text.empty(); ++more) {
      widen(*expected, given.moved_run(program.plain, 10u * static_cast<unsigned>(more + 1), nullptr), given);
      text = differences(*expected, results);
    }
    if (!text.empty()) return i == 0 ? text : fmt::format("in step {}:\n{}", i + 1, text);
    if (other_step && !(run == run_jit(*other_step, program, other_params, batch.input())))
      return fmt::format("{} threads give other bits than {}\n", c.other_threads, c.threads);
  }
  return "";
}

}  // namespace

const char* name_of(Verdict::Kind kind) {
  switch (kind) {
    case Verdict::Kind::agrees: return "agrees";
    case Verdict::Kind::undecided: return "undecided";
    case Verdict::Kind::differs: return "differs";
    case Verdict::Kind::refused: return "refused";
    case Verdict::Kind::failed: return "failed";
    case Verdict::Kind::crashed: return "crashed";
    case Verdict::Kind::hung: return "hung";
  }
  return "";
}

Verdict compare(const Case& a_case) {
  try {
    auto program = program_of(a_case);
    const auto& c = a_case.configuration;
    auto images = affordable_batch(program.plain, c.batch);
    Params params;
    set_weights(params, program.weights);
    for (int draw = 0; draw < kDraws; ++draw) {
      // Fewer images have fewer near ties.
      auto fewer = std::max<std::int64_t>(images >> (draw / 3), 1);
      Batch batch(program.plain, fewer, program.labels, c.numbers, c.data + 1000u * static_cast<unsigned>(draw));
      Given given{interpreter_inputs(program.plain, batch.input()), interpreter_params(program.plain, params)};
      auto expected = expected_of(program.plain, given);
      if (!expected) continue;
      auto text = compare_runs(a_case, program, std::move(batch), std::move(given), std::move(expected));
      return text.empty() ? Verdict{} : Verdict{Verdict::Kind::differs, text};
    }
    return {Verdict::Kind::undecided, "near ties, or numbers that are not finite"};
  } catch (const Error& error) {
    return {Verdict::Kind::refused, error.what()};
  } catch (const std::exception& error) {
    return {Verdict::Kind::failed, error.what()};
  }
}

}  // namespace gradc::fuzz
