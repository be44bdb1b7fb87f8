#include "runtime/model.h"

#include <cmath>
#include <set>

#include "frontend/build.h"
#include "frontend/losses.h"
#include "frontend/names.h"
#include "frontend/problems.h"
#include "inspect/numerics.h"
#include "runtime/thread_pool.h"
#include "support/error.h"
#include "support/random.h"

namespace gradc {
namespace {

/// "a/b/kernel:0" is the weight "b/kernel".
std::string last_two_parts(std::string name) {
  if (auto colon = name.rfind(':'); colon != std::string::npos) name.resize(colon);
  auto last = name.rfind('/');
  if (last == std::string::npos || last == 0) return name;
  auto before = name.rfind('/', last - 1);
  return before == std::string::npos ? name : name.substr(before + 1);
}

Rows rows_of(const DataSet::Array& array) { return {.data = array.data(), .dtype = array.dtype, .elements = array.elements(), .scale = 1}; }

void expect_classes(const DataSet::Array& labels, const Rows& rows, std::int64_t classes) {
  for (std::int64_t i = 0; i < labels.count * rows.elements; ++i) {
    auto value = Rows{.data = rows.data, .dtype = rows.dtype}.at(i, 0);
    if (!(value >= 0) || value >= static_cast<float>(classes) || value != std::floor(value))
      throw Error("{}: label {} is {}, but the model has {} classes, 0 to {}", labels.name, i, value, classes, classes - 1);
  }
}

}  // namespace

struct Model::Implementation {
  Topology topology;
  TrainingConfig training;
  RunOptions run;
  std::vector<WeightValues> given;  ///< From a file, until the params are made.
  Params params;
  std::vector<WeightSpec> specs;
  Type output, labels;
  bool built = false;
  Graph train_graph;  ///< For --check-numerics.
  std::unique_ptr<Step> train_step, eval_step, predict_step, gradient_step;
  CompileReport report;
  std::int64_t steps_done = 0;
  const void* checked_labels = nullptr;

  explicit Implementation(Topology t) : topology(std::move(t)) {}

  BuildOptions build_options(Mode mode, std::int64_t batch) const {
    bool kernels = run.backend == StepOptions::Backend::jit;
    return {.mode = mode,
            .training = training,
            .fuse = run.fuse,
            .machine = kernels ? machine_of(step_options(), batch) : Machine{},
            .kernels = kernels};
  }

  void make_params(const Built& result) {
    if (!built) {
      specs = result.weights;
      output = result.output;
      std::vector<std::string> problems;
      for (std::size_t i = 0; i < specs.size(); ++i) try {
          params.set(specs[i].name, specs[i].shape, specs[i].initializer.values(specs[i].shape, run.seed, static_cast<std::uint32_t>(i)));
        } catch (const Error& error) {
          problems.push_back(fmt::format("weight \"{}\": {}", specs[i].name, error.what()));
        }
      throw_problems(problems);
      built = true;
      if (!given.empty()) {
        set_weights(given, true);
        given.clear();
      }
    }
    for (const auto& state : result.states)
      if (!params.has(state.name)) params.fill(state.name, state.shape, static_cast<float>(state.initial));
  }

  /// Throws for a name or shape that the model has not, or, if `all`, for a weight that is not given.
  void set_weights(const std::vector<WeightValues>& weights, bool all) {
    std::map<std::string, const WeightSpec*> by_name;
    for (const auto& spec : specs) by_name[spec.name] = &spec;
    std::vector<std::string> problems;
    std::set<std::string> seen;
    std::vector<std::pair<const WeightSpec*, const WeightValues*>> found;
    for (const auto& weight : weights) {
      auto match = by_name.find(weight.name);
      if (match == by_name.end()) match = by_name.find(last_two_parts(weight.name));
      if (match == by_name.end()) {
        problems.push_back(fmt::format("weight \"{}\": the model has no weight of this name", weight.name));
        continue;
      }
      const auto& spec = *match->second;
      seen.insert(spec.name);
      if (spec.shape != weight.shape)
        problems.push_back(fmt::format("weight \"{}\": has shape {}, the layer's is {}", weight.name, shape_string(weight.shape),
                                       shape_string(spec.shape)));
      else
        found.emplace_back(&spec, &weight);
    }
    if (all)
      for (const auto& spec : specs)
        if (!seen.contains(spec.name))
          problems.push_back(fmt::format("weight \"{}\" of shape {} is missing", spec.name, shape_string(spec.shape)));
    throw_problems(problems);
    for (const auto& [spec, weight] : found) params.set(spec->name, weight->shape, weight->values);
  }

