#include <atomic>
#include <csignal>
#include <exception>
#include <fstream>
#include <future>
#include <iostream>
#include <memory>

#include <unistd.h>
#include <nlohmann/json.hpp>

#include "gradc/error.h"
#include "model/callbacks.h"
#include "support/files.h"
#include "tools/commands.h"
#include "tools/progress.h"
#include "tools/report_server.h"
#include "tools/training_recorder.h"

namespace gradc {
namespace {

std::atomic<bool> training{false}, interrupted{false};

/// Before the first step there is nothing to keep, so Ctrl-C ends the command at once; from then on after the current step, and a second
/// one at once.
void on_interrupt(int) {
  if (!training) {
    constexpr std::string_view kText = "gradc: interrupted before the first step; nothing is saved\n";
    [[maybe_unused]] auto told = write(STDERR_FILENO, kText.data(), kText.size());
    _exit(130);
  }
  interrupted = true;
  std::signal(SIGINT, SIG_DFL);
}

struct Options {
  CommonOptions common;
  std::int64_t epochs = 1, steps = 0;
  double validation_split = 0;
  bool no_shuffle = false, check_numerics = false, quiet = false;
  std::string log, save, report, live, tensorboard;
  std::string early_stopping, reduce_lr, save_best, monitor;
  std::optional<std::int64_t> patience;
  std::optional<cli::Option> stops_early, reduces_rate;  ///< They may be given alone.

  bool logs_epochs() const { return log.ends_with(".csv"); }
  std::vector<Callback> callbacks() const;
};

/// The value of an option as a JSON object; `monitor` is used where it names none.
nlohmann::json values_of(const std::string& text, const std::string& monitor) {
  auto values = key_values(text);
  if (!monitor.empty() && !values.contains("monitor")) values["monitor"] = monitor;
  return values;
}

std::vector<Callback> Options::callbacks() const {
  std::vector<Callback> all;
  if (stops_early->given() || patience) {
    auto values = values_of(early_stopping, monitor);
    if (patience) values["patience"] = *patience;
    all.emplace_back(early_stopping_from_json(values));
  }
  if (reduces_rate->given()) all.emplace_back(reduce_lr_from_json(values_of(reduce_lr, monitor)));
  if (!save_best.empty()) all.emplace_back(SaveBest{.folder = save_best, .monitor = monitor.empty() ? SaveBest{}.monitor : monitor});
  if (logs_epochs()) all.emplace_back(CSVLogger{.filename = log});
  return all;
}

struct Data {
  DataSet train;
  std::optional<DataSet> validation;
};

Data load(const std::string& name) {
  auto [train, test] = load_data(name, warn);
  return {train, test.size() > 0 ? std::optional(test) : std::nullopt};
}

/// One JSON object a step, as they happen.
class StepLog {
 public:
  explicit StepLog(const std::string& path) : path_(path) {
    if (path_.empty()) return;
    file_.open(path_, std::ios::trunc);
    if (!file_) throw Error("{}: cannot be written", path_);
  }
  void write(const Logs& logs) {
    if (path_.empty()) return;
    file_ << nlohmann::json(logs).dump() << "\n" << std::flush;
    if (!file_) throw Error("{}: cannot be written: is the disk full?", path_);
  }

