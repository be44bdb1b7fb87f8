#include "backends/plan.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "ir/kernel_form.h"
#include "passes/partition.h"
#include "support/error.h"
#include "target/cost.h"

namespace gradc {
namespace {

std::int64_t aligned(std::int64_t bytes) { return (bytes + kLineBytes - 1) / kLineBytes * kLineBytes; }

/// A value's memory while it lives, in kernels (or phases) from `first` to `last`.
struct Interval {
  ValueId value;
  std::int64_t bytes;
  int first, last;
  std::int64_t offset = 0;
};

/// Gives each interval the lowest offset that is free while it lives, larger ones first. Returns the bytes in all.
std::int64_t pack(std::vector<Interval>& intervals) {
  std::vector<Interval*> order;
  for (auto& each : intervals) order.push_back(&each);
  std::stable_sort(order.begin(), order.end(), [](const Interval* a, const Interval* b) { return a->bytes > b->bytes; });
  std::vector<const Interval*> placed;
  std::int64_t total = 0;
  for (auto* each : order) {
    std::vector<const Interval*> neighbours;
    for (const auto* other : placed)
      if (other->first <= each->last && each->first <= other->last) neighbours.push_back(other);
    std::sort(neighbours.begin(), neighbours.end(), [](const Interval* a, const Interval* b) { return a->offset < b->offset; });
    std::int64_t at = 0;
    for (const auto* other : neighbours) {
      if (at + each->bytes <= other->offset) break;
      at = std::max(at, other->offset + other->bytes);
    }
    each->offset = at;
    placed.push_back(each);
    total = std::max(total, at + each->bytes);
  }
  return total;
}

class Planner {
 public:
  Planner(const Graph& graph, Guards guards)
      : graph_(graph),
        guards_(guards),
        definers_(graph.definers()),
        placements_(graph.values.size()),
        placed_(graph.values.size(), false),
        read_as_array_(graph.values.size(), false) {
    for (const auto& op : graph.ops)
      if (op.kind == OpKind::reshape && graph.type(op.result()).rank() > 0) read_as_array_[storage(op.result())] = true;
    plan_.lanes = graph.lanes;
    plan_.target = graph.target_or_default();
  }

  StepPlan run() {
    auto sources = extract_kernels(graph_);
    plan_.phases.resize(std::max(1, phase_count(graph_)));
    set_tiles(sources);
    set_load_phase(sources);
    place_params();
    place_partials(sources);
    place_tiles(sources);
    place_whole(sources);
    for (std::size_t k = 0; k < sources.size(); ++k) add_kernel(std::move(sources[k]), graph_.kernels[k]);
    describe_kernels();
    add_terminals();
    return std::move(plan_);
  }

 private:
  ValueId storage(ValueId value) const { return storage_of(graph_, definers_, value); }
  const Op& definer(ValueId value) const { return graph_.ops[definers_[value]]; }

  void place(ValueId value, Placement placement) {
    placements_[value] = placement;
    placed_[value] = true;
  }

  /// The offset of an array that follows a space's others, whose bytes grow by it.
  std::int64_t append(std::int64_t& total, std::int64_t bytes) const {
    constexpr auto kPage = static_cast<std::int64_t>(kPageBytes);
    const auto begin = total, room = (bytes + kPage - 1) / kPage * kPage;
    total += guards_ == Guards::none ? bytes : room + kPage;
    switch (guards_) {
      case Guards::none: break;
      case Guards::behind: return begin + room - bytes;
      case Guards::before: return begin + kPage;
    }
    return begin;
  }

  /// Places values of tiles or images; with guards, none where another was. Returns the bytes in all.
  std::int64_t arrange(std::vector<Interval>& intervals) const {
    if (guards_ == Guards::none) return pack(intervals);
    std::int64_t total = 0;
    for (auto& each : intervals) each.offset = append(total, each.bytes);
    return total;
  }