  void ensure_params() {
    if (!built) make_params(build(topology, {.mode = Mode::predict, .training = training, .kernels = false}));
  }

  StepOptions step_options() const {
    return {.backend = run.backend, .threads = threads_or_all(run.threads), .pin = run.pin, .target = "", .warn = run.warn};
  }

  /// The step, compiled when it is first needed, for batches of this size.
  Step& step(Mode mode, std::int64_t batch) {
    auto& slot = mode == Mode::train ? train_step : mode == Mode::eval ? eval_step : predict_step;
    const bool first = !slot;
    compile(slot, build_options(mode, batch));
    if (first && mode == Mode::train && run.check_numerics)
      train_graph = build(topology, {.mode = mode, .training = training, .kernels = false}).graph;
    return *slot;
  }

  Step& compile(std::unique_ptr<Step>& slot, const BuildOptions& options) {
    if (slot) return *slot;
    auto result = build(topology, options);
    ensure_params();
    make_params(result);
    if (options.mode != Mode::predict) labels = result.labels;
    slot = compile_step(result.graph, params, step_options(), &report);
    return *slot;
  }

  Rows image_rows(const DataSet& data) const {
    const auto& images = data.images();
    if (Type{DType::f32, topology.input_shape}.elements() != images.elements())
      throw Error("{}: images have shape {}, but the model takes {}", images.name, shape_string(images.shape),
                  shape_string(topology.input_shape));
    auto rows = rows_of(images);
    if (images.dtype == DType::u8) rows.scale = 1.0f / 255.0f;
    return rows;
  }

  Rows label_rows(const DataSet& data) {
    if (data.labels() == nullptr) throw Error("{}: has no labels", data.images().name);
    const auto& array = *data.labels();
    auto rows = rows_of(array);
    auto classes = output.dims.back();
    const auto* loss = find_loss(training.loss);
    bool whole = array.dtype != DType::f32;
    if (loss->labels == LabelKind::classes) {
      if (rows.elements != labels.elements())
        throw Error("{}: labels have shape {}, but loss {} takes one class number{}", array.name, shape_string(array.shape), training.loss,
                    rows.elements == classes ? "; use categoricalCrossentropy for one-hot labels" : "");
      if (checked_labels != &array) expect_classes(array, rows, classes);
    } else if (rows.elements == 1 && classes > 1 && labels.elements() == classes && (whole || array.shape.empty())) {
      if (checked_labels != &array) expect_classes(array, rows, classes);
      rows.classes = classes;
    } else if (rows.elements != labels.elements()) {
      throw Error("{}: labels have shape {}, but the model's output is {}", array.name, shape_string(array.shape),
                  shape_string(output.image_dims()));
    }
    checked_labels = &array;
    return rows;
  }

  Logs logs_of(const Step& from) const {
    Logs logs = {{"loss", from.scalar("loss")}};
    for (const auto& metric : training.metrics) logs[metric_log_name(metric)] = from.scalar(metric_log_name(metric));
    return logs;
  }

  Logs train_on(const DataSet& batch) {
    auto& train = step(Mode::train, batch.size());
    StepInput input{batch.rows(), image_rows(batch), label_rows(batch), step_key(run.seed, static_cast<std::uint64_t>(steps_done))};
    NamedTensors before;
    if (run.check_numerics) before = interpreter_params(train_graph, params);
    train.run(input);
    ++steps_done;
    auto logs = logs_of(train);
    if (!std::isfinite(logs["loss"]) || (run.check_numerics && !params_finite())) fail_numerics(input, before, logs["loss"]);
    return logs;
  }

  bool params_finite() const {
    for (const auto& spec : specs) {
      const auto& array = params.at(spec.name);
      for (std::int64_t i = 0; i < array.size; ++i)
        if (!std::isfinite(array.data[i])) return false;
    }
    return true;
  }