 private:
  std::string path_;
  std::ofstream file_;
};

void run(const Options& options) {
  std::signal(SIGINT, on_interrupt);
  auto callbacks = options.callbacks();
  // Unpacking a data set and compiling the step take about as long; they go on at once, if there are threads to be had.
  std::future<Data> loading;
  if (options.common.x.empty()) loading = std::async(std::launch::async | std::launch::deferred, [&] { return load(options.common.data); });
  auto model = options.common.load_model_to_train();
  auto run_options = options.common.run_options();
  run_options.check_numerics = options.check_numerics;
  model.set_run_options(run_options);
  // Before hours are spent: can the results be written?
  if (!options.save.empty()) expect_writable(options.save);
  if (!options.report.empty()) {
    auto folder = std::filesystem::path(options.report).parent_path();
    expect_writable(folder.empty() ? "." : folder);
  }
  StepLog log(options.logs_epochs() ? "" : options.log);
  CompileReport report;
  Data data;
  if (loading.valid()) {
    report = model.prepare(true, options.common.batch_size);
    data = loading.get();
  } else {
    // Arrays are those that the model names, and their weights are a part of the step.
    data.train = options.common.arrays(model.topology());
    report = model.prepare(data.train, options.common.batch_size);
  }
  if (options.common.backend == "jit" && !options.quiet)
    std::cerr << fmt::format("compiled {} kernels ({} distinct, {} from the cache) for {} in {:.0f} ms\n", report.kernels, report.distinct,
                             report.from_cache, report.target, report.seconds * 1000);

  auto trained_on = options.validation_split > 0
                        ? static_cast<std::int64_t>(static_cast<double>(data.train.size()) * (1 - options.validation_split))
                        : data.train.size();
  auto per_epoch = (trained_on + options.common.batch_size - 1) / options.common.batch_size;
  Progress progress(options.steps > 0 ? std::min(options.steps, per_epoch) : per_epoch, options.epochs, options.common.batch_size);
  FitOptions fit{.batch_size = options.common.batch_size,
                 .epochs = options.epochs,
                 .validation_data = options.validation_split > 0 ? std::nullopt : data.validation,
                 .validation_split = options.validation_split,
                 .shuffle = !options.no_shuffle,
                 .callbacks = std::move(callbacks)};
  std::atomic<bool> stop{false};
  fit.stop = &stop;
  fit.on_step_end = [&](std::int64_t step, const Logs& logs) {
    log.write(logs);
    if (!options.quiet) progress.step(logs);
    stop = interrupted || (options.steps > 0 && step >= options.steps);
  };
  fit.on_epoch_end = [&](std::int64_t, const Logs& logs) {
    if (!options.quiet) progress.epoch_end(logs);
  };
  std::optional<TrainingRecorder> recorder;
  std::optional<ReportServer> server;
  if (!options.report.empty() || !options.live.empty() || !options.tensorboard.empty()) {
    auto steps = per_epoch * options.epochs;
    recorder.emplace(model, "Training of " + options.common.model, data.train.slice(0, trained_on),
                     options.validation_split > 0 ? data.train.slice(trained_on, data.train.size() - trained_on) : data.validation,
                     options.common.batch_size, options.steps > 0 ? std::min(options.steps, steps) : steps);
    fit.on_step_end = [&, go_on = fit.on_step_end](std::int64_t step, const Logs& logs) {
      recorder->step(step, logs);
      go_on(step, logs);
    };
    fit.on_epoch_end = [&, go_on = fit.on_epoch_end](std::int64_t epoch, const Logs& logs) {
      recorder->epoch(logs);
      go_on(epoch, logs);
    };
    if (!options.tensorboard.empty()) recorder->write_events(options.tensorboard);
    if (!options.live.empty()) {
      server.emplace(options.live, [&] { return recorder->page(); }, [&] { return recorder->data(); });
      std::cerr << fmt::format("the report is at {} while training goes on\n", server->url());
    }
    recorder->begin();
  }
  training = true;
  History history;
  // What was good before a NaN is saved and shown, and then the error is told.
  std::exception_ptr failure;
  std::optional<std::int64_t> good_epochs;
  try {
    history = model.fit(data.train, fit);
  } catch (const NotFinite& error) {
    failure = std::current_exception();
    good_epochs = error.good_epochs();
  }
  std::signal(SIGINT, SIG_DFL);
  if (!options.save.empty() && good_epochs == 0) {
    std::cerr << fmt::format("nothing is saved to {}: no epoch was good to its end\n", options.save);
  } else if (!options.save.empty()) {
    model.save(options.save);
    std::cerr << fmt::format("saved {}/model.json and its weights{}\n", options.save,
                             good_epochs ? fmt::format(", as they were after epoch {}", *good_epochs) : "");
  }
  if (!options.report.empty() || !options.live.empty()) recorder->end();
  if (!options.report.empty()) {
    write_result(options.report, recorder->page());
    std::cerr << fmt::format("wrote {}\n", options.report);
  }
  if (failure) std::rethrow_exception(failure);
  if (interrupted) {
    std::cerr << fmt::format("gradc: interrupted after step {}\n", history.steps.size());
    throw cli::Exit{130};
  }
  if (history.stopped && options.steps == 0 && !options.quiet)
    std::cerr << fmt::format("stopped after epoch {}: nothing got better\n", history.epochs.size());
  std::cout << logs_text(history.epochs.back()) << "\n";
}

}  // namespace

void add_train(cli::Program& program) {
  auto options = std::make_shared<Options>();
  auto command = program.add_command("train", "Train a model");
  command.footer("Example:\n  gradc train model.json --data mnist --batch-size 64 --epochs 1 --save trained");
  options->common.add_model(command);
  options->common.add_trained_data(command);
  options->common.add_run(command);
  options->common.training.add_loss(command);
  options->common.training.add_optimizer(command);
  command.add_option("--epochs", options->epochs, "Passes over the data").range(1, 1 << 30).show_default();
  command.add_option("--steps", options->steps, "End after this many steps").range(1, 1 << 30);
  command.add_option("--validation-split", options->validation_split, "The last part of the training data to validate on")
      .range(0.0, 0.999);
  command.add_flag("--no-shuffle", options->no_shuffle, "Take the images in the order of the file");
  command.add_option("--log", options->log, "Write loss and metrics: one JSON object a step, or into a .csv file one row an epoch")
      .type_name("STEPS.jsonl|EPOCHS.csv");
  command.add_option("--save", options->save, "Write model.json and its weights there, which tf.js loads").type_name("DIR");
  options->stops_early =
      command
          .add_option("--early-stopping", options->early_stopping,
                      "End when nothing gets better: monitor=val_loss,min_delta=0,patience=0,mode=auto,baseline,restore_best_weights=false,"
                      "start_from_epoch=0")
          .type_name("[KEY=VALUE,...]")
          .optional_value();
  command.add_option("--patience", options->patience, "End when nothing gets better in so many epochs: --early-stopping patience=N")
      .type_name("N");
  options->reduces_rate =
      command
          .add_option(
              "--reduce-lr", options->reduce_lr,
              "Lower the learning rate when nothing gets better: monitor=val_loss,factor=0.1,patience=10,mode=auto,min_delta=0.0001,"
              "cooldown=0,min_lr=0")
          .type_name("[KEY=VALUE,...]")
          .optional_value();
  command.add_option("--save-best", options->save_best, "Save there after each epoch that was the best yet").type_name("DIR");
  command.add_option("--monitor", options->monitor, "What these three look at, unless they say so: val_loss, val_acc").type_name("NAME");
  command.add_option("--report", options->report, "Write a page with charts, the confusion matrix, the worst mistakes and histograms")
      .type_name("FILE.html");
  command
      .add_option("--tensorboard", options->tensorboard,
                  "Write events for TensorBoard: losses, metrics, histograms of weights and gradients")
      .type_name("DIR");
  command
      .add_option("--report-live", options->live,
                  "Show that page in a browser while training goes on, at a port of this machine or at HOST:PORT")
      .type_name("PORT");
  command.add_flag("--check-numerics", options->check_numerics, "If a NaN or infinity appears, say in which op first (slower)");
  command.add_flag("-q,--quiet", options->quiet, "No progress");
  command.callback([options] { run(*options); });
}

}  // namespace gradc
