#include "backends/plan.h"

#include <algorithm>
#include <map>
#include <set>

#include "passes/partition.h"
#include "passes/shard.h"
#include "runtime/params.h"
#include "support/error.h"

namespace gradc {
namespace {

constexpr std::int64_t kAlignment = 64;

std::int64_t aligned(std::int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

/// A value's memory while it lives, in kernels from `first` to `last`.
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
  Planner(const Graph& graph, int lanes)
      : graph_(graph), definers_(graph.definers()), placements_(graph.values.size()), placed_(graph.values.size(), false) {
    plan_.lanes = lanes;
  }

  StepPlan run() {
    auto sources = extract_kernels(graph_, Params::kParamBlock);
    plan_.phases.resize(std::max(1, phase_count(graph_)));
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

  /// Bytes of one tile's worth of a batched value, or of a replicated one with room for whole blocks.
  std::int64_t bytes_of(ValueId value) const {
    const auto& type = graph_.type(value);
    if (type.batched()) return aligned(type.elements() * plan_.lanes * size_of(type.dtype));
    auto block = type.rank() == 0 ? 1 : Params::kParamBlock;
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
      phase.partial_offset = plan_.partial_bytes;
      for (std::size_t k = 0; k < sources.size(); ++k) {
        if (graph_.kernels[k].phase != static_cast<int>(p)) continue;
        for (auto value : sources[k].outputs)
          if (sums_over_batch(graph_, definer(value))) {
            place(value, {Space::partial, plan_.partial_bytes, bytes_of(value)});
            plan_.partial_bytes += bytes_of(value);
          }
      }
      phase.partial_bytes = plan_.partial_bytes - phase.partial_offset;
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
      if (op.kind == OpKind::input) result[op.result()] = {-1, -1, 0, 0};
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
    std::vector<Interval> tile, batch;
    for (const auto& [value, life] : lives(sources)) {
      if (!graph_.type(value).batched() || placed_[value]) continue;
      bool crosses = life.first_phase != life.last_phase;
      (crosses ? batch : tile).push_back({value, bytes_of(value), life.first_kernel, life.last_kernel});
    }
    plan_.tile_bytes = pack(tile);
    plan_.batch_bytes = pack(batch);
    for (const auto& each : tile) place(each.value, {Space::tile, each.offset, each.bytes});
    for (const auto& each : batch) place(each.value, {Space::batch, each.offset, each.bytes});
  }

  void place_whole(const std::vector<KernelSource>& sources) {
    for (const auto& [value, life] : lives(sources)) {
      if (placed_[value]) continue;
      place(value, {Space::whole, plan_.whole_bytes, bytes_of(value)});
      plan_.whole_bytes += bytes_of(value);
    }
  }

  void add_kernel(KernelSource source, const Kernel& kernel) {
    PlannedKernel planned{.info = {.name = kernel.name, .phase = kernel.phase, .tiled = kernel.tiled}};
    std::int64_t elements = 0;
    for (const auto* list : {&source.inputs, &source.outputs})
      for (auto value : *list) {
        check(placed_[storage(value)], "every argument of a kernel has a place");
        planned.arguments.push_back(placements_[storage(value)]);
        planned.scalar.push_back(graph_.type(value).rank() == 0);
        if (graph_.type(value).rank() > 0) elements = std::max(elements, graph_.type(value).elements());
      }
    if (source.block > 0) planned.blocks = std::max<std::int64_t>(1, (elements + source.block - 1) / source.block);
    auto index = static_cast<int>(plan_.kernels.size());
    auto& phase = plan_.phases[kernel.phase];
    (source.tiled ? phase.tiled : phase.once).push_back(index);
    planned.source = std::move(source);
    plan_.kernels.push_back(std::move(planned));
  }

  void describe_kernels() {
    for (const auto& op : graph_.ops) {
      if (op.kernel < 0) continue;
      auto& info = plan_.kernels[op.kernel].info;
      for (auto result : op.results) info.values.push_back(graph_.values[result].name);
      if (!op.loc.empty() && std::find(info.layers.begin(), info.layers.end(), op.loc) == info.layers.end()) info.layers.push_back(op.loc);
      bool batched = false;
      for (auto operand : op.operands) batched = batched || graph_.type(operand).batched();
      if (batched) info.flops_per_image += graph_.flops(op);
    }
    for (const auto& kernel : plan_.kernels) plan_.flops_per_image += kernel.info.flops_per_image;
  }

  void add_terminals() {
    for (const auto& op : graph_.ops) {
      if (op.kind == OpKind::input)
        plan_.inputs.push_back({op.attributes.text("name"), graph_.type(op.result()), placements_[op.result()]});
      if (op.kind == OpKind::output) {
        auto value = storage(op.operands[0]);
        check(placed_[value], "an output is stored");
        plan_.outputs.push_back({op.attributes.text("name"), graph_.type(op.operands[0]), placements_[value]});
      }
    }
  }

  const Graph& graph_;
  std::vector<std::int32_t> definers_;
  StepPlan plan_;
  std::vector<Placement> placements_;
  std::vector<bool> placed_;
};

}  // namespace

std::int64_t StepPlan::chunks(std::int64_t tiles) const {
  // Enough chunks for 16 threads, as long as their partial sums stay within 64 MB.
  const std::int64_t most = std::clamp<std::int64_t>((std::int64_t{64} << 20) / std::max<std::int64_t>(partial_bytes, 1), 2, 16);
  return std::min(tiles, most);
}

std::int64_t StepPlan::bytes(int kernel, std::int64_t tiles) const {
  std::int64_t sum = 0;
  for (const auto& argument : kernels[kernel].arguments) {
    bool per_tile = argument.space == Space::tile || argument.space == Space::batch;
    sum += argument.bytes * (per_tile ? tiles : argument.space == Space::partial ? chunks(tiles) : 1);
  }
  return sum;
}

StepPlan make_plan(const Graph& graph, int lanes) { return Planner(graph, lanes).run(); }

}  // namespace gradc
