#pragma once
/// The Halide backend: compiles a kernel to an object file.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "backends/kernel.h"

namespace gradc {

/// What code is made for.
struct KernelTarget {
  std::string name;       ///< The Halide target string, with the features of the CPU.
  int lanes;              ///< f32 elements of a vector register: the images of a tile.
  int registers;          ///< Vector registers.
  std::int64_t l2_bytes;  ///< A core's own cache, which the layout of a step is chosen for; code does not depend on it.
};

/// The target that a text names: a Halide target string, then, if wanted, `,l2=` with the bytes of a core's own cache (512k, 1M). What it
/// does not say is this machine's, and so is all of an empty text. Throws gradc::Error if it is not a target, or not one that this machine
/// can run.
KernelTarget kernel_target(const std::string& text);

/// The version of Halide, as "21.0.0".
std::string halide_version();

/// What is written of a kernel: the object file, or for reading the assembly or Halide's lowered statement.
enum class KernelForm { object, assembly, statement };

/// Writes the code of a kernel in these forms, with one function of this name: it takes a halide_buffer_t* for each input and each output,
/// of which it reads `host` alone, and before them, where the kernel reduces, the number of partial sums and the elements between them
/// (both int32). Several threads may compile at once. Of the register blocks that the kernel's schedule may have, the one is taken that is
/// `candidate`-th by modelled cycles, from 0, or the last; any gives the same results up to rounding.
void compile_kernel(const KernelSource& kernel, const KernelTarget& target, const std::string& function,
                    const std::map<KernelForm, std::filesystem::path>& files, int candidate = 0);

}  // namespace gradc
