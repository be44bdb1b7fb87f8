#include "gradc/model.h"

#include <cmath>
#include <mutex>
#include <set>
#include <span>

#include <fmt/ranges.h>

#include "backends/reference/numerics.h"
#include "backends/reference/step.h"
#include "compile/build.h"
#include "frontend/losses.h"
#include "frontend/names.h"
#include "frontend/problems.h"
#include "frontend/schedules.h"
#include "frontend/topology.h"
#include "frontend/training_choice.h"
#include "frontend/training_json.h"
#include "gradc/error.h"
#include "model/batch_rows.h"
#include "model/callbacks.h"
#include "model/metric_sums.h"
#include "model/steps.h"
#include "model/weights.h"
#include "runtime/step.h"
#include "support/finite.h"
#include "support/processors.h"
#include "support/random.h"
#include "support/turn.h"

namespace gradc {
namespace {

/// Throws gradc::Error for an option out of range.
void check_options(const RunOptions& options) {
  if (options.threads < 0 || options.threads > kMostThreads)
    throw Error("threads {}: must be from 0, which is one for each processor, to {}", options.threads, kMostThreads);
}

/// Images at a time where nothing else is asked for.
constexpr std::int64_t kImages = 256;

void check_batch_size(std::int64_t batch_size) {
  if (batch_size < 1) throw Error("batch size {}: must be at least 1", batch_size);
}

void expect_images(const DataSet& data) {
  if (data.size() == 0) throw Error("{}: there are no images among these rows", data.images().name);
}

}  // namespace

struct Model::Implementation {
  /// Held by calls that train or compile, from their begin to their end; a callback of `fit` may train, too.
  std::recursive_mutex training_call;
  /// Held while a step runs, or anything below is read or changed. It is taken after training_call.
  Turn turn;
  Topology topology;
  TrainingConfig training;
  RunOptions run;
  std::vector<WeightValues> given;  ///< From a file, until the params are made.
  bool has_weights_of_file = false;
  Params params;
  std::vector<WeightSpec> specs;
  std::vector<StateSpec> states;                      ///< Of stateful layers; in params, too.
  std::vector<std::span<const float>> weight_values;  ///< Where the weights of specs lie in params.
  std::int64_t weight_numbers = 0;                    ///< In all of them.
  bool built = false;                                 ///< Whether params has the weights.
  bool new_optimizer = true;                          ///< Its state starts anew with the next training step.
  ModelSteps steps;
  std::map<SampleWeights, Graph> train_graphs;  ///< The training step in plain ops, for --check-numerics.
  std::int64_t steps_done = 0, epochs_done = 0;
  std::atomic<bool> stop{false};     ///< Whether the `fit` that goes on was asked to stop.
  std::int64_t flops_per_image = 0;  ///< A training step's.
  std::string cannot_train;          ///< Why a file that can predict cannot be trained or evaluated; empty if it can.

  std::vector<std::string> input_names, output_names;  ///< The topology's.
  std::vector<std::optional<NumberedTable>> tables;    ///< For each input, once they are known.

  explicit Implementation(Topology t)
      : topology(std::move(t)), input_names(gradc::input_names(topology)), output_names(gradc::output_names(topology)) {}

  BuildOptions build_options(StepKind kind, std::int64_t batch) const {
    const bool kernels = run.backend == Backend::jit;
    std::optional<Target> target;
    if (kernels) target = chosen_target();
    return {.mode = mode_of(kind),
            .training = training,
            .fuse = run.fuse,
            .disable = run.disable,
            .target = std::move(target),
            .workload = {.batch = batch},
            .update = kind != StepKind::gradients,
            .kernels = kernels};
  }

  const Lowered& lowered(Mode mode, const SampleWeights& weights = {}) {
    if (mode != Mode::predict) expect_trainable();
    return steps.lowered(mode, topology, training, weights);
  }

  /// For what is the same in all modes: weights and the shapes of outputs.
  const Lowered& any_lowered() {
    const auto* train = steps.known(Mode::train);
    return train != nullptr ? *train : lowered(Mode::predict);
  }

