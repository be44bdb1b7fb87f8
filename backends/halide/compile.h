#pragma once
/// The Halide backend: compiles a kernel to an object file.

#include <filesystem>
#include <map>
#include <string>

#include "step/kernel.h"
#include "target/target.h"

namespace gradc {

/// This machine.
const Target& host_target();

/// The target that a text names, as parse_target reads it, without a base this machine; the Halide target string without the features that
/// our code does not depend on. Throws gradc::Error if it is not one.
Target read_target(const std::string& text);

/// Throws gradc::Error for a target whose code this machine cannot run.
void expect_runs_here(const Target& target);

/// The version of Halide, as "21.0.0".
std::string halide_version();

/// What is written of a kernel: the object file, or for reading the assembly or Halide's lowered statement.
enum class CodeForm { object, assembly, statement };

/// Writes the code of a kernel in these forms, with one function of this name: it takes a halide_buffer_t* for each input and each output,
/// of which it reads `host` alone, and before them, where the kernel reduces, the number of partial sums and the elements between them
/// (both int32). Several threads may compile at once. Of the register tiles that the kernel's schedule may have, the one is taken that is
/// `candidate`-th by modelled cycles, from 0, or the last; any gives the same results up to rounding.
void compile_kernel(const KernelSource& kernel, const std::string& function, const std::map<CodeForm, std::filesystem::path>& files,
                    int candidate = 0);

}  // namespace gradc
