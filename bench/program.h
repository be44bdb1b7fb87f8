#pragma once
/// What the programs of this folder share: options beside Google Benchmark's own, and errors.

#include <functional>

#include "support/command_line.h"

namespace gradc {

/// Reads the options and runs `print_table`. Where that returns false, as no table was asked for, `add_benchmarks` registers those that
/// Google Benchmark then runs with the options that are left. Returns the program's exit status.
int run_program(cli::Program& program, int argc, char** argv, const std::function<bool()>& print_table,
                const std::function<void()>& add_benchmarks);

}  // namespace gradc