  [[noreturn]] void fail_numerics(const StepInput& input, NamedTensors before, double loss) {
    auto what = std::isfinite(loss) ? std::string("a weight became NaN or infinite") : fmt::format("the loss became {}", loss);
    if (!run.check_numerics)
      throw Error("step {}: {}; try a lower learning rate, or look with --check-numerics for where it starts", steps_done, what);
    // The step again, op by op, from the params before it.
    auto first = first_not_finite(train_graph, interpreter_inputs(train_graph, input), std::move(before));
    throw Error("step {}: {}; {}", steps_done, what,
                first.empty() ? "the reference backend, from the same weights, finds no op that is not finite" : "first, " + first);
  }
};

Model::Model(Topology topology) : implementation_(std::make_unique<Implementation>(std::move(topology))) {}
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

Model Model::load(const std::filesystem::path& path, const RunOptions& options) {
  auto file = read_model(path);
  Model model(std::move(file.topology));
  auto& self = *model.implementation_;
  self.run = options;
  self.given = std::move(file.weights);
  if (file.training) self.training = *file.training;
  try {
    // All problems of the file now, not with the first batch.
    build(self.topology, {.mode = Mode::train, .training = self.training, .kernels = false});
    if (!self.given.empty()) self.ensure_params();
  } catch (const Error& error) {
    throw Error("{}: {}", path.string(), error.what());
  }
  return model;
}

void Model::compile(const CompileOptions& options) {
  auto& self = *implementation_;
  self.training = {options.loss, options.metrics, options.optimizer};
  build(self.topology, {.mode = Mode::train, .training = self.training, .kernels = false});
  self.train_step.reset();
  self.eval_step.reset();
  self.gradient_step.reset();
}

void Model::set_run_options(const RunOptions& options) {
  implementation_->run = options;
  for (auto* step :
       {&implementation_->train_step, &implementation_->eval_step, &implementation_->predict_step, &implementation_->gradient_step})
    step->reset();
}

CompileReport Model::prepare(bool train, std::int64_t batch_size) {
  implementation_->step(train ? Mode::train : Mode::eval, batch_size);
  return implementation_->report;
}

Logs Model::train_on_batch(const DataSet& batch) { return implementation_->train_on(batch); }

Logs Model::evaluate(const DataSet& data, std::int64_t batch_size) {
  if (batch_size < 1) throw Error("batch size {}: must be at least 1", batch_size);
  auto& self = *implementation_;
  auto& step = self.step(Mode::eval, std::min(batch_size, data.size()));
  Logs sums;
  for (std::int64_t at = 0; at < data.size(); at += batch_size) {
    auto batch = data.slice(at, batch_size);
    step.run({batch.rows(), self.image_rows(batch), self.label_rows(batch), 0});
    for (const auto& [name, value] : self.logs_of(step)) sums[name] += value * static_cast<double>(batch.size());
  }
  for (auto& [name, sum] : sums) sum /= static_cast<double>(data.size());
  return sums;
}

std::vector<float> Model::predict(const DataSet& data, std::int64_t batch_size) {
  if (batch_size < 1) throw Error("batch size {}: must be at least 1", batch_size);
  auto& self = *implementation_;
  auto& step = self.step(Mode::predict, std::min(batch_size, data.size()));
  std::vector<float> all;
  for (std::int64_t at = 0; at < data.size(); at += batch_size) {
    auto batch = data.slice(at, batch_size);
    step.run({batch.rows(), self.image_rows(batch), {}, 0});
    auto rows = step.array("predictions");
    all.insert(all.end(), rows.begin(), rows.end());
  }
  return all;
}

std::vector<WeightValues> Model::gradients(const DataSet& batch) {
  auto& self = *implementation_;
  auto options = self.build_options(Mode::train, batch.size());
  options.update = false;
  auto& step = self.compile(self.gradient_step, options);
  step.run({batch.rows(), self.image_rows(batch), self.label_rows(batch), step_key(self.run.seed, 0)});
  std::vector<WeightValues> gradients;
  for (const auto& spec : self.specs)
    if (spec.trainable) gradients.push_back({spec.name, spec.shape, step.array("gradient/" + spec.name)});
  return gradients;
}

std::vector<std::int64_t> Model::output_shape() {
  implementation_->ensure_params();
  return implementation_->output.image_dims();
}

History Model::fit(const DataSet& given, const FitOptions& options) {
  if (options.batch_size < 1) throw Error("batch size {}: must be at least 1", options.batch_size);
  if (options.epochs < 1) throw Error("epochs {}: must be at least 1", options.epochs);
  if (!(options.validation_split >= 0 && options.validation_split < 1))
    throw Error("validation split {}: must be from 0 up to, not including, 1", options.validation_split);
  auto& self = *implementation_;
  auto data = given;
  auto validation = options.validation_data;
  if (!validation && options.validation_split > 0) {
    auto kept = static_cast<std::int64_t>(static_cast<double>(given.size()) * (1 - options.validation_split));
    if (kept < 1 || kept == given.size())
      throw Error("validation split {} of {} images leaves none to train or to validate on", options.validation_split, given.size());
    validation = given.slice(kept, given.size() - kept);
    data = given.slice(0, kept);
  }
  History history;
  for (std::int64_t epoch = 0; epoch < options.epochs && !history.stopped; ++epoch) {
    auto order = options.shuffle ? data.shuffled(self.run.seed + static_cast<std::uint64_t>(epoch) * 0x9e3779b97f4a7c15ull) : data;
    Logs sums;
    std::int64_t seen = 0;
    for (std::int64_t at = 0; at < order.size(); at += options.batch_size) {
      auto batch = order.slice(at, options.batch_size);
      auto logs = self.train_on(batch);
      for (const auto& [name, value] : logs) sums[name] += value * static_cast<double>(batch.size());
      seen += batch.size();
      history.steps.push_back(logs);
      if (options.on_step_end) options.on_step_end(self.steps_done, logs);
      if (options.stop != nullptr && options.stop->load()) {
        history.stopped = true;
        break;
      }
    }
    for (auto& [name, sum] : sums) sum /= static_cast<double>(seen);
    if (validation && !history.stopped)
      for (const auto& [name, value] : evaluate(*validation)) sums["val_" + name] = value;
    history.epochs.push_back(sums);
    if (options.on_epoch_end) options.on_epoch_end(epoch, sums);
  }
  return history;
}

std::vector<WeightValues> Model::weights() {
  auto& self = *implementation_;
  self.ensure_params();
  std::vector<WeightValues> result;
  for (const auto& spec : self.specs) result.push_back({spec.name, spec.shape, self.params.at(spec.name).values()});
  return result;
}

void Model::set_weights(const std::vector<WeightValues>& weights) {
  implementation_->ensure_params();
  implementation_->set_weights(weights, false);
}

void Model::set_learning_rate(double rate) {
  auto& self = *implementation_;
  gradc::set_learning_rate(self.training.optimizer, rate);
  if (self.params.has(kLearningRate)) self.params.fill(kLearningRate, {}, static_cast<float>(rate));
}

void Model::save(const std::filesystem::path& folder) {
  write_model(folder, {implementation_->topology, weights(), implementation_->training});
}

StepInput Model::step_input(const DataSet& batch) {
  auto& self = *implementation_;
  self.ensure_params();
  self.labels = lower(self.topology, {.mode = Mode::train, .loss = self.training.loss}).labels;
  return {batch.rows(), self.image_rows(batch), self.label_rows(batch), step_key(self.run.seed, 0)};
}

const Topology& Model::topology() const { return implementation_->topology; }
const TrainingConfig& Model::training() const { return implementation_->training; }

Node Functional::input(const Dims& shape) {
  auto name = "input_" + std::to_string(topology_.layers.size() + 1);
  topology_.layers.push_back({Layer(InputLayer{.input_shape = shape, .name = name}), name, {}});
  return Node(name);
}

Node Functional::apply(const Layer& layer, const Node& input) { return apply(layer, std::vector<Node>{input}); }

Node Functional::apply(const Layer& layer, const std::vector<Node>& inputs) {
  LayerNode node{layer, layer.name(), {}};
  if (node.name.empty()) node.name = plain_name(layer.class_name()) + "_" + std::to_string(topology_.layers.size());
  for (const auto& each : inputs) node.inbound.push_back(each.layer());
  topology_.layers.push_back(node);
  return Node(node.name);
}

Model Functional::model(const Node& output, const std::string& name) {
  auto topology = topology_;
  topology.name = name;
  topology.output = output.layer();
  finish(topology);
  return Model(std::move(topology));
}

}  // namespace gradc