  void set_tiles(std::vector<KernelSource>& sources) {
    std::int64_t first = 0, smallest = 0;
    for (std::size_t k = 0; k < sources.size(); ++k) {
      auto& source = sources[k];
      if (!source.tiled()) continue;
      // A graph that partition has not given tiles, as in tests, has those of vectors.
      if (source.size == 0 && graph_.lanes == Lanes::batch) source.size = plan_.target.lanes;
      plan_.phases[graph_.kernels[k].phase].images = source.images();
      if (first == 0) first = source.images();
      smallest = smallest == 0 ? source.images() : std::min(smallest, source.images());
    }
    plan_.smallest_tile = std::max<std::int64_t>(smallest, 1);
    // A phase may store the inputs, whatever else it does; where lanes are images, whole vectors of them.
    auto least = graph_.lanes == Lanes::batch ? static_cast<std::int64_t>(plan_.target.lanes) : 1;
    for (auto& phase : plan_.phases) {
      if (phase.images == 0) phase.images = std::max(first, least);
      plan_.padded_images = std::lcm(plan_.padded_images, phase.images);
    }
  }

  /// The inputs are stored in the first phase that reads any of them, so that a tile's stay in the cache; or in the one before, if that
  /// does not read them by tiles.
  void set_load_phase(const std::vector<KernelSource>& sources) {
    auto is_input = [&](ValueId value) { return definer(storage(value)).kind == OpKind::input && graph_.type(value).batched(); };
    int first = static_cast<int>(plan_.phases.size()) - 1;
    for (std::size_t k = 0; k < sources.size(); ++k)
      if (std::any_of(sources[k].inputs.begin(), sources[k].inputs.end(), is_input))
        first = std::min(first, graph_.kernels[k].phase - (sources[k].tiled() ? 0 : 1));
    check(first >= 0, "a kernel over the whole batch reads inputs that a phase before it has stored");
    plan_.load_phase = first;
  }

  std::int64_t image_bytes(const Type& type) const {
    return (graph_.lanes == Lanes::features ? image_stride(type) : type.elements()) * size_of(type.dtype);
  }

  /// Bytes of a replicated value with room for whole blocks, in which all but scalars are read and written.
  std::int64_t bytes_of(ValueId value) const {
    const auto& type = graph_.type(value);
    auto block = type.rank() == 0 && !read_as_array_[value] ? 1 : kFlatBlock;
    return aligned((type.elements() + block - 1) / block * block * size_of(type.dtype));
  }

  void place_params() {
    for (const auto& op : graph_.ops) {
      if (op.kind == OpKind::param) {
        place(op.result(), {Space::param, static_cast<std::int64_t>(plan_.params.size()), bytes_of(op.result())});
        plan_.params.push_back(op.attributes.text("name"));
      }
    }
    for (const auto& op : graph_.ops) {
      if (op.kind != OpKind::update) continue;
      auto value = storage(op.operands[1]);
      // A param that does not change needs no code; else a kernel writes its new value in place.
      if (value == op.operands[0]) continue;
      check(definer(value).kernel >= 0 && !placed_[value], "a param's new value is made by a kernel, for it alone");
      place(value, placements_[op.operands[0]]);
    }
  }

  void place_partials(const std::vector<KernelSource>& sources) {
    for (std::size_t p = 0; p < plan_.phases.size(); ++p) {
      auto& phase = plan_.phases[p];
      for (std::size_t k = 0; k < sources.size(); ++k) {
        if (graph_.kernels[k].phase != static_cast<int>(p)) continue;
        for (auto value : sources[k].outputs)
          if (sums_over_batch(graph_, definer(value))) {
            place(value, {Space::partial, append(plan_.partial_bytes, bytes_of(value)), bytes_of(value)});
            phase.sums.push_back(placements_[value]);
          }
      }
    }
  }

  struct Life {
    int first_kernel, last_kernel, first_phase, last_phase;
  };

