#pragma once
/// A step as data: its kernels, where every array of it lives, and the commands by which each thread runs it. It prints, parses and
/// verifies (step/text.h); the driver, profiles, pages and descriptions read it.

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ir/roles.h"
#include "step/kernel.h"
#include "step/kernel_info.h"
#include "support/ceil_div.h"
#include "support/memory.h"
#include "target/target.h"

namespace gradc {

/// What memory a buffer is a part of.
enum class Space : std::uint8_t {
  tile,        ///< One thread's, for the tile it works on: values that no other phase reads.
  batch,       ///< All images', for the whole step: values that cross phases.
  partial,     ///< One chunk's: sums over the batch, before they are reduced.
  replicated,  ///< Once: replicated values and scalars.
  param,       ///< The model's: params, and the values that update them in place.
};

std::string_view name_of(Space space);

struct Placement {
  Space space = Space::replicated;
  /// Bytes from the start of the space, in Space::batch for each image; for a param its index in StepPlan::params.
  std::int64_t offset = 0;
  std::int64_t bytes = 0;  ///< A tile's, a chunk's or all; in Space::batch an image's, whose neighbours follow it.

  bool operator==(const Placement&) const = default;
};

/// Memory that holds a value, and whatever reshapes show of it. Params and what updates them share one.
struct Buffer {
  std::string name;  ///< The value's.
  Type type;
  Placement placement;
};

/// An index into StepPlan::buffers.
using BufferId = std::int32_t;

/// Which of its two values a carry's buffer gives: a step of a loop reads the first half and makes the second, which change places then.
enum class CarryTurn : std::uint8_t { none, now, next };

struct Argument {
  BufferId buffer;
  std::int64_t stride = 0;           ///< Bytes from one block to the next, for a kernel that works in blocks.
  std::int64_t step = 0;             ///< Bytes from one step of a loop to the next, for a stack of which it is a step.
  CarryTurn turn = CarryTurn::none;  ///< For a carry of a loop.
};

// Commands ---------------------------------------------------------------------------------------------------------------------------

/// The inputs of a tile are stored.
struct Load {};

/// A kernel is called: on the tile, or on a block.
struct KernelCall {
  int kernel;
  std::vector<Argument> arguments;  ///< Inputs, then outputs.
};

/// Behind the last tile, the images that other phases with larger tiles read beyond it become copies of it. That tile is one of padding
/// alone where any images are missing, so that padding has what this phase computes for it: zeros would be divided by.
struct Pad {
  std::vector<BufferId> buffers;
};

/// What a loop hands from step to step of a tile.
struct Carry {
  BufferId buffer;  ///< Of two values.
  BufferId first;   ///< Copied to it before the first step.
  BufferId last;    ///< To which it is copied behind the last step, or -1.
};

/// Kernels are called on the tile, step after step.
struct TileLoop {
  std::int64_t steps = 1;
  bool reverse = false;  ///< From the last step of stacks to the first.
  std::vector<Carry> carries = {};
  std::vector<KernelCall> calls = {};
};

using TileCommand = std::variant<Load, KernelCall, TileLoop, Pad>;

/// The batch is cut into chunks, which threads share; a thread takes the tiles of a chunk in order.
struct Tiles {
  std::int64_t images = 1;           ///< A tile has.
  std::vector<BufferId> clear = {};  ///< Partial sums, which start at zero in each chunk.
  std::vector<TileCommand> commands = {};
};

/// The blocks of a kernel.
struct BlockCalls {
  KernelCall call;
  std::int64_t blocks = 1;
  /// What a block costs, about, in cycles; and what each image of the batch adds.
  std::int64_t cost = 1, cost_of_image = 0;
};

/// Threads share the blocks of all these kernels, by their costs.
struct Blocks {
  std::vector<BlockCalls> kernels = {};
};

/// Every thread waits for the others: a phase ends.
struct Barrier {};

using Command = std::variant<Tiles, Blocks, Barrier>;

/// Visitors of commands: visit(command, Overloaded{[](const Tiles&) {...}, ...}).
template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

// The step -----------------------------------------------------------------------------------------------------------------------------

struct PlannedKernel {
  KernelSource source;
  KernelInfo info;
};

/// A batched or scalar input that the runtime stores before, or with, the first kernel of a tile.
struct PlannedInput {
  InputRole role = InputRole::data;
  std::int64_t number = 0;  ///< Among the graph's inputs of this role.
  BufferId buffer = 0;
};

struct PlannedOutput {
  std::string name;
  Type type;
  BufferId buffer = 0;
};

struct StepPlan {
  std::string name = "step";
  Target target;
  Lanes lanes = Lanes::batch;
  std::int64_t padded_images = 1;  ///< A batch is padded to a multiple of this: of every tile.
  std::int64_t smallest_tile = 1;
  std::int64_t tile_bytes = 0, batch_bytes = 0, partial_bytes = 0, replicated_bytes = 0;
  std::vector<std::string> params;
  std::vector<Buffer> buffers;
  std::vector<PlannedInput> inputs;
  std::vector<PlannedOutput> outputs;
  std::vector<PlannedKernel> kernels;
  std::vector<Command> commands;

