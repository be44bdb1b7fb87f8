#include "step/plan.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "gradc/error.h"
#include "ir/kernel_form.h"
#include "ir/scan.h"
#include "step/text.h"
#include "support/ceil_div.h"
#include "target/cost.h"

namespace gradc {
namespace {

std::int64_t aligned(std::int64_t bytes) { return ceil_div(bytes, kLineBytes) * kLineBytes; }

/// A value's memory while it lives, in kernels (or phases) from `first` to `last`.
struct Interval {
  ValueId value;
  std::int64_t bytes;
  int first, last;
  std::size_t loop = kNoLoop;  ///< The loop of whose body it is a value.
  std::int64_t offset = 0;

  static constexpr std::size_t kNoLoop = static_cast<std::size_t>(-1);
};

/// A loop of a phase: the kernels of its body, and where the values of that live.
struct PlannedLoop {
  PlannedLoop(const Op& op, Lanes lanes) : op(op), parts(op), definers(parts.body.definers()), arguments(parts.body.values.size()) {
    std::map<ValueId, std::int64_t> steps_of;
    if (lanes == Lanes::features && parts.steps > 1) {
      for (std::size_t i = parts.carries; i < parts.carries + parts.scanned; ++i) steps_of[parts.inputs[i]] = parts.steps;
      for (std::size_t i = parts.carries; i < parts.outputs.size(); ++i) steps_of[storage(parts.outputs[i])] = parts.steps;
    }
    kernels = extract_kernels(parts.body, steps_of);
  }

  ValueId storage(ValueId value) const { return storage_of(parts.body, definers, value); }

  const Op& op;
  ScanParts parts;
  std::vector<std::int32_t> definers;
  std::vector<ExtractedKernel> kernels;
  std::vector<std::optional<Argument>> arguments;  ///< For each value of the body how a kernel gets it.
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

/// What a phase does, before it is written as commands.
struct Phase {
  std::int64_t images = 0;       ///< Images per tile; also set where no kernel is tiled, as inputs may be loaded here.
  std::vector<int> tiled, once;  ///< Indices of kernels, in order.
  std::vector<BufferId> sums, to_pad;
};

class Planner {
 public:
  Planner(const Graph& graph, Guards guards)
      : graph_(graph),
        guards_(guards),
        definers_(graph.definers()),
        kernels_(extract_kernels(graph)),
        phases_(std::max(1, phase_count(graph))),
        buffer_of_(graph.values.size(), -1),
        read_as_array_(graph.values.size(), false) {
    for (const auto& op : graph.ops)
      if (op.kind == OpKind::reshape && graph.type(op.result()).rank() > 0) read_as_array_[storage(op.result())] = true;
    plan_.name = graph.name;
    plan_.lanes = graph.lanes;
    plan_.target = graph.target_or_default();
  }

  StepPlan run() {
    for (std::size_t k = 0; k < kernels_.size(); ++k)
      if (kernels_[k].loop != nullptr) loops_.emplace(k, PlannedLoop(*kernels_[k].loop, graph_.lanes));
    set_tiles();
    set_load_phase();
    place_params();
    place_partials();
    place_tiles();
    place_whole();
    for (auto& [k, loop] : loops_) find_arguments(loop);
    for (std::size_t k = 0; k < kernels_.size(); ++k)
      (kernels_[k].source.tiled() ? phase_of(k).tiled : phase_of(k).once).push_back(static_cast<int>(k));
    describe_kernels();
    add_boundary();
    for (std::size_t p = 0; p < phases_.size(); ++p) add_commands(p);
    for (std::size_t k = 0; k < kernels_.size(); ++k) {
      if (const auto loop = loops_.find(k); loop == loops_.end())
        plan_.kernels[place_[k]].source = std::move(kernels_[k].source);
      else
        for (std::size_t i = 0; i < loop->second.kernels.size(); ++i)
          plan_.kernels[place_[k] + i].source = std::move(loop->second.kernels[i].source);
    }
    return std::move(plan_);
  }

