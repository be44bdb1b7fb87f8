#pragma once
/// The interface between a step's generated driver and the runtime that calls it.

#include <cstdint>

#include "step/kernel_info.h"

namespace gradc {

/// What a thread did up to a moment, since its event before.
struct StepEvent {
  std::uint64_t ticks = 0;        ///< As read_ticks counts (support/ticks.h).
  std::int32_t what = kStarting;  ///< A kernel's number in the plan, or a StepActivity.
  std::int32_t unused = 0;
};

/// What the driver reads of a step's run. Generated code knows its layout.
struct StepContext {
  std::int64_t threads = 1, chunks = 0;
  std::int64_t images = 0;         ///< The batch has.
  std::int64_t padded_images = 0;  ///< Those that the batch arena has room for: whole tiles.
  char* tile_arena = nullptr;      ///< plan.tile_bytes a thread
  char* batch_arena = nullptr;     ///< plan.batch_bytes an image
  char* partials = nullptr;        ///< plan.partial_bytes a chunk
  char* replicated = nullptr;      ///< plan.replicated_bytes
  char* const* params = nullptr;
  /// Stores the inputs of the tile that starts with this image.
  void (*load_tile)(StepContext*, std::int64_t first_image, char* tile_memory) = nullptr;
  /// Waits until all threads of the step have come here.
  void (*barrier)(StepContext*) = nullptr;
  void* owner = nullptr;
  /// Events of a step linked with them: each thread writes its own from events + thread * events_of_thread on, and to
  /// events_end[thread] where they end.
  StepEvent* events = nullptr;
  std::int64_t events_of_thread = 0;
  StepEvent** events_end = nullptr;
};

/// A linked step: every thread of the step calls it with its number.
using StepFunction = void (*)(StepContext*, std::int64_t thread);
/// The same for one kernel of the plan alone, over the whole batch of the last step.
using KernelFunction = void (*)(StepContext*, std::int64_t thread, std::int64_t kernel);

}  // namespace gradc