  /// From the kernel that makes a stored value, or the first of a step for an input, to its last reader.
  std::map<ValueId, Life> lives(const std::vector<KernelSource>& sources) const {
    std::map<ValueId, Life> result;
    auto end = static_cast<int>(sources.size());
    for (const auto& op : graph_.ops)
      if (op.kind == OpKind::input) result[op.result()] = {-1, -1, plan_.load_phase, plan_.load_phase};
    for (int k = 0; k < end; ++k)
      for (auto value : sources[k].outputs) result[value] = {k, k, graph_.kernels[k].phase, graph_.kernels[k].phase};
    for (int k = 0; k < end; ++k)
      for (auto value : sources[k].inputs)
        if (auto found = result.find(storage(value)); found != result.end()) {
          found->second.last_kernel = std::max(found->second.last_kernel, k);
          found->second.last_phase = std::max(found->second.last_phase, graph_.kernels[k].phase);
        }
    // An output is read when the step is over.
    for (const auto& op : graph_.ops)
      if (op.kind == OpKind::output)
        if (auto found = result.find(storage(op.operands[0])); found != result.end()) {
          found->second.last_kernel = end;
          found->second.last_phase = static_cast<int>(plan_.phases.size());
        }
    return result;
  }

  void place_tiles(const std::vector<KernelSource>& sources) {
    // What pads the last tile is read as it was left there, so numbers of f32 never lie where others did, which could be NaN as f32.
    std::vector<Interval> tile, batch, batch_integers;
    std::vector<std::pair<int, ValueId>> to_pad;
    for (const auto& [value, life] : lives(sources)) {
      const auto& type = graph_.type(value);
      if (!type.batched() || placed_[value]) continue;
      bool crosses = life.first_phase != life.last_phase;
      auto bytes = crosses ? image_bytes(type) : image_bytes(type) * plan_.phases[life.first_phase].images;
      auto& list = !crosses ? tile : type.dtype == DType::f32 ? batch : batch_integers;
      // Tiles are in different kernels of a phase at one time, and images of arrays that share memory need not lie at the same place.
      if (crosses)
        list.push_back({value, aligned(bytes), life.first_phase, life.last_phase});
      else
        list.push_back({value, aligned(bytes), life.first_kernel, life.last_kernel});
      if (crosses && plan_.phases[life.first_phase].images < plan_.padded_images) to_pad.emplace_back(life.first_phase, value);
    }
    plan_.tile_bytes = arrange(tile);
    plan_.batch_bytes = arrange(batch);
    auto remember = [&](const Interval& each, std::int64_t start) {
      plan_.lives.push_back({graph_.values[each.value].name, placements_[each.value], each.bytes, each.first, each.last});
      plan_.lives.back().placement.offset = start + each.offset;
    };
    for (const auto& each : tile) {
      place(each.value, {Space::tile, each.offset, each.bytes});
      remember(each, 0);
    }
    auto place_batch = [&](const std::vector<Interval>& list, std::int64_t start) {
      for (const auto& each : list) {
        place(each.value, {Space::batch, start + each.offset, image_bytes(graph_.type(each.value))});
        remember(each, start);
      }
    };
    place_batch(batch, 0);
    auto integers = arrange(batch_integers);
    place_batch(batch_integers, plan_.batch_bytes);
    plan_.batch_bytes += integers;
    for (const auto& [phase, value] : to_pad) plan_.phases[phase].to_pad.push_back(placements_[value]);
  }

  void place_whole(const std::vector<KernelSource>& sources) {
    for (const auto& [value, life] : lives(sources)) {
      if (placed_[value]) continue;
      place(value, {Space::whole, append(plan_.whole_bytes, bytes_of(value)), bytes_of(value)});
    }
  }