 private:
  ValueId storage(ValueId value) const { return storage_of(graph_, definers_, value); }
  const Op& definer(ValueId value) const { return graph_.ops[definers_[value]]; }
  Phase& phase_of(std::size_t kernel) { return phases_[graph_.kernels[kernel].phase]; }
  bool is_placed(ValueId value) const { return buffer_of_[value] >= 0; }

  BufferId place(ValueId value, Placement placement) {
    buffer_of_[value] = add_buffer(graph_, value, placement);
    return buffer_of_[value];
  }

  /// A value of the graph or of a loop's body, which may have the name of another.
  BufferId add_buffer(const Graph& graph, ValueId value, Placement placement) {
    plan_.buffers.push_back({unique(graph.values[value].name, buffer_names_), graph.type(value), placement});
    return static_cast<BufferId>(plan_.buffers.size()) - 1;
  }

  static std::string unique(const std::string& name, std::set<std::string>& taken) {
    auto result = name;
    for (int i = 1; !taken.insert(result).second; ++i) result = name + "_" + std::to_string(i);
    return result;
  }

  /// The offset of an array that follows a space's others, whose bytes grow by it.
  std::int64_t append(std::int64_t& total, std::int64_t bytes) const {
    constexpr auto kPage = static_cast<std::int64_t>(kPageBytes);
    const auto begin = total, room = ceil_div(bytes, kPage) * kPage;
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

  void set_tiles() {
    std::int64_t first = 0, smallest = 0;
    for (std::size_t k = 0; k < kernels_.size(); ++k) {
      auto& source = kernels_[k].source;
      if (!source.tiled()) continue;
      // A graph that partition has not given tiles, as in tests, has those of vectors.
      if (source.size == 0 && graph_.lanes == Lanes::batch) source.size = plan_.target.lanes;
      if (auto loop = loops_.find(k); loop != loops_.end())
        for (auto& kernel : loop->second.kernels) kernel.source.size = source.size;
      phase_of(k).images = source.images();
      if (first == 0) first = source.images();
      smallest = smallest == 0 ? source.images() : std::min(smallest, source.images());
    }
    plan_.smallest_tile = std::max<std::int64_t>(smallest, 1);
    // A phase may store the inputs, whatever else it does; where lanes are images, whole vectors of them.
    auto least = graph_.lanes == Lanes::batch ? static_cast<std::int64_t>(plan_.target.lanes) : 1;
    for (auto& phase : phases_) {
      if (phase.images == 0) phase.images = std::max(first, least);
      plan_.padded_images = std::lcm(plan_.padded_images, phase.images);
    }
  }

  /// The inputs are stored in the first phase that reads any of them, so that a tile's stay in the cache; or in the one before, if that
  /// does not read them by tiles.
  void set_load_phase() {
    auto is_input = [&](ValueId value) { return definer(storage(value)).kind == OpKind::input && graph_.type(value).batched(); };
    load_phase_ = static_cast<int>(phases_.size()) - 1;
    for (std::size_t k = 0; k < kernels_.size(); ++k)
      if (std::any_of(kernels_[k].inputs.begin(), kernels_[k].inputs.end(), is_input))
        load_phase_ = std::min(load_phase_, graph_.kernels[k].phase - (kernels_[k].source.tiled() ? 0 : 1));
    check(load_phase_ >= 0, "a kernel over the whole batch reads inputs that a phase before it has stored");
  }

  std::int64_t image_bytes(const Type& type) const {
    return (graph_.lanes == Lanes::features ? image_stride(type) : type.elements()) * size_of(type.dtype);
  }

  /// Bytes of a replicated value with room for whole blocks, in which all but scalars are read and written.
  std::int64_t bytes_of(ValueId value) const {
    const auto& type = graph_.type(value);
    auto block = type.rank() == 0 && !read_as_array_[value] ? 1 : kFlatBlock;
    return aligned(ceil_div(type.elements(), block) * block * size_of(type.dtype));
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
      check(definer(value).kernel >= 0 && !is_placed(value), "a param's new value is made by a kernel, for it alone");
      buffer_of_[value] = buffer_of_[op.operands[0]];
    }
  }

