#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "gradc/error.h"
#include "step/text.h"

namespace gradc {
namespace {

class Verifier {
 public:
  explicit Verifier(const StepPlan& plan) : plan_(plan), written_(plan.buffers.size()), calls_(plan.kernels.size(), 0) {}

  void run() {
    for (const auto& buffer : plan_.buffers) expect_in_its_space(buffer);
    expect_disjoint();
    for (std::size_t b = 0; b < plan_.buffers.size(); ++b)
      if (plan_.buffers[b].placement.space == Space::param) written_[b] = Write{};
    for (const auto& input : plan_.inputs)
      if (!plan_.buffers[input.buffer].type.batched()) written_[input.buffer] = Write{};
    for_each_command(plan_, [&](const Command& command, int phase) {
      phase_ = phase;
      command_ = &command;
      std::visit([&](const auto& each) { expect(each); }, command);
    });
    for (std::size_t k = 0; k < calls_.size(); ++k)
      if (calls_[k] != 1) fail(fmt::format("kernel @{} is called {} times", plan_.kernels[k].info.name, calls_[k]));
    for (const auto& output : plan_.outputs) {
      if (!written_[output.buffer]) fail(fmt::format("output \"{}\" is {}, which nothing writes", output.name, name(output.buffer)));
      if (space(output.buffer) == Space::tile) fail(fmt::format("output \"{}\" is {} of a tile", output.name, name(output.buffer)));
    }
  }

 private:
  /// When a buffer was written; before the step, if not by a command.
  struct Write {
    int phase = -1;
    const Command* command = nullptr;
    int kernel = -1;
  };

  [[noreturn]] void fail(const std::string& why) const { throw InternalError(fmt::format("step @{}: {}", plan_.name, why)); }
  std::string name(BufferId buffer) const { return "%" + plan_.buffers[buffer].name; }
  Space space(BufferId buffer) const { return plan_.placement(buffer).space; }

  std::int64_t bytes_of(Space space) const {
    switch (space) {
      case Space::tile: return plan_.tile_bytes;
      case Space::batch: return plan_.batch_bytes;
      case Space::partial: return plan_.partial_bytes;
      case Space::replicated: return plan_.replicated_bytes;
      case Space::param: return std::ssize(plan_.params);
    }
    return 0;
  }

  void expect_in_its_space(const Buffer& buffer) const {
    const auto& at = buffer.placement;
    const auto end = at.offset + (at.space == Space::param ? 1 : at.bytes);
    if (at.offset < 0 || end > bytes_of(at.space))
      fail(fmt::format("%{} reaches from {} to {} in {}, which ends at {}", buffer.name, at.offset, end, name_of(at.space),
                       bytes_of(at.space)));
    if (at.bytes < buffer.type.elements() * size_of(buffer.type.dtype))
      fail(fmt::format("%{} has {} bytes, too few for {}", buffer.name, at.bytes, to_string(buffer.type)));
  }

  /// No byte belongs to two arrays that are needed at one time. Arrays outside of tiles and the batch are needed all the time.
  void expect_disjoint() const {
    auto ranges = lives(plan_);
    for (std::size_t b = 0; b < plan_.buffers.size(); ++b)
      if (const auto buffer = static_cast<BufferId>(b); space(buffer) == Space::partial || space(buffer) == Space::replicated)
        ranges.push_back({buffer, 0, 0});
    auto at = [&](const ValueLife& range) -> const Placement& { return plan_.placement(range.buffer); };
    std::sort(ranges.begin(), ranges.end(), [&](const ValueLife& a, const ValueLife& b) {
      return std::pair(at(a).space, at(a).offset) < std::pair(at(b).space, at(b).offset);
    });
    for (auto a = ranges.begin(); a != ranges.end(); ++a)
      for (auto b = a + 1; b != ranges.end() && at(*b).space == at(*a).space && at(*b).offset < at(*a).offset + at(*a).bytes; ++b)
        if (a->first <= b->last && b->first <= a->last)
          fail(fmt::format("{} and {} share memory while both are needed", name(a->buffer), name(b->buffer)));
  }

  void expect(const Barrier&) {}

  void expect(const Tiles& tiles) {
    if (plan_.padded_images % tiles.images != 0)
      fail(fmt::format("batches are padded to {} images, no multiple of a tile's {}", plan_.padded_images, tiles.images));
    for (auto buffer : tiles.clear)
      if (space(buffer) != Space::partial) fail(fmt::format("{} is cleared, but is no partial sum", name(buffer)));
    cleared_ = {tiles.clear.begin(), tiles.clear.end()};
    for (const auto& command : tiles.commands)
      std::visit(Overloaded{[&](const Load&) { load(); }, [&](const KernelCall& call) { expect_call_of_tile(call, tiles); },
                            [&](const TileLoop& loop) { expect(loop, tiles); },
                            [&](const Pad& pad) {
                              for (auto buffer : pad.buffers)
                                if (space(buffer) != Space::batch || !written_[buffer])
                                  fail(fmt::format("{} is padded, but has no images of the batch", name(buffer)));
                            }},
                 command);
    cleared_.clear();
  }