  void ensure_params() {
    if (built) return;
    specs = any_lowered().weights;
    states = any_lowered().states;
    reset_states();
    initialize(params, specs, run.seed);
    weight_values.clear();
    weight_numbers = 0;
    for (const auto& spec : specs) {
      const auto& array = params.at(spec.name);
      weight_values.emplace_back(array.data, static_cast<std::size_t>(array.size));
      weight_numbers += array.size;
    }
    if (!given.empty()) gradc::set_weights(params, specs, given, true);
    given.clear();
    built = true;
  }

  void reset_states() {
    for (const auto& state : states) params.fill(state.name, state.shape, 0);
  }

  /// The size of batches that evaluate and predict, unless another is asked for. Throws gradc::Error if the model cannot have it.
  std::int64_t batch_size_for(const DataSet& data, std::optional<std::int64_t> asked) {
    const auto& states = any_lowered().states;
    const auto batch_size = asked.value_or(states.empty() ? kImages : states.front().shape[0]);
    expect_batches(data, batch_size);
    return batch_size;
  }
  /// Throws gradc::Error if these batches are not those that stateful layers have states for.
  void expect_batches(const DataSet& data, std::int64_t batch_size) {
    check_batch_size(batch_size);
    const auto& states = any_lowered().states;
    if (states.empty()) return;
    const auto own = states.front().shape[0];
    if (batch_size != own)
      throw Error(
          "batches of {} images, but the model's inputs state batches of {}, for which its stateful layers keep states; use batch size {}",
          batch_size, own, own);
    if (data.size() % own != 0)
      throw Error("{}: {} images are not whole batches of {}, for which the model's stateful layers keep states; leave out {}, or add {}",
                  data.images().name, data.size(), own, data.size() % own, own - data.size() % own);
  }

  void make_states(const std::vector<OptimizerState>& states) {
    for (const auto& state : states)
      if (new_optimizer || !params.has(state.name)) params.fill(state.name, state.shape, static_cast<float>(state.initial));
    if (!states.empty()) new_optimizer = false;
  }

  StepOptions step_options() const {
    return {.backend = run.backend, .run = {.threads = threads_or_all(run.threads), .pin = run.pin}, .warn = run.warn};
  }

  void expect_trainable() const {
    if (!cannot_train.empty()) throw Error("{}", cannot_train);
  }

  /// The step for batches of about this size, compiled when it is first needed.
  CompiledModelStep& step(StepKind kind, std::int64_t batch, const SampleWeights& weights = {}) {
    auto* found = steps.find(kind, batch, weights);
    if (found == nullptr) {
      const auto& from = lowered(mode_of(kind), weights);
      ensure_params();
      found = &steps.add(kind, weights, from, build_options(kind, batch),
                         [&](const Graph& graph, const std::vector<OptimizerState>& states, CompileReport& report) {
                           make_states(states);
                           return compile_step(graph, params, step_options(), &report);
                         });
    }
    if (kind == StepKind::train) flops_per_image = found->report.flops_per_image;
    return *found;
  }

  /// The training step in plain ops.
  const Graph& plain_training(const SampleWeights& weights) {
    auto [found, is_new] = train_graphs.try_emplace(weights);
    if (is_new) {
      std::vector<OptimizerState> states;
      found->second = lowered(Mode::train, weights).graph;
      build_lowered(found->second, states, {.mode = Mode::train, .training = training, .kernels = false});
    }
    return found->second;
  }

  std::vector<Rows> inputs_of(const DataSet& data) {
    const auto parts = parts_for(data.inputs(), input_names, "inputs");
    if (tables.empty()) tables = numbered_tables(any_lowered().graph);
    std::vector<Rows> rows;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      rows.push_back(image_rows(parts[i]->array, topology.inputs[i].shape));
      if (!tables[i]) continue;
      expect_rows(data, *parts[i], *tables[i]);
      rows.back().scale = 1;  // Bytes number rows as well.
    }
    return rows;
  }

