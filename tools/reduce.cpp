#include <cstdlib>
#include <iostream>
#include <memory>

#include <sys/wait.h>

#include "fuzz/reduce_graph.h"
#include "gradc/error.h"
#include "ir/text.h"
#include "support/files.h"
#include "tools/commands.h"

namespace gradc {
namespace {

/// Runs a command with the name of a file that holds the graph. It exits with 0 if the graph still shows the failure.
bool succeeds(const std::string& test, const Graph& graph, const std::filesystem::path& folder) {
  write_file(folder / "graph.ir", print(graph));
  auto file = (folder / "graph.ir").string();
  int status = std::system((test + " " + file + " >/dev/null 2>&1").c_str());
  if (WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 127)) throw Error("the test cannot be run: {}", test);
  return WEXITSTATUS(status) == 0;
}

}  // namespace

void add_reduce(cli::Program& program) {
  struct Options {
    std::string file, test, out;
  };
  auto options = std::make_shared<Options>();
  auto command = program.add_command("reduce", "Shrink a graph as long as a command still succeeds on it");
  command.footer(
      "The test gets the name of a file with a graph as its last argument and exits with 0 if the graph still shows what is looked for.\n\n"
      "Example:\n  echo '! gradc opt $1 --passes fuse' >crashes.sh; gradc reduce graph.ir --test 'sh crashes.sh' -o small.ir");
  command.add_option("FILE.ir", options->file, "A graph that shows a failure").required();
  command.add_option("--test", options->test, "A command for the shell").required().type_name("CMD");
  command.add_option("-o", options->out, "Write to a file instead of standard output").type_name("FILE");
  command.callback([options] {
    auto graph = parse(read_text(options->file), options->file);
    auto before = graph.ops.size();
    TemporaryFolder folder;
    fuzz::GraphReducer reducer(std::move(graph), [&](const Graph& smaller) { return succeeds(options->test, smaller, folder.path()); });
    auto small = reducer.run();
    std::cerr << fmt::format("{} of {} ops are left after {} tests\n", small.ops.size(), before, reducer.tests());
    write_result(options->out, print(small));
  });
}

}  // namespace gradc