  void place_partials() {
    for (std::size_t p = 0; p < phases_.size(); ++p)
      for (std::size_t k = 0; k < kernels_.size(); ++k) {
        if (graph_.kernels[k].phase != static_cast<int>(p)) continue;
        for (auto value : kernels_[k].outputs)
          if (sums_over_batch(graph_, definer(value)))
            phases_[p].sums.push_back(place(value, {Space::partial, append(plan_.partial_bytes, bytes_of(value)), bytes_of(value)}));
      }
  }

  struct Life {
    int first_kernel, last_kernel, first_phase, last_phase;
  };

  /// From the kernel that makes a stored value, or the first of a step for an input, to its last reader.
  std::map<ValueId, Life> lives() const {
    std::map<ValueId, Life> result;
    auto end = static_cast<int>(kernels_.size());
    for (const auto& op : graph_.ops)
      if (op.kind == OpKind::input) result[op.result()] = {-1, -1, load_phase_, load_phase_};
    for (int k = 0; k < end; ++k)
      for (auto value : kernels_[k].outputs) result[value] = {k, k, graph_.kernels[k].phase, graph_.kernels[k].phase};
    for (int k = 0; k < end; ++k)
      for (auto value : kernels_[k].inputs)
        if (auto found = result.find(storage(value)); found != result.end()) {
          found->second.last_kernel = std::max(found->second.last_kernel, k);
          found->second.last_phase = std::max(found->second.last_phase, graph_.kernels[k].phase);
        }
    // An output is read when the step is over.
    for (const auto& op : graph_.ops)
      if (op.kind == OpKind::output)
        if (auto found = result.find(storage(op.operands[0])); found != result.end()) {
          found->second.last_kernel = end;
          found->second.last_phase = static_cast<int>(phases_.size());
        }
    return result;
  }

  void place_tiles() {
    // What pads the last tile is read as it was left there, so numbers of f32 never lie where others did, which could be NaN as f32.
    std::vector<Interval> tile, batch, batch_integers;
    std::vector<std::pair<int, ValueId>> to_pad;
    for (const auto& [value, life] : lives()) {
      const auto& type = graph_.type(value);
      if (!type.batched() || is_placed(value)) continue;
      bool crosses = life.first_phase != life.last_phase;
      auto bytes = crosses ? image_bytes(type) : image_bytes(type) * phases_[life.first_phase].images;
      auto& list = !crosses ? tile : type.dtype == DType::f32 ? batch : batch_integers;
      // Tiles are in different kernels of a phase at one time, and images of arrays that share memory need not lie at the same place.
      if (crosses)
        list.push_back({value, aligned(bytes), life.first_phase, life.last_phase});
      else
        list.push_back({value, aligned(bytes), life.first_kernel, life.last_kernel});
      if (crosses && phases_[life.first_phase].images < plan_.padded_images) to_pad.emplace_back(life.first_phase, value);
    }
    for (const auto& [k, loop] : loops_) add_values_of(k, loop, tile);
    plan_.tile_bytes = arrange(tile);
    plan_.batch_bytes = arrange(batch);
    for (const auto& each : tile) {
      const Placement placement{Space::tile, each.offset, each.bytes};
      if (each.loop == Interval::kNoLoop)
        place(each.value, placement);
      else
        loops_.at(each.loop).arguments[each.value] = Argument{add_buffer(loops_.at(each.loop).parts.body, each.value, placement)};
    }
    auto place_batch = [&](const std::vector<Interval>& list, std::int64_t start) {
      for (const auto& each : list) place(each.value, {Space::batch, start + each.offset, image_bytes(graph_.type(each.value))});
    };
    place_batch(batch, 0);
    auto integers = arrange(batch_integers);
    place_batch(batch_integers, plan_.batch_bytes);
    plan_.batch_bytes += integers;
    for (const auto& [phase, value] : to_pad) phases_[phase].to_pad.push_back(buffer_of_[value]);
  }

