#pragma once
/// A crash or verifier failure inside a pass leaves a file with the graph as it was before the pass, and the command that makes it happen
/// again.

#include "passes/pipeline.h"

namespace gradc {

/// Writes the graph to a new file in the folder for temporary files. Returns what to tell the user: the file and the command.
std::string write_reproducer(const Graph& before, const Pass& pass);

/// If a signal such as SIGSEGV or SIGABRT ends the process within a pass, writes a reproducer first.
void write_reproducers_on_crashes();

}  // namespace gradc
