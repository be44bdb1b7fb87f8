#include "bench/program.h"

#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "gradc/error.h"

namespace gradc {

int run_program(cli::Program& program, int argc, char** argv, const std::function<bool()>& print_table,
                const std::function<void()>& add_benchmarks) {
  program.allow_extras();
  program.footer("Without a table: the options of Google Benchmark, as --benchmark_filter=REGEX.");
  program.callback([&] {
    if (print_table()) return;
    auto extras = program.extras();
    std::vector<char*> arguments = {argv[0]};
    for (auto& each : extras) arguments.push_back(each.data());
    auto count = static_cast<int>(arguments.size());
    arguments.push_back(nullptr);
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) throw cli::Exit{2};
    add_benchmarks();
    benchmark::RunSpecifiedBenchmarks();
  });
  return program.run(argc, argv);
}

}  // namespace gradc