  void add_kernel(KernelSource source, const Kernel& kernel) {
    PlannedKernel planned{.info = {.name = kernel.name, .phase = kernel.phase}};
    std::int64_t elements = 0;
    for (const auto* list : {&source.inputs, &source.outputs})
      for (auto value : *list) {
        check(placed_[storage(value)], "every argument of a kernel has a place");
        planned.arguments.push_back(placements_[storage(value)]);
        const auto& type = graph_.type(value);
        if (type.rank() > 0) elements = std::max(elements, type.elements());
        planned.block_stride.push_back(source.form == KernelForm::flat && type.rank() > 0 ? source.size * size_of(type.dtype) : 0);
      }
    if (source.form == KernelForm::flat) planned.blocks = std::max<std::int64_t>(1, (elements + source.size - 1) / source.size);
    auto index = static_cast<int>(plan_.kernels.size());
    if (source.form == KernelForm::rows) set_row_blocks(source, index, planned);
    auto& phase = plan_.phases[kernel.phase];
    (source.tiled() ? phase.tiled : phase.once).push_back(index);
    planned.source = std::move(source);
    plan_.kernels.push_back(std::move(planned));
  }

  /// A block of rows of a gradient reads as many features of every image, and as many rows of params of the gradient's shape.
  void set_row_blocks(const KernelSource& source, int kernel, PlannedKernel& planned) {
    const Op* whole = nullptr;
    for (const auto& op : graph_.ops)
      if (op.kernel == kernel && is_whole_gradient(op.kind)) whole = &op;
    check(whole != nullptr, "a kernel with rows has a gradient over the whole batch");
    const auto& gradient = graph_.type(whole->result());
    planned.blocks = gradient.dims[0] / source.size;
    std::size_t i = 0;
    for (const auto* list : {&source.inputs, &source.outputs})
      for (auto value : *list) {
        if (value == whole->operands[0])
          planned.block_stride[i] = source.size * size_of(DType::f32);
        else if (graph_.type(value).dims == gradient.dims)
          planned.block_stride[i] = source.size * gradient.dims[1] * size_of(DType::f32);
        ++i;
      }
  }

  void describe_kernels() {
    for (const auto& op : graph_.ops) {
      if (op.kernel < 0) continue;
      auto& info = plan_.kernels[op.kernel].info;
      for (auto result : op.results) info.values.push_back(graph_.values[result].name);
      if (!op.loc.empty() && std::find(info.layers.begin(), info.layers.end(), op.loc) == info.layers.end()) info.layers.push_back(op.loc);
      info.contraction = info.contraction || is_contraction(op.kind);
      bool batched = false;
      for (auto operand : op.operands) batched = batched || graph_.type(operand).batched();
      if (batched) info.flops_per_image += graph_.flops(op);
    }
    for (auto& kernel : plan_.kernels) {
      plan_.flops_per_image += kernel.info.flops_per_image;
      set_block_cost(kernel);
    }
  }

  void set_block_cost(PlannedKernel& kernel) const {
    std::int64_t bytes = 0;
    for (const auto& argument : kernel.arguments)
      if (argument.space != Space::batch && argument.space != Space::tile)
        bytes += argument.bytes * (argument.space == Space::partial ? plan_.chunks(cost::kUsualBatch) : 1);
    kernel.block_cost = cost::kCallOfBlock + bytes / kernel.blocks / cost::kBytesOfBlock;
    kernel.block_cost_of_image =
        static_cast<std::int64_t>(cost::arithmetic_cycles(static_cast<double>(kernel.info.flops_per_image / kernel.blocks), plan_.target));
  }

  void add_terminals() {
    for (const auto& op : graph_.ops) {
      if (op.kind == OpKind::input) plan_.inputs.push_back({input_role(op), graph_.type(op.result()), placements_[op.result()]});
      if (op.kind == OpKind::output) {
        auto value = storage(op.operands[0]);
        check(placed_[value], "an output is stored");
        plan_.outputs.push_back({op.attributes.text("name"), graph_.type(op.operands[0]), placements_[value]});
      }
    }
  }