  std::vector<Rows> labels_of(const DataSet& data) {
    if (data.labels().empty()) throw Error("{}: has no labels", data.images().name);
    const auto& labelled = lowered(Mode::train).outputs;
    const auto parts = parts_for(data.labels(), output_names, "outputs");
    std::vector<Rows> rows;
    for (std::size_t i = 0; i < parts.size(); ++i)
      rows.push_back(label_rows(data, *parts[i], labelled[i].predictions, labelled[i].labels, labelled[i].loss));
    return rows;
  }

  /// The shapes of the weights that the data have.
  SampleWeights weights_of(const DataSet& data) const {
    SampleWeights shapes;
    const auto parts = weights_for(data.weights(), output_names);
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (parts[i] != nullptr) shapes[output_names[i]] = parts[i]->array.shape;
    return shapes;
  }

  std::vector<Rows> weight_rows_of(const DataSet& data) const {
    std::vector<Rows> rows;
    for (const auto* part : weights_for(data.weights(), output_names))
      if (part != nullptr) rows.push_back(weight_rows(*part));
    return rows;
  }

  /// What a step reads of these data. Throws gradc::Error if they are not what the model can be trained or evaluated on.
  StepInput checked(const DataSet& data) {
    expect_images(data);
    StepInput input{data.rows(), inputs_of(data), labels_of(data), step_key(run.seed, static_cast<std::uint64_t>(steps_done)),
                    weight_rows_of(data)};
    expect_finite(data);
    return input;
  }

  /// Returns the size of the batches.
  std::int64_t check_data(const DataSet& data, std::optional<std::int64_t> batch_size = {}) {
    std::lock_guard lock(turn);
    checked(data);
    lowered(Mode::train, weights_of(data));  // Weights fit the losses.
    return batch_size_for(data, batch_size);
  }

  /// Throws gradc::Error if every step would leave the model as useless as it was.
  void expect_learns() const {
    if (auto why = cannot_learn(topology, training); !why.empty()) throw Error("{}", why);
  }

  /// One step on these images, by the step for batches of `batch_size`: the last batch of an epoch may be smaller.
  MetricSums train_on(const DataSet& batch, std::int64_t batch_size) {
    std::lock_guard lock(turn);
    auto input = checked(batch);
    const auto weights = weights_of(batch);
    auto& train = *step(StepKind::train, batch_size, weights).step;
    NamedTensors before;
    if (run.check_numerics) before = interpreter_params(plain_training(weights), params);
    train.run(input);
    ++steps_done;
    MetricSums sums(lowered(Mode::train, weights).metrics, train, batch.size());
    const auto loss = sums.loss();
    if (!std::isfinite(loss))
      fail_numerics(fmt::format("the loss became {}", std::isnan(loss) ? NAN : loss), input, weights, std::move(before));
    if (weights_due(batch.size())) {
      auto bad = weight_not_finite();
      if (!bad.empty()) fail_numerics(fmt::format("weight \"{}\" became NaN or infinite", bad), input, weights, std::move(before));
    }
    return sums;
  }

  /// Whether the weights are looked at after this step. To read one takes about 0.1 ns, which is less than a hundredth of a step that does
  /// 16,000 operations with it; where steps do fewer, so much fewer of them look. A NaN among weights shows in the next loss in any case.
  bool weights_due(std::int64_t batch) const {
    constexpr std::int64_t kFew = 2048;
    constexpr double kOperations = 16000;
    if (run.check_numerics || run.backend == Backend::reference || weight_numbers <= kFew) return true;
    const auto steps =
        static_cast<double>(weight_numbers) * kOperations / (static_cast<double>(flops_per_image) * static_cast<double>(batch));
    return !(steps > 1) || steps_done % static_cast<std::int64_t>(std::min(std::ceil(steps), 1e6)) == 0;
  }

  /// The name of the first weight that is not finite, or an empty string.
  std::string weight_not_finite() const {
    for (std::size_t i = 0; i < specs.size(); ++i)
      if (!all_finite(weight_values[i])) return specs[i].name;
    return "";
  }