  void expect_call_of_tile(const KernelCall& call, const Tiles& tiles) {
    const auto& source = plan_.kernels[call.kernel].source;
    if (!source.tiled() || source.images() != tiles.images)
      fail(fmt::format("kernel @{} works on {} {}, and not on tiles of {} images", name_of_kernel(call), name_of(source.form), source.size,
                       tiles.images));
    expect_call(call);
  }

  /// What a carry's turns and the steps of stacks are, is known to loops alone.
  void expect(const TileLoop& loop, const Tiles& tiles) {
    std::set<BufferId> made;
    for (const auto& [own, first, last] : loop.carries) {
      if (space(own) != Space::tile) fail(fmt::format("{} is carried from step to step, but is none of a tile", name(own)));
      if (!written_[first]) fail(fmt::format("{} starts as {}, which nothing has written", name(own), name(first)));
      written_[own] = Write{phase_, command_, -1};
    }
    for (const auto& call : loop.calls) {
      for (const auto& argument : call.arguments) {
        const auto bytes = plan_.placement(argument.buffer).bytes * (space(argument.buffer) == Space::batch ? tiles.images : 1);
        if (argument.step > bytes / loop.steps)
          fail(fmt::format("{} has {} bytes, which are not {} steps of {}", name(argument.buffer), bytes, loop.steps, argument.step));
        const bool carried =
            std::any_of(loop.carries.begin(), loop.carries.end(), [&](const Carry& carry) { return carry.buffer == argument.buffer; });
        if (carried != (argument.turn != CarryTurn::none))
          fail(fmt::format("{} of a loop is {}", name(argument.buffer), carried ? "carried, now or next" : "not carried"));
        if (argument.turn == CarryTurn::next) made.insert(argument.buffer);
      }
      expect_call_of_tile(call, tiles);
    }
    for (const auto& [own, first, last] : loop.carries) {
      if (!made.contains(own)) fail(fmt::format("{} is carried, but no step makes its next value", name(own)));
      if (last >= 0) written_[last] = Write{phase_, command_, -1};
    }
  }

  void expect(const Blocks& blocks) {
    for (const auto& each : blocks.kernels) {
      if (plan_.kernels[each.call.kernel].source.tiled())
        fail(fmt::format("kernel @{} works on tiles, not on blocks", name_of_kernel(each.call)));
      expect_call(each.call);
    }
  }

  const std::string& name_of_kernel(const KernelCall& call) const { return plan_.kernels[call.kernel].info.name; }

  void load() {
    for (const auto& input : plan_.inputs)
      if (plan_.buffers[input.buffer].type.batched()) written_[input.buffer] = Write{phase_, command_, -1};
  }

  void expect_call(const KernelCall& call) {
    ++calls_[call.kernel];
    const auto& ops = plan_.kernels[call.kernel].source.graph.ops;
    const auto inputs = inputs_of(plan_, call);
    const auto outputs = std::count_if(ops.begin(), ops.end(), [](const Op& op) { return op.kind == OpKind::output; });
    if (std::ssize(call.arguments) != inputs + outputs)
      fail(fmt::format("kernel @{} takes {} arguments, not {}", name_of_kernel(call), inputs + outputs, call.arguments.size()));
    for (std::int64_t i = 0; i < inputs; ++i) expect_readable(call, call.arguments[i].buffer);
    for (std::int64_t i = inputs; i < inputs + outputs; ++i) expect_writable(call, call.arguments[i].buffer);
  }

  void expect_readable(const KernelCall& call, BufferId buffer) const {
    const auto& write = written_[buffer];
    if (!write) fail(fmt::format("@{} reads {}, which nothing has written", name_of_kernel(call), name(buffer)));
    // A thread goes on in a tile with what it has made there; all else waits for a barrier.
    const bool same_tile = write->command == command_ && std::holds_alternative<Tiles>(*command_) && space(buffer) != Space::partial;
    if (write->phase == phase_ && !same_tile && write->kernel != call.kernel)
      fail(fmt::format("@{} reads {}, which other threads may still write; a barrier is missing", name_of_kernel(call), name(buffer)));
    if (space(buffer) == Space::tile && write->command != command_)
      fail(fmt::format("@{} reads {}, whose tile is over", name_of_kernel(call), name(buffer)));
  }

  void expect_writable(const KernelCall& call, BufferId buffer) {
    const bool tiled = std::holds_alternative<Tiles>(*command_);
    if (space(buffer) == Space::partial && !cleared_.contains(buffer))
      fail(fmt::format("@{} adds to {}, which is not cleared", name_of_kernel(call), name(buffer)));
    if (tiled && (space(buffer) == Space::replicated || space(buffer) == Space::param))
      fail(fmt::format("@{} writes {} once a tile, and there is one for all", name_of_kernel(call), name(buffer)));
    if (!tiled && space(buffer) == Space::tile)
      fail(fmt::format("@{} writes {} of a tile, and works on none", name_of_kernel(call), name(buffer)));
    written_[buffer] = Write{phase_, command_, call.kernel};
  }

  const StepPlan& plan_;
  std::vector<std::optional<Write>> written_;
  std::vector<int> calls_;  ///< For each kernel.
  std::set<BufferId> cleared_;
  int phase_ = 0;
  const Command* command_ = nullptr;
};

}  // namespace

void verify(const StepPlan& plan) { Verifier(plan).run(); }

}  // namespace gradc
