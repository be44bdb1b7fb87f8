#pragma once
/// The machine code of a plan's kernels: from the kernel cache, or compiled; and the same code in forms for reading.

#include <map>
#include <string>
#include <vector>

#include "backends/halide/compile.h"
#include "backends/llvm/driver.h"
#include "compile/compile_step.h"
#include "step/plan.h"

namespace gradc {

struct KernelCode {
  std::vector<std::string> symbols;  ///< One for each kernel of the plan.
  std::vector<KernelObject> objects;
};

/// The code of every kernel, compiled several at a time where the cache has it not, or if `anew`. Fills KernelInfo::code of the plan's
/// kernels.
KernelCode compile_kernels(StepPlan& plan, const StepOptions& options, CompileReport& report, bool anew = false);

/// A kernel's code in forms for reading.
std::map<CodeForm, std::string> kernel_listings(const KernelSource& source, const std::vector<CodeForm>& forms, const StepOptions& options);

}  // namespace gradc
