#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <random>
#include <sstream>

#include "fuzz/shrink.h"
#include "gradc/error.h"
#include "support/files.h"
#include "tools/commands.h"

namespace gradc {
namespace {

using fuzz::Case;
using fuzz::Verdict;

struct Options {
  std::vector<std::string> files;
  std::optional<std::uint64_t> seed;
  double seconds = 0, minutes = 0, shrink_seconds = 60, case_seconds = 30;
  std::int64_t count = 0, first = 0, most_finds = 10;
  bool models = false, graphs = false;
  std::string out = "finds";
  int jobs = 1;
};

const char* name_of(Case::Kind kind) { return kind == Case::Kind::model ? "model" : "graph"; }

/// The first lines of a text, indented.
std::string shown(const std::string& text) {
  constexpr int kMostLines = 12;
  std::istringstream lines(text);
  std::string result, line;
  for (int count = 0; std::getline(lines, line); ++count) {
    if (count == kMostLines) return result + "  ...\n";
    result += "  " + line + "\n";
  }
  return result;
}

/// Case files, also those of folders.
std::vector<std::filesystem::path> case_files(const std::vector<std::string>& named) {
  std::vector<std::filesystem::path> files;
  for (const std::filesystem::path path : named) {
    if (!std::filesystem::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(path))
      if (entry.path().extension() == ".json" || entry.path().extension() == ".ir") files.push_back(entry.path());
  }
  if (files.empty()) throw Error("{}: holds no .json and no .ir files", named.front());
  std::sort(files.begin(), files.end());
  return files;
}

/// Compares the cases of files, and returns how many are finds.
int run_files(const Options& options) {
  TemporaryFolder folder;
  fuzz::Judge judge(folder.path(), options.case_seconds);
  int finds = 0;
  for (const auto& file : case_files(options.files)) {
    auto verdict = judge.compare(fuzz::read_case(file));
    std::cout << fmt::format("{}: {}\n{}", file.string(), fuzz::name_of(verdict.kind), shown(verdict.text)) << std::flush;
    finds += verdict.is_find();
  }
  return finds;
}

/// Makes cases until the time or the count is up.
class Search {
 public:
  explicit Search(const Options& options)
      : options_(options), seed_(options.seed.value_or(std::random_device()())), judge_(folder_.path(), options.case_seconds) {}

  /// Returns how many cases are finds.
  int run() {
    std::cout << fmt::format("seed {}\n", seed_) << std::flush;
    auto next = options_.first;
    double said = 0;
    auto goes_on = [&] {
      if (finds_ >= options_.most_finds) return false;
      return options_.count > 0 ? next < options_.first + options_.count : seconds() < limit();
    };
    while (goes_on() || judge_.running() > 0) {
      while (goes_on() && judge_.running() < static_cast<std::size_t>(options_.jobs)) start(next++);
      judge_.wait();
      if (seconds() >= said + 60) {
        said = seconds();
        std::cout << summary() << "\n" << std::flush;
      }
    }
    std::cout << fmt::format("seed {}: {}\n", seed_, summary()) << std::flush;
    return finds_;
  }

 private:
  using Clock = std::chrono::steady_clock;

  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  double limit() const { return options_.seconds + 60 * options_.minutes; }

  std::string summary() const {
    return fmt::format("{} models and {} graphs in {:.0f} s, {:.0f} a minute; {} undecided, {} find{}", models_, graphs_, seconds(),
                       60 * (models_ + graphs_) / seconds(), undecided_, finds_, finds_ == 1 ? "" : "s");
  }

  Case::Kind kind_of(std::int64_t index) const {
    if (options_.models != options_.graphs) return options_.models ? Case::Kind::model : Case::Kind::graph;
    return index % 3 == 2 ? Case::Kind::graph : Case::Kind::model;
  }

  fuzz::Choices choices_of(std::int64_t index) const {
    return {seed_ * 2 + (kind_of(index) == Case::Kind::graph ? 1 : 0), static_cast<std::uint64_t>(index)};
  }

