#pragma once
/// The commands of `gradc`, one file each. Each function adds its options to the program and runs when its command was given.

#include <functional>
#include <string>

#include "gradc/model.h"
#include "support/command_line.h"
#include "tools/training_options.h"

namespace gradc {

void add_train(cli::Program& program);
void add_eval(cli::Program& program);
void add_predict(cli::Program& program);
void add_dump(cli::Program& program);
void add_opt(cli::Program& program);
void add_bench(cli::Program& program);
void add_tune(cli::Program& program);
void add_reduce(cli::Program& program);
void add_profile(cli::Program& program);
void add_summary(cli::Program& program);
void add_diff(cli::Program& program);
void add_fuzz(cli::Program& program);

/// Options that several commands share.
struct CommonOptions {
  std::string model, data = "mnist", backend = "jit";
  std::vector<std::string> x, y;           ///< A file for each input and output, of several as NAME=FILE; or a .npz file with all of them.
  std::vector<std::string> sample_weight;  ///< Likewise for outputs, besides x and y.
  std::int64_t batch_size = 64;
  int threads = 0;
  std::uint64_t seed = 0;
  bool no_fuse = false, pin = false;
  std::vector<std::string> disable;
  TrainingOptions training;
  std::vector<std::string> input_shape;  ///< [NAME=]DIMS of each.

  void add_model(cli::Command command);
  void add_input_shape(cli::Command command);
  /// Returns --x.
  cli::Option add_data(cli::Command command, const std::string& description = "mnist, or a folder with IDX or .npy files, or a .npz file");
  void add_trained_data(cli::Command command);  ///< With weights of samples.
  cli::Option add_x(cli::Command command);
  void add_batch_size(cli::Command command);
  void add_threads(cli::Command command);
  void add_seconds(cli::Command command, double& seconds, const std::string& what);
  void add_disable(cli::Command command);
  void add_run(cli::Command command);  ///< Batch size, threads, and how a step is run.

  RunOptions run_options() const;
  InputShapes input_shapes() const;
  /// A model that can be trained and evaluated, or one that only has to predict.
  Model load_model(bool trains = true) const;
  /// The arrays of --x for a model, without labels.
  DataSet images(const Topology& model) const;
  /// The arrays of --x and --y for a model; a .npz file at --x holds labels too. With the weights of
  /// --sample-weight. Throws gradc::Error if there are no labels.
  DataSet arrays(const Topology& model) const;
  /// What a model is evaluated on: the arrays of --x and --y, or else the test data. Throws gradc::Error if there are none.
  DataSet test_data(const Topology& model) const;
  /// A model to train or evaluate, by the training options that were given. Says what neither they nor the file say.
  Model load_model_to_train() const;
  /// Warns of results of a model whose file has no weights.
  void tell_if_untrained(const Model& loaded) const;
};

/// Does work on a model. An error that does not begin with the model's name is thrown again with it.
void naming(const std::string& model, const std::function<void()>& work);

/// A text file, or standard input if `path` is "-".
std::string read_text(const std::string& path);

/// Writes a command's result to a file, whole, or to standard output if `path` is empty.
void write_result(const std::string& path, const std::string& text);

/// A line on stderr, as every warning is.
void warn(const std::string& line);

}  // namespace gradc
