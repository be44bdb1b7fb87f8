#include "bench/program.h"

#include <iostream>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "gradc/error.h"

namespace gradc {

int run_program(CLI::App& app, int argc, char** argv, const std::function<bool()>& print_table,
                const std::function<void()>& add_benchmarks) {
  app.allow_extras();
  app.footer("Without a table: the options of Google Benchmark, as --benchmark_filter=REGEX.");
  try {
    app.parse(argc, argv);
    if (print_table()) return 0;
    std::vector<std::string> left = app.remaining();
    std::vector<char*> arguments = {argv[0]};
    for (auto& each : left) arguments.push_back(each.data());
    auto count = static_cast<int>(arguments.size());
    arguments.push_back(nullptr);
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
    add_benchmarks();
    benchmark::RunSpecifiedBenchmarks();
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const Error& error) {
    std::cerr << app.get_name() << ": " << error.what() << "\n";
    return 1;
  }
}

}  // namespace gradc