  [[noreturn]] void fail_numerics(const std::string& what, const StepInput& input, const SampleWeights& weights, NamedTensors before) {
    if (!run.check_numerics)
      throw NotFinite(
          fmt::format("step {}: {}; try a lower learning rate, or look with --check-numerics for where it starts", steps_done, what));
    // The step again, op by op, from the params before it.
    auto first = first_not_finite(plain_training(weights), interpreter_inputs(plain_training(weights), input), std::move(before));
    throw NotFinite(
        fmt::format("step {}: {}; {}", steps_done, what,
                    first.empty() ? "the reference backend, from the same weights, finds no op that is not finite" : "first, " + first));
  }

  /// What a training that fails goes back to.
  struct Checkpoint {
    Params::Values params;
    Optimizer optimizer;
    std::int64_t steps_done = 0, epochs_done = 0;
  };
  void begin_training(Checkpoint& checkpoint, std::int64_t batch, const SampleWeights& weights) {
    {
      std::lock_guard lock(turn);
      step(StepKind::train, batch, weights);  // which makes the state of the optimizer
    }
    keep(checkpoint);
  }
  void keep(Checkpoint& checkpoint) {
    std::lock_guard lock(turn);
    auto bad = weight_not_finite();
    if (!bad.empty()) throw NotFinite(fmt::format("after step {}: weight \"{}\" is NaN or infinite", steps_done, bad));
    params.read(checkpoint.params);
    checkpoint.optimizer = training.optimizer;
    checkpoint.steps_done = steps_done;
    checkpoint.epochs_done = epochs_done;
  }
  /// Weights become their moving averages, if there are any.
  void take_averages() {
    if (!options_of(training.optimizer).use_ema) return;
    std::lock_guard lock(turn);
    for (const auto& spec : specs)
      if (const auto average = state_name(spec.name, kAverage); params.has(average))
        params.set(spec.name, spec.shape, params.at(average).values());
  }
  /// The names of the numbers that an epoch logs.
  std::vector<std::string> log_names(bool validates) {
    std::lock_guard lock(turn);
    std::vector<std::string> names;
    for (const char* prefix : {"", "val_"})
      for (const auto& metric : lowered(Mode::train).metrics)
        if (validates || *prefix == 0) names.push_back(prefix + metric.name);
    return names;
  }
  void go_back(const Checkpoint& checkpoint) {
    std::lock_guard lock(turn);
    params.write(checkpoint.params);
    training.optimizer = checkpoint.optimizer;
    steps_done = checkpoint.steps_done;
    epochs_done = checkpoint.epochs_done;
  }
};

Model::Model(Topology topology) : implementation_(std::make_unique<Implementation>(std::move(topology))) {}
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

Model::Implementation& Model::self() const {
  if (!implementation_) throw Error("this Model was moved from; only another one can be assigned to it");
  return *implementation_;
}

Model Model::load(const std::filesystem::path& path, const RunOptions& options, const InputShapes& shapes) {
  check_options(options);
  auto file = read_model(path, shapes);
  Model model(file.topology);
  auto& self = *model.implementation_;
  self.run = options;
  self.given = std::move(file.weights);
  self.has_weights_of_file = !self.given.empty();
  self.training = training_of(file);
  auto naming = [&](const Error& error) { return fmt::format("{}: {}", path.string(), error.what()); };
  try {
    self.lowered(Mode::train);  // All problems of the file now, not with the first batch.
  } catch (const Error& error) {
    self.cannot_train = naming(error);
  }
  try {
    if (!self.cannot_train.empty()) self.lowered(Mode::predict);
  } catch (const Error&) {
    throw Error("{}", self.cannot_train);
  }
  try {
    if (!self.given.empty()) self.ensure_params();
  } catch (const Error& error) {
    throw Error("{}", naming(error));
  }
  return model;
}

bool Model::has_weights_of_file() const { return self().has_weights_of_file; }

