#pragma once
/// The LLVM backend: writes the driver of a step as LLVM IR, and links it with the kernels' objects by ORC.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "step/context.h"
#include "step/plan.h"

namespace gradc {

/// An object file with the symbol that its kernel is called by.
struct KernelObject {
  std::string symbol;
  std::string bytes;
};

/// The same code under another name.
KernelObject renamed(const KernelObject& object, const std::string& symbol);

/// Where the code of a symbol lies in this process.
struct CodeRange {
  std::string symbol;
  std::uint64_t address = 0, bytes = 0;
};

struct LinkOptions {
  bool separate_kernels = false;  ///< Also a function that runs one kernel alone.
  bool events = false;            ///< The step writes when it did what.
  bool debugger = false;          ///< Registers the code with gdb.
};

class LinkedStep {
 public:
  /// `symbol_of_kernel` names the code of each kernel of the plan; `objects` hold that code, each once.
  LinkedStep(const StepPlan& plan, const std::vector<std::string>& symbol_of_kernel, const std::vector<KernelObject>& objects,
             const LinkOptions& options = {});
  ~LinkedStep();
  LinkedStep(LinkedStep&&) noexcept;

  StepFunction function() const;
  /// Null unless the step was linked with separate kernels.
  KernelFunction kernel() const;
  /// Where the code of the objects lies that the step was linked from.
  std::vector<CodeRange> code(const std::vector<KernelObject>& objects) const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

/// The driver as LLVM IR text.
std::string driver_ir(const StepPlan& plan, const std::vector<std::string>& symbol_of_kernel);

std::string llvm_version();

}  // namespace gradc
