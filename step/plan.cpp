#include "step/plan.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

namespace gradc {

std::string_view name_of(Space space) {
  switch (space) {
    case Space::tile: return "tile";
    case Space::batch: return "batch";
    case Space::partial: return "partial";
    case Space::replicated: return "replicated";
    case Space::param: return "param";
  }
  return "";
}

bool pads(const Tiles& tiles) {
  return std::any_of(tiles.commands.begin(), tiles.commands.end(), [](const auto& each) { return std::holds_alternative<Pad>(each); });
}

std::int64_t StepPlan::flops_per_image() const {
  std::int64_t flops = 0;
  for (const auto& kernel : kernels) flops += kernel.info.flops_per_image;
  return flops;
}

std::int64_t StepPlan::phases() const {
  return 1 + std::count_if(commands.begin(), commands.end(), [](const auto& each) { return std::holds_alternative<Barrier>(each); });
}

const Tiles* StepPlan::loading() const {
  for (const auto& command : commands)
    if (const auto* tiles = std::get_if<Tiles>(&command))
      for (const auto& each : tiles->commands)
        if (std::holds_alternative<Load>(each)) return tiles;
  return nullptr;
}

std::int64_t StepPlan::tile_count(const Tiles& tiles, std::int64_t images) const {
  const auto whole = ceil_div(images, tiles.images);
  return pads(tiles) ? std::min(whole + 1, padded(images) / tiles.images) : whole;
}

std::int64_t StepPlan::chunks(std::int64_t images) const {
  // Enough chunks for 16 threads, as long as their partial sums stay within 64 MB.
  const std::int64_t most = std::clamp<std::int64_t>((std::int64_t{64} << 20) / std::max<std::int64_t>(partial_bytes, 1), 2, 16);
  return std::min(ceil_div(images, smallest_tile), most);
}

std::int64_t inputs_of(const StepPlan& plan, const KernelCall& call) {
  const auto& ops = plan.kernels[call.kernel].source.graph.ops;
  return std::count_if(ops.begin(), ops.end(), [](const Op& op) { return op.kind == OpKind::input; });
}

namespace {

/// The buffers that a loop makes and reads within a step of its own.
std::set<BufferId> made_within(const StepPlan& plan, const TileLoop& loop) {
  std::set<BufferId> made;
  for (const auto& call : loop.calls)
    for (auto i = static_cast<std::size_t>(inputs_of(plan, call)); i < call.arguments.size(); ++i)
      if (const auto& argument = call.arguments[i]; argument.step == 0 && argument.turn == CarryTurn::none) made.insert(argument.buffer);
  return made;
}

}  // namespace

std::vector<ValueLife> lives(const StepPlan& plan) {
  std::map<BufferId, ValueLife> lives;
  auto extend = [&](BufferId buffer, int kernel, int phase) {
    const auto space = plan.placement(buffer).space;
    if (space != Space::tile && space != Space::batch) return;
    const int at = space == Space::tile ? kernel : phase;
    auto [life, is_new] = lives.try_emplace(buffer, ValueLife{buffer, at, at});
    life->second.last = std::max(life->second.last, at);
  };
  const auto* loading = plan.loading();
  for_each_command(plan, [&](const Command& command, int phase) {
    if (const auto* tiles = std::get_if<Tiles>(&command); tiles != nullptr && tiles == loading)
      for (const auto& input : plan.inputs) extend(input.buffer, -1, phase);
  });
  int kernel = 0;
  for_each_call(plan, [&](const KernelCall& call, const CallSite& site) {
    // All else that a loop reads or makes is needed in all its steps.
    if (site.loop != nullptr && &call == &site.loop->calls.front()) {
      const auto within = made_within(plan, *site.loop);
      const auto last = kernel + static_cast<int>(site.loop->calls.size()) - 1;
      auto throughout = [&](BufferId buffer) {
        extend(buffer, kernel, site.phase);
        extend(buffer, last, site.phase);
      };
      for (const auto& carry : site.loop->carries)
        for (auto buffer : {carry.buffer, carry.first, carry.last})
          if (buffer >= 0) throughout(buffer);
      for (const auto& each : site.loop->calls)
        for (const auto& argument : each.arguments)
          if (!within.contains(argument.buffer)) throughout(argument.buffer);
    }
    for (const auto& argument : call.arguments) extend(argument.buffer, kernel, site.phase);
    ++kernel;
  });
  for (const auto& output : plan.outputs) extend(output.buffer, kernel, static_cast<int>(plan.phases()));
  std::vector<ValueLife> all;
  for (const auto& [buffer, life] : lives) all.push_back(life);
  return all;
}

std::vector<std::int64_t> bytes_of_kernels(const StepPlan& plan, std::int64_t images) {
  std::vector<std::int64_t> bytes(plan.kernels.size(), 0);
  for_each_call(plan, [&](const KernelCall& call, const CallSite& site) {
    for (const auto& argument : call.arguments) {
      const auto& at = plan.placement(argument.buffer);
      const auto times = at.space == Space::tile      ? plan.tile_count(*site.tiles, images)
                         : at.space == Space::batch   ? images
                         : at.space == Space::partial ? plan.chunks(images)
                                                      : 1;
      const auto of_loop = argument.step > 0 ? 1 : site.times();
      bytes[call.kernel] += at.bytes * times * of_loop / (argument.turn == CarryTurn::none ? 1 : 2);
    }
  });
  return bytes;
}

std::int64_t most_events(const StepPlan& plan, std::int64_t images) {
  std::int64_t events = 1;  // that it started
  for_each_command(plan, [&](const Command& command, int) {
    events += std::visit(Overloaded{[&](const Tiles& tiles) {
                                      std::int64_t of_tile = 0;
                                      for (const auto& each : tiles.commands) {
                                        const auto* loop = std::get_if<TileLoop>(&each);
                                        of_tile += loop == nullptr ? 1 : loop->steps * std::ssize(loop->calls);
                                      }
                                      return plan.chunks(images) + plan.tile_count(tiles, images) * of_tile;
                                    },
                                    [](const Blocks& blocks) { return static_cast<std::int64_t>(std::ssize(blocks.kernels)); },
                                    [](const Barrier&) { return std::int64_t{1}; }},
                         command);
  });
  return events;
}

std::vector<std::pair<std::int64_t, std::int64_t>> used_bytes(const StepPlan& plan, Space space, std::int64_t padded_images) {
  std::vector<std::pair<std::int64_t, std::int64_t>> used;
  const auto images = space == Space::batch ? padded_images : 1;
  for (const auto& buffer : plan.buffers)
    if (const auto& at = buffer.placement; at.space == space) used.emplace_back(at.offset * images, (at.offset + at.bytes) * images);
  std::sort(used.begin(), used.end());
  return used;
}

namespace {

std::string amount(double number, const char* unit) {
  const char* prefix = "";
  for (const char* larger : {"k", "M", "G"})
    if (number >= 1000) {
      number /= 1000;
      prefix = larger;
    }
  return fmt::format("{:.3g} {}{}", number, prefix, unit);
}

std::string counted(std::int64_t count, const char* noun) { return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s"); }

std::string bytes_text(std::int64_t bytes) { return amount(static_cast<double>(bytes), "B"); }

/// The commands between two barriers.
struct PhaseView {
  const Tiles* tiles = nullptr;
  const Blocks* blocks = nullptr;
};

std::vector<PhaseView> phase_views(const StepPlan& plan) {
  std::vector<PhaseView> views(static_cast<std::size_t>(plan.phases()));
  for_each_command(plan, [&](const Command& command, int phase) {
    if (const auto* tiles = std::get_if<Tiles>(&command)) views[phase].tiles = tiles;
    if (const auto* blocks = std::get_if<Blocks>(&command)) views[phase].blocks = blocks;
  });
  return views;
}

std::string describe_tiles(const StepPlan& plan, const Tiles& tiles, std::int64_t batch) {
  std::int64_t calls = 0;
  std::string loops;
  for (const auto& each : tiles.commands) {
    if (std::holds_alternative<KernelCall>(each)) ++calls;
    if (const auto* loop = std::get_if<TileLoop>(&each))
      loops += fmt::format(" and {} in {}", counted(std::ssize(loop->calls), "kernel"), counted(loop->steps, "step"));
  }
  if (calls == 0 && loops.empty()) return "";
  const auto count = ceil_div(batch, tiles.images);
  auto text = fmt::format(" {}{} over {} of {}", counted(calls, "kernel"), loops, counted(count, "tile"), counted(tiles.images, "image"));
  if (batch % tiles.images != 0) text += fmt::format(", the last of {}", batch % tiles.images);
  if (plan.tile_count(tiles, batch) > count) text += ", and one of padding";
  return text;
}

}  // namespace

std::string describe_phases(const StepPlan& plan, std::int64_t batch) {
  const auto views = phase_views(plan);
  auto text = fmt::format("; batch {}: {} with a barrier after each; lanes are {} {}\n", batch, counted(plan.phases(), "phase"),
                          plan.target.lanes, plan.lanes == Lanes::batch ? "images" : "features");
  text += fmt::format("; memory: {} of tiles a thread, {} an image between phases, {} of partial sums a chunk, {}\n",
                      bytes_text(plan.tile_bytes), bytes_text(plan.batch_bytes), bytes_text(plan.partial_bytes),
                      counted(plan.chunks(batch), "chunk"));
  const auto bytes_of = bytes_of_kernels(plan, batch);
  struct Sum {
    std::int64_t flops = 0, bytes = 0;
    int reductions = 0, whole = 0;
  };
  std::vector<Sum> sums(views.size());
  for_each_call(plan, [&](const KernelCall& call, const CallSite& site) {
    const auto& kernel = plan.kernels[call.kernel];
    auto& sum = sums[site.phase];
    sum.flops += kernel.info.flops_per_image * batch;
    sum.bytes += bytes_of[call.kernel];
    sum.reductions += kernel.source.reduces() ? 1 : 0;
    sum.whole += sees_batch(kernel.source.form) ? 1 : 0;
  });
  for (std::size_t p = 0; p < views.size(); ++p) {
    const auto& [tiles, blocks] = views[p];
    text += fmt::format("; phase {}:", p);
    const auto tiled = tiles != nullptr ? describe_tiles(plan, *tiles, batch) : "";
    text += tiled;
    if (blocks != nullptr) text += fmt::format("{} {} once", tiled.empty() ? "" : ",", counted(std::ssize(blocks->kernels), "kernel"));
    text += fmt::format("; {}, {} read and written", amount(static_cast<double>(sums[p].flops), "FLOP"), bytes_text(sums[p].bytes));
    std::int64_t partial = 0;
    if (tiles != nullptr)
      for (auto buffer : tiles->clear) partial += plan.placement(buffer).bytes;
    if (partial > 0) text += fmt::format("; adds to {} of partial sums", bytes_text(partial));
    if (const auto n = sums[p].reductions; n > 0) text += fmt::format("; {} reduce{} partial sums", n, n == 1 ? "s" : "");
    if (const auto n = sums[p].whole; n > 0) text += fmt::format("; {} make{} a gradient over the whole batch", n, n == 1 ? "s" : "");
    text += "\n";
  }
  return text;
}

}  // namespace gradc