void Model::compile(const CompileOptions& options) {
  validate(options.optimizer);
  auto& self = this->self();
  std::lock_guard training_call(self.training_call);
  std::lock_guard turn(self.turn);
  TrainingConfig training = {options.loss, options.metrics, options.outputs, options.optimizer, options.writer};
  complete_outputs(training, self.output_names);
  auto lowered = lower(self.topology, lower_options(Mode::train, training));
  self.training = std::move(training);
  self.cannot_train.clear();
  self.new_optimizer = true;
  self.train_graphs.clear();
  self.steps.set_training(std::move(lowered));
}

void Model::set_run_options(const RunOptions& options) {
  check_options(options);
  auto& self = this->self();
  std::lock_guard training_call(self.training_call);
  std::lock_guard turn(self.turn);
  self.run = options;
  self.steps.forget_compiled();
}

CompileReport Model::prepare(bool train, std::int64_t batch_size) {
  check_batch_size(batch_size);
  auto& self = this->self();
  std::lock_guard turn(self.turn);
  if (train) self.expect_learns();
  return self.step(train ? StepKind::train : StepKind::eval, batch_size).report;
}

CompileReport Model::prepare(const DataSet& data, std::int64_t batch_size) {
  auto& self = this->self();
  expect_images(data);
  self.expect_learns();
  self.check_data(data, batch_size);
  std::lock_guard turn(self.turn);
  return self.step(StepKind::train, std::min(batch_size, data.size()), self.weights_of(data)).report;
}

Logs Model::train_on_batch(const DataSet& batch) {
  auto& self = this->self();
  std::lock_guard training_call(self.training_call);
  expect_images(batch);
  {
    std::lock_guard turn(self.turn);
    self.expect_batches(batch, batch.size());
  }
  return self.train_on(batch, batch.size()).logs();
}

Logs Model::evaluate(const DataSet& data, std::optional<std::int64_t> asked) {
  auto& self = this->self();
  const auto batch_size = self.check_data(data, asked);
  const auto weights = self.weights_of(data);
  MetricSums sums;
  for (std::int64_t at = 0; at < data.size(); at += batch_size) {
    auto batch = data.slice(at, batch_size);
    std::lock_guard turn(self.turn);
    auto& step = *self.step(StepKind::eval, std::min(batch_size, data.size()), weights).step;
    step.run({batch.rows(), self.inputs_of(batch), self.labels_of(batch), 0, self.weight_rows_of(batch)});
    sums.add({self.lowered(Mode::eval, weights).metrics, step, batch.size()});
  }
  return sums.logs();
}

std::vector<float> Model::predict(const DataSet& data, std::optional<std::int64_t> batch_size) {
  const auto& outputs = self().output_names;
  if (outputs.size() > 1) throw Error("the model has {} outputs, {}: predict_all gives each", outputs.size(), fmt::join(outputs, ", "));
  return predict_all(data, batch_size).front();
}

std::vector<std::vector<float>> Model::predict_all(const DataSet& data, std::optional<std::int64_t> asked) {
  auto& self = this->self();
  expect_images(data);
  const auto& outputs = self.output_names;
  std::vector<std::vector<float>> all(outputs.size());
  std::int64_t batch_size = 0;
  {
    std::lock_guard turn(self.turn);
    batch_size = self.batch_size_for(data, asked);
    self.inputs_of(data);  // All that is wrong is said before the first step.
  }
  for (std::int64_t at = 0; at < data.size(); at += batch_size) {
    auto batch = data.slice(at, batch_size);
    std::lock_guard turn(self.turn);
    auto& step = *self.step(StepKind::predict, std::min(batch_size, data.size())).step;
    step.run({batch.rows(), self.inputs_of(batch), {}, 0, {}});
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      auto rows = step.array(predictions_of(self.topology, outputs[i]));
      all[i].insert(all[i].end(), rows.begin(), rows.end());
    }
  }
  return all;
}

std::vector<WeightValues> Model::gradients(const DataSet& batch) {
  auto& self = this->self();
  expect_images(batch);
  std::lock_guard turn(self.turn);
  self.expect_batches(batch, batch.size());
  auto& step = *self.step(StepKind::gradients, batch.size(), self.weights_of(batch)).step;
  step.run({batch.rows(), self.inputs_of(batch), self.labels_of(batch), step_key(self.run.seed, 0), self.weight_rows_of(batch)});
  std::vector<WeightValues> gradients;
  for (const auto& spec : self.specs)
    if (spec.trainable) gradients.push_back({spec.name, spec.shape, step.array("gradient/" + spec.name)});
  return gradients;
}