  const Graph& graph_;
  Guards guards_;
  std::vector<std::int32_t> definers_;
  StepPlan plan_;
  std::vector<Placement> placements_;
  std::vector<bool> placed_;
  std::vector<bool> read_as_array_;  ///< Scalars too, where a reshape makes an array of one.
};

}  // namespace

std::int64_t StepPlan::chunks(std::int64_t images) const {
  // Enough chunks for 16 threads, as long as their partial sums stay within 64 MB.
  const std::int64_t most = std::clamp<std::int64_t>((std::int64_t{64} << 20) / std::max<std::int64_t>(partial_bytes, 1), 2, 16);
  return std::min((images + smallest_tile - 1) / smallest_tile, most);
}

std::int64_t StepPlan::bytes(int kernel, std::int64_t images) const {
  std::int64_t sum = 0;
  const auto in_tiles = tiles(phases[kernels[kernel].info.phase], images);
  for (const auto& argument : kernels[kernel].arguments) switch (argument.space) {
      case Space::tile: sum += argument.bytes * in_tiles; break;
      case Space::batch: sum += argument.bytes * images; break;
      case Space::partial: sum += argument.bytes * chunks(images); break;
      default: sum += argument.bytes;
    }
  return sum;
}

StepPlan make_plan(const Graph& graph, Guards guards) { return Planner(graph, guards).run(); }

std::vector<std::pair<std::int64_t, std::int64_t>> used_bytes(const StepPlan& plan, Space space, std::int64_t padded_images) {
  std::vector<std::pair<std::int64_t, std::int64_t>> used;
  const auto images = space == Space::batch ? padded_images : 1;
  auto add = [&](const Placement& placement) {
    if (placement.space == space) used.emplace_back(placement.offset * images, (placement.offset + placement.bytes) * images);
  };
  for (const auto& kernel : plan.kernels)
    for (const auto& argument : kernel.arguments) add(argument);
  for (const auto& input : plan.inputs) add(input.placement);
  for (const auto& output : plan.outputs) add(output.placement);
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

}  // namespace

std::string describe_phases(const StepPlan& plan, std::int64_t batch) {
  auto text = fmt::format("; batch {}: {} with a barrier after each; lanes are {} {}\n", batch, counted(plan.phases.size(), "phase"),
                          plan.target.lanes, plan.lanes == Lanes::batch ? "images" : "features");
  text += fmt::format("; memory: {} of tiles a thread, {} an image between phases, {} of partial sums a chunk, {}\n",
                      bytes_text(plan.tile_bytes), bytes_text(plan.batch_bytes), bytes_text(plan.partial_bytes),
                      counted(plan.chunks(batch), "chunk"));
  for (std::size_t p = 0; p < plan.phases.size(); ++p) {
    const auto& phase = plan.phases[p];
    std::int64_t flops = 0, bytes = 0;
    int reductions = 0, whole = 0;
    for (const auto* list : {&phase.tiled, &phase.once})
      for (int k : *list) {
        flops += plan.kernels[k].info.flops_per_image * batch;
        bytes += plan.bytes(k, batch);
        reductions += plan.kernels[k].source.reduces ? 1 : 0;
        whole += plan.kernels[k].source.form == KernelForm::rows ? 1 : 0;
      }
    text += fmt::format("; phase {}:", p);
    if (!phase.tiled.empty()) {
      auto tiles = (batch + phase.images - 1) / phase.images;
      text +=
          fmt::format(" {} over {} of {}", counted(phase.tiled.size(), "kernel"), counted(tiles, "tile"), counted(phase.images, "image"));
      if (batch % phase.images != 0) text += fmt::format(", the last of {}", batch % phase.images);
      if (plan.tiles(phase, batch) > tiles) text += ", and one of padding";
    }
    if (!phase.once.empty()) text += fmt::format("{} {} once", phase.tiled.empty() ? "" : ",", counted(phase.once.size(), "kernel"));
    text += fmt::format("; {}, {} read and written", amount(static_cast<double>(flops), "FLOP"), bytes_text(bytes));
    std::int64_t sums = 0;
    for (const auto& sum : phase.sums) sums += sum.bytes;
    if (sums > 0) text += fmt::format("; adds to {} of partial sums", bytes_text(sums));
    if (reductions > 0) text += fmt::format("; {} reduce{} partial sums", reductions, reductions == 1 ? "s" : "");
    if (whole > 0) text += fmt::format("; {} make{} a gradient over the whole batch", whole, whole == 1 ? "s" : "");
    text += "\n";
  }
  return text;
}

}  // namespace gradc
