#include <iostream>
#include <memory>

#include "ir/text.h"
#include "passes/pipeline.h"
#include "support/error.h"
#include "support/files.h"
#include "tools/commands.h"

namespace gradc {
namespace {

std::string read_input(const std::string& path) {
  if (path != "-") return read_file(path);
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

std::vector<Pass> chosen(const std::string& names) {
  std::vector<Pass> result;
  for (std::size_t at = 0; at < names.size();) {
    auto end = std::min(names.find(',', at), names.size());
    auto name = names.substr(at, end - at);
    bool found = false;
    for (const auto& pass : named_passes())
      if (pass.name == name) {
        result.push_back(pass);
        found = true;
      }
    if (!found) {
      std::string known;
      for (const auto& pass : named_passes()) known += (known.empty() ? "" : ", ") + pass.name;
      throw Error("there is no pass \"{}\"; the passes are {}", name, known);
    }
    at = end + 1;
  }
  return result;
}

}  // namespace

void add_opt(CLI::App& program) {
  struct Options {
    std::string file = "-", passes;
    bool list = false, print_after_all = false, time = false;
  };
  auto options = std::make_shared<Options>();
  auto* command = program.add_subcommand("opt", "Run passes alone on a graph's text");
  command->footer("Example:\n  gradc opt graph.ir --passes canonicalize,differentiate");
  command->add_option("FILE.ir", options->file, "A graph as `gradc dump` prints it; - is standard input")->capture_default_str();
  command->add_option("--passes", options->passes, "Names of passes, with commas between them")->type_name("A,B,C");
  command->add_flag("--list-passes", options->list, "Print the passes, with a sentence each");
  command->add_flag("--print-after-all", options->print_after_all, "Print the graph after each pass");
  command->add_flag("--time-passes", options->time, "Print the time of each pass to standard error");
  command->callback([options] {
    if (options->list) {
      for (const auto& pass : named_passes()) std::cout << fmt::format("{:<16} {}\n", pass.name, pass.summary);
      return;
    }
    auto graph = parse(read_input(options->file), options->file);
    PassObserver observer;
    observer.after = [&](const Pass& pass, const Graph& after, double seconds) {
      if (options->time) std::cerr << fmt::format("{:<16} {:9.3f} ms  {} ops\n", pass.name, seconds * 1e3, after.ops.size());
      if (options->print_after_all) std::cout << "; after " << pass.name << "\n" << print(after) << "\n";
    };
    run_passes(graph, chosen(options->passes), observer);
    if (options->print_after_all) return;
    std::cout << print(graph);
  });
}

}  // namespace gradc