std::vector<std::vector<std::int64_t>> Model::output_shapes() {
  auto& self = this->self();
  std::lock_guard turn(self.turn);
  std::vector<std::vector<std::int64_t>> shapes;
  for (const auto& output : self.any_lowered().outputs) shapes.push_back(output.predictions.image_dims());
  return shapes;
}

History Model::fit(const DataSet& given, const FitOptions& options) {
  auto& self = this->self();
  std::lock_guard training_call(self.training_call);
  check_batch_size(options.batch_size);
  if (options.epochs < 1) throw Error("epochs {}: must be at least 1", options.epochs);
  if (!(options.validation_split >= 0 && options.validation_split < 1))
    throw Error("validation split {}: must be from 0 up to, not including, 1", options.validation_split);
  expect_images(given);
  auto data = given;
  auto validation = options.validation_data;
  if (!validation && options.validation_split > 0) {
    auto kept = static_cast<std::int64_t>(static_cast<double>(given.size()) * (1 - options.validation_split));
    if (kept < 1 || kept == given.size())
      throw Error("validation split {} of {} images leaves none to train or to validate on", options.validation_split, given.size());
    validation = given.slice(kept, given.size() - kept);
    data = given.slice(0, kept);
  }
  // All that is wrong is said before the first step.
  self.expect_learns();
  self.check_data(data, options.batch_size);
  if (validation) self.check_data(*validation, options.batch_size);
  CallbackRun callbacks(*this, options.callbacks, self.log_names(validation.has_value()));
  Implementation::Checkpoint good;
  const auto batch_size = std::min(options.batch_size, data.size());
  self.begin_training(good, batch_size, self.weights_of(data));
  std::int64_t good_epochs = 0;
  self.stop = false;
  auto asked_to_stop = [&] { return self.stop || (options.stop != nullptr && options.stop->load()); };
  History history;
  try {
    for (std::int64_t epoch = 0; epoch < options.epochs && !history.stopped; ++epoch) {
      history.stopped = asked_to_stop();
      if (history.stopped) break;
      callbacks.begin_epoch(epoch);
      auto order = data;
      if (options.shuffle) order = data.shuffled(self.run.seed + static_cast<std::uint64_t>(self.epochs_done) * 0x9e3779b97f4a7c15ull);
      ++self.epochs_done;
      MetricSums sums;
      for (std::int64_t at = 0; at < order.size() && !history.stopped; at += options.batch_size) {
        auto batch = order.slice(at, options.batch_size);
        auto step = self.train_on(batch, batch_size);
        sums.add(step);
        history.steps.push_back(step.logs());
        if (options.on_step_end) options.on_step_end(self.steps_done, history.steps.back());
        history.stopped = asked_to_stop();
      }
      auto logs = sums.logs();
      self.keep(good);
      if (!history.stopped) good_epochs = epoch + 1;
      if (validation && !history.stopped)
        for (const auto& [name, value] : evaluate(*validation, options.batch_size)) logs["val_" + name] = value;
      const bool goes_on = callbacks.end_epoch(epoch, logs);
      history.epochs.push_back(logs);
      if (options.on_epoch_end) options.on_epoch_end(epoch, logs);
      if (!goes_on || asked_to_stop()) history.stopped = true;
    }
  } catch (const NotFinite& failure) {
    self.go_back(good);
    if (!callbacks.ends_at_nan()) {
      auto state = good_epochs > 0 ? fmt::format("after epoch {}", good_epochs) : std::string("before this training");
      throw NotFinite(fmt::format("{}\nthe model is as it was {}", failure.what(), state), good_epochs);
    }
    history.stopped = true;
  }
  if (good_epochs > 0 || !history.epochs.empty()) self.take_averages();
  callbacks.end();
  return history;
}

