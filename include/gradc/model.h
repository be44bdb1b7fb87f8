#pragma once
/// Models as users have them: made of layers or read from a model.json, compiled, trained, evaluated, saved.

#include <array>
#include <atomic>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gradc/callbacks.h"
#include "gradc/compile_report.h"
#include "gradc/dataset.h"
#include "gradc/error.h"
#include "gradc/layers.h"
#include "gradc/losses.h"
#include "gradc/metrics.h"
#include "gradc/optimizers.h"
#include "gradc/weights.h"
#include "gradc/writer.h"

namespace gradc {

// What gradc's own code knows of a model.
struct StepInput;
struct Topology;
struct TrainingConfig;

/// Numbers by the names that Keras gives them: "loss", "acc", "val_loss", "val_acc".
using Logs = std::map<std::string, double>;

struct History {
  std::vector<Logs> steps;   ///< One for each batch that was trained on.
  std::vector<Logs> epochs;  ///< Means over each epoch, with validation. An epoch that was stopped has those of its steps, without.
  bool stopped = false;      ///< Whether training was asked to stop before its end, also by a callback.
};

/// Training came to a loss or weight that is not finite.
class NotFinite : public Error {
 public:
  explicit NotFinite(const std::string& message, std::int64_t good_epochs = 0) : Error(message), good_epochs_(good_epochs) {}
  /// Whole epochs of `fit` before it, after which the model's state is. If 0, that is the state before `fit`.
  std::int64_t good_epochs() const { return good_epochs_; }

 private:
  std::int64_t good_epochs_;
};

struct CompileOptions {
  Optimizer optimizer = SGD{};
  Loss loss = "categoricalCrossentropy";  ///< For each output that `outputs` does not name, as are the metrics.
  std::vector<Metric> metrics = {};
  std::map<std::string, OutputTraining> outputs = {};  ///< By names of outputs. The model's loss is the sum of theirs, by their weights.
  Writer writer = Writer::keras3;                      ///< Whose meaning the metrics have.
};

/// How steps are run. The numbers of a training do not depend on `threads`.
struct RunOptions {
  Backend backend = Backend::jit;
  bool fuse = true;
  std::vector<std::string> disable = {};  ///< Optional passes to leave out of compilation.
  int threads = 0;                        ///< At most so many; 0: all processors that this process may use.
  bool pin = false;                       ///< Threads stay on processors of their own.
  std::uint64_t seed = 0;
  /// Keeps what is needed to name the op in which a NaN or infinity first appears. Steps get slower.
  bool check_numerics = false;
  std::function<void(const std::string&)> warn = {};
};

struct FitOptions {
  std::int64_t batch_size = 32;
  std::int64_t epochs = 1;
  std::optional<DataSet> validation_data = {};  ///< In batches of `batch_size` too.
  double validation_split = 0;                  ///< The last part of the data that is validated on instead, if there is no validation_data.
  bool shuffle = true;  ///< A new order each epoch, by the run's seed and the epochs that the model was trained before.
  std::function<void(std::int64_t step, const Logs&)> on_step_end = {};
  std::function<void(std::int64_t epoch, const Logs&)> on_epoch_end = {};
  std::vector<Callback> callbacks = {};  ///< In this order, at the end of an epoch before on_epoch_end.
  /// When it becomes true, training ends after the current step: at once if it is already, or becomes so in one of these functions.
  const std::atomic<bool>* stop = nullptr;
};

/// Any number of threads may use one model at once: steps take turns, in the order in which they are asked for, so that predictions and
/// evaluations are right from any thread, also while another one trains. Calls that train or compile (fit, train_on_batch, compile,
/// set_run_options) wait for each other; the functions that `fit` calls may use the model. Only moving and destroying a model needs it for
/// itself. What `training` returns changes with compile.
///
/// A model with stateful layers is given batches of the size that its inputs state: each of `fit`, `evaluate` and `predict` then goes on
/// from the states that the batch before it left, whichever of these gave it, and nothing but reset_states makes them zero.
class Model {
 public:
  explicit Model(Topology topology);
  /// Reads model.json and its weights; a file without weights starts from its initializers. Throws gradc::Error. One whose loss, metrics or
  /// optimizer gradc does not have is read too: it predicts, and trains when compiled with others.
  /// `shapes` are those of inputs that the file leaves open, as Keras's Input((None, 8)) does.
  static Model load(const std::filesystem::path& path, const RunOptions& options = {}, const InputShapes& shapes = {});
  ~Model();
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;

  /// Sets loss, optimizer and metrics. The optimizer starts anew, whatever was compiled before; weights stay. Throws gradc::Error that
  /// lists all problems of the model, and then changes nothing.
  void compile(const CompileOptions& options);
  void set_run_options(const RunOptions& options);

