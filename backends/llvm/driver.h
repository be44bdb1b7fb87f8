#pragma once
/// The LLVM backend: writes the driver of a step as LLVM IR, and links it with the kernels' objects by ORC.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backends/plan.h"

namespace gradc {

/// What the driver reads of a step's run. Its layout is known to the generated code (driver.cpp).
struct StepContext {
  std::int64_t threads = 1, chunks = 0;
  std::int64_t images = 0;         ///< Of the batch.
  std::int64_t padded_images = 0;  ///< Those that the batch arena has room for: whole tiles.
  char* tile_arena = nullptr;      ///< plan.tile_bytes a thread
  char* batch_arena = nullptr;     ///< plan.batch_bytes an image
  char* partials = nullptr;        ///< plan.partial_bytes a chunk
  char* whole = nullptr;           ///< plan.whole_bytes
  char* const* params = nullptr;
  /// Stores the inputs of the tile that starts with this image.
  void (*load_tile)(StepContext*, std::int64_t first_image, char* tile_memory) = nullptr;
  /// Waits until all threads of the step have come here.
  void (*barrier)(StepContext*) = nullptr;
  void* owner = nullptr;
};

/// A linked step: every thread of the step calls it with its number.
using StepFunction = void (*)(StepContext*, std::int64_t thread);
/// The same for one kernel of the plan alone, over the whole batch of the last step.
using KernelFunction = void (*)(StepContext*, std::int64_t thread, std::int64_t kernel);

/// An object file with the symbol that its kernel is called by.
struct KernelObject {
  std::string symbol;
  std::string bytes;
};

/// Where the code of a symbol lies in this process.
struct CodeRange {
  std::string symbol;
  std::uint64_t address = 0, bytes = 0;
};

class LinkedStep {
 public:
  /// `symbol_of_kernel` names the code of each kernel of the plan; `objects` hold that code, each once.
  LinkedStep(const StepPlan& plan, const std::vector<std::string>& symbol_of_kernel, const std::vector<KernelObject>& objects,
             bool separate_kernels = false);
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