std::vector<WeightValues> Model::weights() {
  auto& self = this->self();
  std::lock_guard turn(self.turn);
  self.ensure_params();
  std::vector<WeightValues> result;
  for (const auto& spec : self.specs) result.push_back({spec.name, spec.shape, self.params.at(spec.name).values()});
  return result;
}

void Model::set_weights(const std::vector<WeightValues>& weights) {
  auto& self = this->self();
  std::lock_guard turn(self.turn);
  self.ensure_params();
  gradc::set_weights(self.params, self.specs, weights, false);
}

void Model::reset_states() {
  auto& self = this->self();
  std::lock_guard turn(self.turn);
  self.ensure_params();
  self.reset_states();
}

double Model::learning_rate() {
  auto& self = this->self();
  std::lock_guard turn(self.turn);
  if (!self.new_optimizer && self.params.has(kLearningRate)) return static_cast<double>(*self.params.at(kLearningRate).data);
  return first_rate(gradc::learning_rate(self.training.optimizer));
}

void Model::set_learning_rate(double rate) {
  auto& self = this->self();
  std::lock_guard turn(self.turn);
  if (const auto& now = gradc::learning_rate(self.training.optimizer); now.schedule() != nullptr)
    throw Error("the learning rate follows a {} and cannot be set; compile the model with a number instead", text_of(now));
  gradc::set_learning_rate(self.training.optimizer, rate);
  if (self.params.has(kLearningRate)) self.params.fill(kLearningRate, {}, static_cast<float>(rate));
}

void Model::stop_training() { self().stop = true; }

void Model::save(const std::filesystem::path& folder) {
  auto& self = this->self();
  auto values = weights();
  for (const auto& weight : values)
    if (!all_finite(weight.values))
      throw Error("{}: nothing is saved there, as weight \"{}\" holds NaN or infinity", folder.string(), weight.name);
  TrainingConfig training;
  {
    std::lock_guard turn(self.turn);
    training = self.training;
  }
  write_model(folder, {self.topology, values, training});
}

StepInput Model::step_input(const DataSet& batch) {
  auto& self = this->self();
  std::lock_guard turn(self.turn);
  auto input = self.checked(batch);
  input.random_key = step_key(self.run.seed, 0);
  return input;
}

void Model::expect_trainable() const { self().expect_trainable(); }

const Topology& Model::topology() const { return self().topology; }
const TrainingConfig& Model::training() const { return self().training; }

Sequential::Sequential(std::initializer_list<Layer> layers) : Model(sequence(layers)) {}

Functional::Functional() : topology_(std::make_unique<Topology>(Topology{.sequential = false})) {}
Functional::~Functional() = default;
Functional::Functional(Functional&&) noexcept = default;
Functional& Functional::operator=(Functional&&) noexcept = default;

Topology& Functional::topology() {
  if (!topology_) throw Error("this Functional was moved from; only another one can be assigned to it");
  return *topology_;
}

Node Functional::input(const Dims& shape, const std::string& given, std::int64_t batch_size) {
  const auto name = given.empty() ? "input_" + std::to_string(topology().layers.size() + 1) : given;
  topology().layers.push_back({Layer(InputLayer{.input_shape = shape, .batch_size = batch_size, .name = name}), name, {}});
  return Node(name);
}

Node Functional::apply(const Layer& layer, const Node& input) { return apply(layer, std::vector<Node>{input}); }

Node Functional::apply(const Layer& layer, const std::vector<Node>& inputs) {
  LayerNode node{layer, layer.name(), {}};
  if (node.name.empty()) node.name = plain_name(layer.class_name()) + "_" + std::to_string(topology().layers.size());
  for (const auto& each : inputs) node.inbound.push_back({each.layer(), each.output()});
  topology().layers.push_back(node);
  return Node(node.name);
}

Model Functional::model(const std::vector<Node>& outputs, const std::string& name) {
  auto topology = this->topology();
  topology.name = name;
  for (const auto& output : outputs) topology.outputs.push_back({output.layer(), output.output()});
  finish(topology);
  return Model(std::move(topology));
}

}  // namespace gradc