  /// Data and validation data are checked before the first step. Throws gradc::Error that names file and row for numbers that do not fit
  /// or are not finite, and NotFinite, after going back to the last good state, if a loss or weight becomes so.
  History fit(const DataSet& data, const FitOptions& options);
  /// One step on all images of `batch`. Throws as fit, but keeps no state to go back to.
  Logs train_on_batch(const DataSet& batch);
  /// Means over the data, in batches of 256 images or of a stateful model's own size, unless another is given. So are predictions.
  Logs evaluate(const DataSet& data, std::optional<std::int64_t> batch_size = {});
  /// The output for each image, row-major. Throws gradc::Error for a model with several.
  std::vector<float> predict(const DataSet& data, std::optional<std::int64_t> batch_size = {});
  /// The values of each output, in the model's order, for each image, row-major.
  std::vector<std::vector<float>> predict_all(const DataSet& data, std::optional<std::int64_t> batch_size = {});
  /// The first output's, for one image.
  std::vector<std::int64_t> output_shape() { return output_shapes().front(); }
  /// Each output's, for one image.
  std::vector<std::vector<std::int64_t>> output_shapes();

  /// The gradient of the loss, a mean over the batch, for each trainable weight. Changes nothing.
  std::vector<WeightValues> gradients(const DataSet& batch);

  /// Writes model.json and its weights, which tf.js loads. Throws gradc::Error, and writes nothing, if a weight is not finite.
  void save(const std::filesystem::path& folder);
  std::vector<WeightValues> weights();
  /// Replaces weights by name. Throws gradc::Error for a name or shape that the model has not, or values that do not fill the shape.
  void set_weights(const std::vector<WeightValues>& weights);
  /// Whether the file that it was loaded from has weights; else they are as their initializers draw them until it is trained.
  bool has_weights_of_file() const;
  /// Puts the states of stateful layers to zero.
  void reset_states();
  /// That of the next step.
  double learning_rate();
  /// Throws gradc::Error for a rate that is no finite number of at least 0, or if the rate follows a schedule.
  void set_learning_rate(double rate);
  /// Ends the `fit` that goes on, after its current step: what its functions may call, as may other threads.
  void stop_training();

  /// What a step that compile_step made for this model reads of a batch, which must outlive it. Throws gradc::Error if the data do not fit.
  StepInput step_input(const DataSet& batch);

  /// Throws gradc::Error with all problems of a file whose training configuration gradc does not have.
  void expect_trainable() const;
  const Topology& topology() const;
  const TrainingConfig& training() const;
  /// Compiles the step for training or evaluation of batches of about this size now, instead of with the first of them.
  CompileReport prepare(bool train = true, std::int64_t batch_size = 32);
  /// Compiles the step that trains on these data, weighted where they are. Throws gradc::Error if they do not fit, before it compiles.
  CompileReport prepare(const DataSet& data, std::int64_t batch_size = 32);

 private:
  struct Implementation;
  /// Throws gradc::Error if the model was moved from.
  Implementation& self() const;
  std::unique_ptr<Implementation> implementation_;
};

/// A model of layers in a row, as tf.sequential makes it.
class Sequential : public Model {
 public:
  Sequential(std::initializer_list<Layer> layers);
};

/// An output of a layer in a functional model.
class Node {
 public:
  const std::string& layer() const { return layer_; }
  int output() const { return output_; }  ///< 0 for the first.

 private:
  friend class Functional;
  explicit Node(std::string layer, int output = 0) : layer_(std::move(layer)), output_(output) {}
  std::string layer_;
  int output_;
};

/// Builds a model of layers that take each other's outputs:
///     Functional f; auto x = f.input({28, 28, 1}); auto y = f.apply(Add{}, {f.apply(Conv2D{...}, x), x}); Model m = f.model(y);
/// Its inputs are in the order in which they were made.
class Functional {
 public:
  Functional();
  ~Functional();
  Functional(Functional&&) noexcept;
  Functional& operator=(Functional&&) noexcept;

  /// `batch_size` is that of all batches, which layers that are stateful need to know; 0: any.
  Node input(const Dims& shape, const std::string& name = "", std::int64_t batch_size = 0);
  Node apply(const Layer& layer, const Node& input);
  Node apply(const Layer& layer, const std::vector<Node>& inputs);
  /// The first n outputs of a layer that has several:
  ///     auto [y, h, c] = f.apply<3>(LSTM{.units = 8, .return_state = true}, {x});
  template <int n>
  std::array<Node, n> apply(const Layer& layer, const std::vector<Node>& inputs) {
    const auto first = apply(layer, inputs);
    return [&]<int... i>(std::integer_sequence<int, i...>) {
      return std::array<Node, n>{Node(first.layer(), i)...};
    }(std::make_integer_sequence<int, n>());
  }
  Model model(const Node& output, const std::string& name = "model") { return model(std::vector<Node>{output}, name); }
  Model model(const std::vector<Node>& outputs, const std::string& name = "model");

 private:
  /// Throws gradc::Error if the Functional was moved from.
  Topology& topology();
  std::unique_ptr<Topology> topology_;
};

}  // namespace gradc