  /// What a body makes and reads itself, and its carries, twice each.
  void add_values_of(std::size_t k, const PlannedLoop& loop, std::vector<Interval>& tile) const {
    const auto& body = loop.parts.body;
    std::set<ValueId> elsewhere;
    for (auto output : loop.parts.outputs) elsewhere.insert(loop.storage(output));
    auto add = [&](ValueId value, std::int64_t times) {
      const auto bytes = image_bytes(body.type(value)) * kernels_[k].source.images();
      const auto kernel = static_cast<int>(k);
      tile.push_back({value, times == 1 ? aligned(bytes) : times * bytes, kernel, kernel, k});
    };
    for (std::size_t i = 0; i < loop.parts.carries; ++i) add(loop.parts.inputs[i], 2);
    for (const auto& kernel : loop.kernels)
      for (auto value : kernel.outputs)
        if (!elsewhere.contains(value)) add(value, 1);
  }

  /// How the kernels of a body get the operands and results of the loop.
  void find_arguments(PlannedLoop& loop) {
    const auto& parts = loop.parts;
    auto step_bytes = [&](ValueId value) {
      const auto& type = parts.body.type(value);
      return type.elements() * size_of(type.dtype) * (graph_.lanes == Lanes::batch ? plan_.target.lanes : 1);
    };
    for (std::size_t i = 0; i < parts.carries; ++i) {
      auto& now = loop.arguments[parts.inputs[i]];
      now->turn = CarryTurn::now;
      loop.arguments[loop.storage(parts.outputs[i])] = Argument{.buffer = now->buffer, .turn = CarryTurn::next};
    }
    for (std::size_t i = parts.carries; i < parts.inputs.size(); ++i) {
      auto& argument = loop.arguments[parts.inputs[i]] = Argument{buffer_of_[storage(loop.op.operands[i])]};
      if (parts.is_scanned(i)) argument->step = step_bytes(parts.inputs[i]);
    }
    for (std::size_t i = parts.carries; i < parts.outputs.size(); ++i)
      loop.arguments[loop.storage(parts.outputs[i])] =
          Argument{.buffer = buffer_of_[loop.op.results[i]], .step = step_bytes(parts.outputs[i])};
  }

  void place_whole() {
    for (const auto& [value, life] : lives()) {
      if (is_placed(value)) continue;
      place(value, {Space::replicated, append(plan_.replicated_bytes, bytes_of(value)), bytes_of(value)});
    }
  }

  TileLoop loop_of(std::size_t k) const {
    const auto& planned = loops_.at(k);
    TileLoop loop{.steps = planned.parts.steps, .reverse = planned.parts.reverse};
    for (std::size_t i = 0; i < planned.parts.carries; ++i)
      loop.carries.push_back({planned.arguments[planned.parts.inputs[i]]->buffer, buffer_of_[storage(planned.op.operands[i])],
                              buffer_of_[planned.op.results[i]]});
    for (std::size_t i = 0; i < planned.kernels.size(); ++i) {
      KernelCall call{static_cast<int>(place_[k] + i), {}};
      for (const auto* list : {&planned.kernels[i].inputs, &planned.kernels[i].outputs})
        for (auto value : *list) {
          const auto& argument = planned.arguments[planned.storage(value)];
          check(argument.has_value() && argument->buffer >= 0, "every argument of a kernel in a loop has a place");
          call.arguments.push_back(*argument);
        }
      loop.calls.push_back(std::move(call));
    }
    return loop;
  }

  KernelCall call(int k) const {
    KernelCall call{static_cast<int>(place_[k]), {}};
    for (const auto* list : {&kernels_[k].inputs, &kernels_[k].outputs})
      for (auto value : *list) {
        const auto buffer = buffer_of_[storage(value)];
        check(buffer >= 0, "every argument of a kernel has a place");
        call.arguments.push_back({buffer});
      }
    return call;
  }