  const Placement& placement(BufferId buffer) const { return buffers[buffer].placement; }
  std::int64_t flops_per_image() const;  ///< By the mathematics: multiply-adds count two.
  std::int64_t phases() const;
  /// The tiles that load inputs, or nullptr where a step has no batched ones.
  const Tiles* loading() const;
  /// Those that a batch has.
  std::int64_t tile_count(const Tiles& tiles, std::int64_t images) const;
  std::int64_t padded(std::int64_t images) const { return ceil_div(images, padded_images) * padded_images; }
  /// Into how many chunks a batch is cut. A chunk has its own partial sums and is worked on by one thread, in order, so this
  /// number, which does not depend on the threads, and not their scheduling decides how sums are rounded.
  std::int64_t chunks(std::int64_t images) const;
};

/// Whether the images behind a phase's last tile are made for other phases.
bool pads(const Tiles& tiles);

/// Calls visit(command, phase) for every command, with the number of barriers before it.
template <class Visit>
void for_each_command(const StepPlan& plan, Visit visit) {
  int phase = 0;
  for (const auto& command : plan.commands) {
    visit(command, phase);
    if (std::holds_alternative<Barrier>(command)) ++phase;
  }
}

/// Where a call stands.
struct CallSite {
  int phase = 0;
  const Tiles* tiles = nullptr;    ///< It is made for; nullptr for a call of blocks.
  const TileLoop* loop = nullptr;  ///< In each step of which it is made, or nullptr.

  std::int64_t times() const { return loop == nullptr ? 1 : loop->steps; }
};

/// Calls visit(call, site) for every call, in order.
template <class Visit>
void for_each_call(const StepPlan& plan, Visit visit) {
  for_each_command(plan, [&](const Command& command, int phase) {
    if (const auto* tiles = std::get_if<Tiles>(&command)) {
      for (const auto& each : tiles->commands) {
        if (const auto* call = std::get_if<KernelCall>(&each)) visit(*call, CallSite{phase, tiles});
        if (const auto* loop = std::get_if<TileLoop>(&each))
          for (const auto& call : loop->calls) visit(call, CallSite{phase, tiles, loop});
      }
    } else if (const auto* blocks = std::get_if<Blocks>(&command)) {
      for (const auto& each : blocks->kernels) visit(each.call, CallSite{phase});
    }
  });
}

/// How many of a call's arguments, the first of them, its kernel reads.
std::int64_t inputs_of(const StepPlan& plan, const KernelCall& call);

/// Plans a graph after `block`. Memory goes by liveness: values of a tile share the bytes of those that are not used any more. With guards,
/// every value has pages of its own and one more, which is nobody's, on that side; in Space::batch its distance is that of the next 64
/// bytes of an image, times the images.
StepPlan make_plan(const Graph& graph, Guards guards = Guards::none);

/// How long a value needs its memory: of a tile from one kernel to another, of the batch from one phase to another. Values of other spaces
/// keep theirs for the whole step.
struct ValueLife {
  BufferId buffer = 0;
  int first = 0, last = 0;  ///< Kernels in the order of their calls, or phases; an input is there from -1 on, an output until the end.
};

/// When the values in Space::tile and Space::batch are needed.
std::vector<ValueLife> lives(const StepPlan& plan);

/// What each kernel reads and writes in a step, each of its arguments once.
std::vector<std::int64_t> bytes_of_kernels(const StepPlan& plan, std::int64_t images);

/// The most events that a thread writes in a step of so many images.
std::int64_t most_events(const StepPlan& plan, std::int64_t images);

/// Bytes from the start of a space that some value has, as [begin, end), sorted: for one thread or chunk, in Space::batch for so many
/// images.
std::vector<std::pair<std::int64_t, std::int64_t>> used_bytes(const StepPlan& plan, Space space, std::int64_t padded_images);

/// What each phase of a step does, as comment lines of the graph's text: its tiles, its work in FLOPs and bytes, and how the gradients of
/// weights are made whole.
std::string describe_phases(const StepPlan& plan, std::int64_t batch);

}  // namespace gradc