  void start(std::int64_t index) {
    auto make = [this, index] {
      auto choices = choices_of(index);
      return fuzz::random_case(kind_of(index), choices);
    };
    judge_.start(make, [this, index](const Verdict& verdict) {
      (kind_of(index) == Case::Kind::model ? models_ : graphs_)++;
      undecided_ += verdict.kind == Verdict::Kind::undecided;
      if (verdict.is_find()) report(index, verdict);
    });
  }

  void report(std::int64_t index, const Verdict& verdict) {
    ++finds_;
    auto kind = kind_of(index);
    auto again = fmt::format("gradc fuzz --seed {} --{}s --first {} --count 1", seed_, name_of(kind), index);
    std::cout << fmt::format("{} {} of seed {}: {}\n{}  made again by: {}\n", name_of(kind), index, seed_, fuzz::name_of(verdict.kind),
                             shown(verdict.text), again)
              << std::flush;
    auto choices = choices_of(index);
    fuzz::Shrunk small{fuzz::random_case(kind, choices), verdict};
    if (options_.shrink_seconds > 0) {
      small = fuzz::shrink(kind, choices, verdict, judge_, options_.shrink_seconds);
      std::cout << fmt::format("  a smaller one, after {} tests:\n{}", small.tests, shown(small.verdict.text));
    }
    auto name = fmt::format("{}-{}-{}", name_of(kind), seed_, index) + fuzz::file_extension(kind);
    auto file = std::filesystem::path(options_.out) / name;
    write_file(file, fuzz::file_text(small.smallest));
    std::cout << fmt::format("  shown by: gradc fuzz {}\n", file.string()) << std::flush;
  }

  const Options& options_;
  std::uint64_t seed_;
  TemporaryFolder folder_;
  fuzz::Judge judge_;
  Clock::time_point start_ = Clock::now();
  int models_ = 0, graphs_ = 0, undecided_ = 0;
  int finds_ = 0;
};

void run(const Options& options) {
  auto finds = options.files.empty() ? Search(options).run() : run_files(options);
  if (finds > 0) throw cli::Exit{1};
}

}  // namespace

void add_fuzz(cli::Program& program) {
  auto options = std::make_shared<Options>();
  options->seconds = 60;
  auto command = program.add_command("fuzz", "Compare compiled steps of random models and graphs with the reference");
  command.footer(
      "Each case is a model or a graph with a configuration: batch, lanes, tiles, threads, schedules, passes left out, target. Values, "
      "gradients\n"
      "and updated weights of a compiled step or two are compared with those of the reference in double. What differs, crashes, hangs or "
      "is\n"
      "refused is made smaller and written to a file, which the same command runs again. Exits with 1 if there is any.\n\n"
      "Examples:\n"
      "  gradc fuzz --minutes 10 --jobs 2\n"
      "  gradc fuzz --seed 7 --count 100 --graphs\n"
      "  gradc fuzz finds/model-7-31.json");
  command.add_option("FILE", options->files, "Cases to run again, or folders of them, instead of random ones");
  command.add_option("--seed", options->seed, "Seed of the cases; a new one each time if not given");
  const auto seconds = command.add_option("--seconds", options->seconds, "How long to make cases").show_default();
  const auto minutes = command.add_option("--minutes", options->minutes, "The same in minutes").excludes(seconds);
  command.add_option("--count", options->count, "How many cases to make").excludes(seconds).excludes(minutes);
  command.add_option("--first", options->first, "Index of the first case").show_default();
  command.add_flag("--models", options->models, "Models only");
  command.add_flag("--graphs", options->graphs, "Graphs only");
  command.add_option("--out", options->out, "Folder for the finds").type_name("DIR").show_default();
  command.add_option("--jobs", options->jobs, "Cases at a time").range(1, 256).show_default();
  command.add_option("--finds", options->most_finds, "End after so many finds").show_default();
  command.add_option("--shrink-seconds", options->shrink_seconds, "How long to make a find smaller; 0: not at all").show_default();
  command.add_option("--case-seconds", options->case_seconds, "CPU time after which a case hangs").show_default();
  command.callback([options, minutes] {
    if (minutes.given()) options->seconds = 0;
    run(*options);
  });
}

}  // namespace gradc