  BlockCalls block_calls(int k) const {
    BlockCalls calls{call(k)};
    const auto& source = kernels_[k].source;
    if (source.form == KernelForm::flat) set_flat_blocks(k, calls);
    if (source.form == KernelForm::rows) set_row_blocks(k, calls);
    if (source.form == KernelForm::columns) set_column_blocks(k, calls);
    std::int64_t bytes = 0;
    for (const auto& argument : calls.call.arguments)
      if (const auto& at = plan_.placement(argument.buffer); at.space != Space::batch && at.space != Space::tile)
        bytes += at.bytes * (at.space == Space::partial ? plan_.chunks(cost::kUsualBatch) : 1);
    calls.cost = cost::kCallOfBlock + bytes / calls.blocks / cost::kBytesOfBlock;
    calls.cost_of_image = static_cast<std::int64_t>(
        cost::arithmetic_cycles(static_cast<double>(plan_.kernels[place_[k]].info.flops_per_image / calls.blocks), plan_.target));
    return calls;
  }

  void set_flat_blocks(int k, BlockCalls& calls) const {
    const auto block = kernels_[k].source.size;
    std::int64_t elements = 0;
    std::size_t i = 0;
    for (const auto* list : {&kernels_[k].inputs, &kernels_[k].outputs})
      for (auto value : *list) {
        const auto& type = graph_.type(value);
        auto& argument = calls.call.arguments[i++];
        if (type.rank() == 0) continue;
        elements = std::max(elements, type.elements());
        argument.stride = block * size_of(type.dtype);
      }
    calls.blocks = std::max<std::int64_t>(1, ceil_div(elements, block));
  }

  /// A block of rows of a gradient reads as many features of every image, and as many rows of params of the gradient's shape.
  void set_row_blocks(int k, BlockCalls& calls) const {
    const Op* whole = nullptr;
    for (const auto& op : graph_.ops)
      if (op.kernel == k && is_whole_gradient(op.kind)) whole = &op;
    check(whole != nullptr, "a kernel with rows has a gradient over the whole batch");
    const auto rows = kernels_[k].source.size;
    const auto& gradient = graph_.type(whole->result());
    calls.blocks = gradient.dims[0] / rows;
    std::size_t i = 0;
    for (const auto* list : {&kernels_[k].inputs, &kernels_[k].outputs})
      for (auto value : *list) {
        auto& argument = calls.call.arguments[i++];
        if (value == whole->operands[0])
          argument.stride = rows * size_of(DType::f32);
        else if (graph_.type(value).dims == gradient.dims)
          argument.stride = rows * gradient.dims[1] * size_of(DType::f32);
      }
  }

  /// A block of columns of a table's gradient reads all indices, and as many features at each position of every image.
  void set_column_blocks(int k, BlockCalls& calls) const {
    const auto& source = kernels_[k].source;
    const auto& table = graph_.type(kernels_[k].outputs[0]);
    calls.blocks = table.elements() / table.dims[0] / source.size;
    const auto stride = source.size * size_of(DType::f32);
    for (std::size_t i = 0; i < kernels_[k].inputs.size(); ++i)
      if (kernels_[k].inputs[i] == gradient_of_table(k))
        calls.call.arguments[i].stride = stride * (graph_.lanes == Lanes::batch ? plan_.target.lanes : 1);
    calls.call.arguments.back().stride = stride;
  }

  /// What a kernel that works on columns adds to the rows of its table.
  ValueId gradient_of_table(int k) const { return definer(kernels_[k].outputs[0]).operands.back(); }

  /// Says what the kernels of the graph, or of a loop's body, do in a step, whose places in the plan these are.
  void describe(const Graph& graph, const std::vector<std::size_t>& places, std::int64_t times) {
    for (const auto& op : graph.ops) {
      if (op.kernel < 0 || op.body) continue;
      auto& info = plan_.kernels[places[op.kernel]].info;
      for (auto result : op.results) info.values.push_back(graph.values[result].name);
      if (!op.loc.empty() && std::find(info.layers.begin(), info.layers.end(), op.loc) == info.layers.end()) info.layers.push_back(op.loc);
      info.contraction = info.contraction || is_contraction(op.kind);
      bool batched = false;
      for (auto operand : op.operands) batched = batched || graph.type(operand).batched();
      if (batched) info.flops_per_image += times * graph.flops(op);
    }
  }

