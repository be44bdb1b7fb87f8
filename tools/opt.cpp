#include <iostream>
#include <memory>

#include "ir/text.h"
#include "passes/commute_pool.h"
#include "passes/decompose.h"
#include "passes/differentiate.h"
#include "passes/fuse.h"
#include "passes/partition.h"
#include "passes/pipeline.h"
#include "passes/shard.h"
#include "passes/simplify.h"
#include "support/error.h"
#include "support/files.h"
#include "tools/commands.h"

namespace gradc {
namespace {

const std::vector<Pass>& passes() {
  static const std::vector<Pass> table = {
      {"canonicalize", "algebraic identities, reshapes of reshapes", canonicalize},
      {"fold", "compute pointwise ops of constants", fold_constants},
      {"cse", "let ops that compute the same share one result", eliminate_common_subexpressions},
      {"dce", "remove ops whose results nothing uses", eliminate_dead_code},
      {"commute_pool", "pool before bias and relu", commute_pool},
      {"differentiate", "add the gradient of output \"loss\" for every trainable param", differentiate},
      {"decompose", "batch statistics as sums over the batch", decompose},
      {"shard", "mask padding in sums over the batch, and reduce partial sums where they are needed whole", shard},
      {"fuse", "group ops into kernels", [](Graph& graph) { fuse(graph); }},
      {"no_fuse", "make each op a kernel of its own", [](Graph& graph) { fuse(graph, {.fuse = false}); }},
      {"partition", "cut the step into phases", [](Graph& graph) { partition(graph); }},
  };
  return table;
}

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
    for (const auto& pass : passes())
      if (pass.name == name) {
        result.push_back(pass);
        found = true;
      }
    if (!found) {
      std::string known;
      for (const auto& pass : passes()) known += (known.empty() ? "" : ", ") + pass.name;
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
  };
  auto options = std::make_shared<Options>();
  auto* command = program.add_subcommand("opt", "Run passes alone on a graph's text");
  command->footer("Example:\n  gradc opt graph.ir --passes canonicalize,differentiate");
  command->add_option("FILE.ir", options->file, "A graph as `gradc dump` prints it; - is standard input")->capture_default_str();
  command->add_option("--passes", options->passes, "Names of passes, with commas between them")->type_name("A,B,C");
  command->callback([options] {
    auto graph = parse(read_input(options->file), options->file);
    run_passes(graph, chosen(options->passes));
    std::cout << print(graph);
  });
}

}  // namespace gradc
