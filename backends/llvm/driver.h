#pragma once
/// The LLVM backend: writes the driver of a step as LLVM IR, and links it with the kernels' objects by ORC.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backends/plan.h"

namespace gradc {

/// What a thread did up to a moment, since its event before.
struct StepEvent {
  std::uint64_t ticks = 0;        ///< As read_ticks counts (support/ticks.h).
  std::int32_t what = kStarting;  ///< A kernel's number in the plan, or a StepActivity.
  std::int32_t unused = 0;
};

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
  /// Of a step linked with events: each thread writes its events from events + thread * events_of_thread on, and to events_end[thread]
  /// where they end.
  StepEvent* events = nullptr;
  std::int64_t events_of_thread = 0;
  StepEvent** events_end = nullptr;
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

/// The most events that a thread writes in a step of so many images.
std::int64_t most_events(const StepPlan& plan, std::int64_t images);

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