  void describe_kernels() {
    std::set<std::string> names;
    auto add = [&](const std::string& name, std::int64_t phase) {
      plan_.kernels.push_back({.source = {}, .info = {.name = unique(name, names), .phase = phase}});
      return plan_.kernels.size() - 1;
    };
    // Kernels of bodies take names that are left.
    for (const auto& kernel : graph_.kernels) names.insert(kernel.name);
    for (std::size_t k = 0; k < kernels_.size(); ++k) {
      const auto loop = loops_.find(k);
      place_.push_back(plan_.kernels.size());
      if (loop == loops_.end()) {
        names.erase(graph_.kernels[k].name);
        add(graph_.kernels[k].name, graph_.kernels[k].phase);
        continue;
      }
      std::vector<std::size_t> places;
      for (const auto& kernel : loop->second.parts.body.kernels) places.push_back(add(kernel.name, graph_.kernels[k].phase));
      describe(loop->second.parts.body, places, loop->second.parts.steps);
    }
    describe(graph_, place_, 1);
  }

  void add_boundary() {
    for (const auto& op : graph_.ops) {
      if (op.kind == OpKind::input && is_placed(op.result()))
        plan_.inputs.push_back({input_role(op), input_number(op), buffer_of_[op.result()]});
      if (op.kind == OpKind::output) {
        auto value = storage(op.operands[0]);
        check(is_placed(value), "an output is stored");
        plan_.outputs.push_back({op.attributes.text("name"), graph_.type(op.operands[0]), buffer_of_[value]});
      }
    }
  }

  void add_commands(std::size_t p) {
    const auto& phase = phases_[p];
    const bool loads = static_cast<int>(p) == load_phase_ && std::any_of(plan_.inputs.begin(), plan_.inputs.end(), [&](const auto& input) {
                         return plan_.buffers[input.buffer].type.batched();
                       });
    if (loads || !phase.tiled.empty()) {
      Tiles tiles{.images = phase.images, .clear = phase.sums};
      if (loads) tiles.commands.push_back(Load{});
      for (int k : phase.tiled) {
        if (kernels_[k].loop != nullptr)
          tiles.commands.push_back(loop_of(static_cast<std::size_t>(k)));
        else
          tiles.commands.push_back(call(k));
      }
      if (!phase.to_pad.empty()) tiles.commands.push_back(Pad{phase.to_pad});
      plan_.commands.push_back(std::move(tiles));
    }
    if (!phase.once.empty()) {
      Blocks blocks;
      for (int k : phase.once) blocks.kernels.push_back(block_calls(k));
      plan_.commands.push_back(std::move(blocks));
    }
    if (p + 1 < phases_.size()) plan_.commands.push_back(Barrier{});
  }

  const Graph& graph_;
  Guards guards_;
  std::vector<std::int32_t> definers_;
  std::vector<ExtractedKernel> kernels_;
  std::map<std::size_t, PlannedLoop> loops_;  ///< By kernels of the graph.
  std::vector<std::size_t> place_;            ///< For each kernel of the graph its place, or its loop's first, among the plan's.
  std::vector<Phase> phases_;
  int load_phase_ = 0;
  StepPlan plan_;
  std::vector<BufferId> buffer_of_;  ///< For each value, or -1.
  std::vector<bool> read_as_array_;  ///< Scalars too, where a reshape makes an array of one.
  std::set<std::string> buffer_names_;
};

}  // namespace

StepPlan make_plan(const Graph& graph, Guards guards) {
  for (const auto& op : graph.ops)
    if (op.kind == OpKind::reduce && op.attributes.has("scope") && op.attributes.text("scope") == "ranks")
      throw Error("graph @{}: %{} is summed over ranks, but a step has one process", graph.name, graph.values[op.result()].name);
  auto plan = Planner(graph, guards).run();
  verify(plan);
  return plan;
}

}  // namespace gradc
