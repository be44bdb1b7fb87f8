#include <cstdlib>
#include <iostream>
#include <memory>
#include <set>

#include <sys/wait.h>

#include "ir/text.h"
#include "passes/simplify.h"
#include "support/error.h"
#include "support/files.h"
#include "tools/commands.h"

namespace gradc {
namespace {

/// Removes what a graph does not need to have to show a failure, by delta debugging: each kind of part is taken out in runs of half of
/// them, a quarter, down to single ones, and stays out if the test still succeeds. Zeller and Hildebrandt, "Simplifying and Isolating
/// Failure-Inducing Input", IEEE Transactions on Software Engineering 28(2), 2002.
class Reducer {
 public:
  Reducer(Graph graph, std::string test) : graph_(std::move(graph)), test_(std::move(test)) {}

  Graph run() {
    if (!fails(graph_)) throw Error("the test does not exit with 0 for the whole graph, so nothing can be taken out of it");
    for (std::size_t before = 0; before != graph_.ops.size();) {
      before = graph_.ops.size();
      remove_parts([](const Op& op) { return op.kind == OpKind::output || op.kind == OpKind::update; }, remove_terminals);
      remove_parts([](const Op& op) { return op.kind == OpKind::output; }, give_first_operand);
      remove_parts([](const Op& op) { return op.kind == OpKind::output; }, give_last_operand);
      remove_parts([](const Op& op) { return !op.operands.empty() && !op.results.empty(); }, bypass);
      remove_parts([](const Op& op) { return !op.results.empty() && op.kind != OpKind::input && op.kind != OpKind::param; }, cut);
      remove_parts([](const Op& op) { return op.kind == OpKind::input || op.kind == OpKind::param; }, remove_unused);
    }
    remove_parts([](const Op& op) { return !op.loc.empty(); },
                 [](Graph& graph, const std::set<std::size_t>& parts) {
                   for (auto i : parts) graph.ops[i].loc.clear();
                 });
    return graph_;
  }
  int tests() const { return tests_; }

 private:
  using Change = void (*)(Graph&, const std::set<std::size_t>& ops);

  static void remove_terminals(Graph& graph, const std::set<std::size_t>& ops) {
    for (auto it = ops.rbegin(); it != ops.rend(); ++it) graph.ops.erase(graph.ops.begin() + static_cast<std::ptrdiff_t>(*it));
  }

  static void remove_unused(Graph& graph, const std::set<std::size_t>& ops) {
    auto users = graph.users();
    std::set<std::size_t> unused;
    for (auto i : ops)
      if (users[graph.ops[i].result()].empty()) unused.insert(i);
    remove_terminals(graph, unused);
  }

  /// Lets outputs give what the op that makes them takes.
  static void give_first_operand(Graph& graph, const std::set<std::size_t>& outputs) { give_operand(graph, outputs, false); }
  static void give_last_operand(Graph& graph, const std::set<std::size_t>& outputs) { give_operand(graph, outputs, true); }
  static void give_operand(Graph& graph, const std::set<std::size_t>& outputs, bool last) {
    auto definers = graph.definers();
    for (auto i : outputs) {
      auto& given = graph.ops[i].operands[0];
      const auto& operands = graph.ops[definers[given]].operands;
      if (!operands.empty()) given = last ? operands.back() : operands.front();
    }
  }

  /// Lets the uses of an op's result use an operand of the same type.
  static void bypass(Graph& graph, const std::set<std::size_t>& ops) {
    for (auto i : ops)
      for (auto result : graph.ops[i].results)
        for (auto operand : graph.ops[i].operands)
          if (graph.type(operand) == graph.type(result)) {
            graph.replace_uses(result, operand);
            break;
          }
  }

  /// Makes inputs of an op's results, so that nothing before it is needed.
  static void cut(Graph& graph, const std::set<std::size_t>& ops) {
    std::vector<Op> inputs;
    for (auto i : ops)
      for (auto result : graph.ops[i].results) {
        Op input{.kind = OpKind::input, .results = {result}};
        input.attributes.set("name", graph.values[result].name);
        inputs.push_back(input);
      }
    remove_terminals(graph, ops);
    graph.ops.insert(graph.ops.begin(), inputs.begin(), inputs.end());
  }

  template <class Is>
  void remove_parts(Is is_part, Change change) {
    auto count = [&] {
      std::vector<std::size_t> parts;
      for (std::size_t i = 0; i < graph_.ops.size(); ++i)
        if (is_part(graph_.ops[i])) parts.push_back(i);
      return parts;
    };
    for (auto size = count().size(); size > 0; size /= 2) {
      // From the end, so that what is left before keeps its place.
      for (auto end = count().size(); end > 0;) {
        auto parts = count();
        end = std::min(end, parts.size());
        auto begin = end > size ? end - size : 0;
        if (begin == end) break;
        auto smaller = graph_;
        change(smaller, {parts.begin() + static_cast<std::ptrdiff_t>(begin), parts.begin() + static_cast<std::ptrdiff_t>(end)});
        accept(std::move(smaller));
        end = begin;
      }
    }
  }

  void accept(Graph smaller) {
    try {
      eliminate_dead_code(smaller);
      auto text = print(smaller);
      if (text == print(graph_)) return;
      smaller = parse(text);
    } catch (const std::exception&) {
      return;  // not a graph any more
    }
    if (fails(smaller)) graph_ = std::move(smaller);
  }

  bool fails(const Graph& graph) {
    ++tests_;
    write_file(folder_.path() / "graph.ir", print(graph));
    auto file = (folder_.path() / "graph.ir").string();
    int status = std::system((test_ + " " + file + " >/dev/null 2>&1").c_str());
    if (WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 127)) throw Error("the test cannot be run: {}", test_);
    return WEXITSTATUS(status) == 0;
  }

  Graph graph_;
  std::string test_;
  TemporaryFolder folder_;
  int tests_ = 0;
};

}  // namespace

void add_reduce(CLI::App& program) {
  struct Options {
    std::string file, test, out;
  };
  auto options = std::make_shared<Options>();
  auto* command = program.add_subcommand("reduce", "Shrink a graph as long as a command still succeeds on it");
  command->footer(
      "The test gets the name of a file with a graph as its last argument and exits with 0 if the graph still shows what is looked for.\n\n"
      "Example:\n  echo '! gradc opt $1 --passes fuse' >crashes.sh; gradc reduce graph.ir --test 'sh crashes.sh' -o small.ir");
  command->add_option("FILE.ir", options->file, "A graph that shows a failure")->required();
  command->add_option("--test", options->test, "A command for the shell")->required()->type_name("CMD");
  command->add_option("-o", options->out, "Write to a file instead of standard output")->type_name("FILE");
  command->callback([options] {
    auto graph = parse(read_text(options->file), options->file);
    auto before = graph.ops.size();
    Reducer reducer(std::move(graph), options->test);
    auto small = reducer.run();
    std::cerr << fmt::format("{} of {} ops are left after {} tests\n", small.ops.size(), before, reducer.tests());
    write_result(options->out, print(small));
  });
}

}  // namespace gradc
