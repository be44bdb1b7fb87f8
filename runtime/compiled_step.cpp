#include "runtime/compiled_step.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "gradc/error.h"
#include "runtime/scratch.h"
#include "runtime/thread_choice.h"
#include "runtime/thread_pool.h"
#include "support/memory.h"
#include "support/processors.h"
#include "support/ticks.h"

namespace gradc {
namespace {

/// Memory that grows and stays.
class Arena {
 public:
  ~Arena() { release(); }
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void reserve(std::int64_t bytes) {
    if (bytes <= bytes_) return;
    release();
    auto physical = physical_memory();
    if (static_cast<double>(bytes) <= physical) memory_ = static_cast<char*>(allocate_pages(static_cast<std::size_t>(bytes)));
    if (memory_ == nullptr)
      throw Error("a step of this batch size needs {:.3g} GB of memory, and this machine has {:.3g} GB; use a smaller batch",
                  static_cast<double>(bytes) / 1e9, physical / 1e9);
    std::memset(memory_, 0, static_cast<std::size_t>(bytes));
    bytes_ = bytes;
  }
  char* data() const { return memory_; }

  /// Makes the whole pages between these ranges, which are sorted, inaccessible until open() is called.
  void guard(const std::vector<std::pair<std::int64_t, std::int64_t>>& used) {
    constexpr auto kPage = static_cast<std::int64_t>(kPageBytes);
    std::int64_t end = 0;
    auto close_until = [&](std::int64_t begin) {
      const auto first = (end + kPage - 1) / kPage * kPage, last = begin / kPage * kPage;
      if (first < last) set_accessible(memory_ + first, static_cast<std::size_t>(last - first), false);
    };
    for (const auto& [first, last] : used) {
      close_until(first);
      end = std::max(end, last);
    }
    close_until(bytes_);
    guarded_ = true;
  }
  void open() {
    if (guarded_) set_accessible(memory_, static_cast<std::size_t>(bytes_) / kPageBytes * kPageBytes, true);
    guarded_ = false;
  }

  void fill(float value) { std::fill_n(reinterpret_cast<float*>(memory_), bytes_ / static_cast<std::int64_t>(sizeof(float)), value); }

 private:
  void release() {
    open();
    std::free(memory_);
    memory_ = nullptr;
    bytes_ = 0;
  }

  char* memory_ = nullptr;
  std::int64_t bytes_ = 0;
  bool guarded_ = false;
};

class CompiledStep : public Step {
  using Clock = std::chrono::steady_clock;

 public:
  CompiledStep(StepPlan plan, StepCode code, Params& params, const RunSettings& settings)
      : plan_(std::move(plan)),
        code_(std::move(code)),
        settings_(settings),
        most_threads_(settings.exact_threads ? settings.threads : std::clamp(settings.threads, 1, available_processors())),
        pool_(settings.exact_threads ? std::make_shared<ThreadPool>(most_threads_, settings.pin)
                                     : ThreadPool::of_process(most_threads_, settings.pin)),
        choice_(most_threads_) {
    if (const auto* tiles = plan_.loading()) load_images_ = tiles->images;
    for (const auto& name : plan_.params) params_.push_back(reinterpret_cast<char*>(params.at(name).data));
    tile_arena_.reserve(plan_.tile_bytes * most_threads_ + kSlack);
    replicated_.reserve(plan_.replicated_bytes + kSlack);
    context_.tile_arena = tile_arena_.data();
    context_.replicated = replicated_.data();
    context_.params = params_.data();
    context_.load_tile = [](StepContext* context, std::int64_t first_image, char* tile_memory) {
      static_cast<CompiledStep*>(context->owner)->load_tile(first_image, tile_memory);
    };
    context_.barrier = [](StepContext* context) {
      static_cast<CompiledStep*>(context->owner)->pool_->barrier(static_cast<int>(context->threads));
    };
    context_.owner = this;
  }

  void run(const StepInput& input) override {
    input_ = input;
    auto batch = static_cast<std::int64_t>(input.rows.size());
    check(batch > 0, "a batch has at least one image");
    for (const auto& each : plan_.inputs) {
      const auto number = static_cast<std::size_t>(each.number);
      check(each.role != InputRole::data || number < input.data.size(), "each input of role data is given");
      check(each.role != InputRole::label || number < input.labels.size(), "each input of role label is given");
      check(each.role != InputRole::sample_weight || number < input.weights.size(), "each input of role sample_weight is given");
    }
    context_.images = batch;
    context_.padded_images = plan_.padded(batch);
    context_.chunks = plan_.chunks(batch);
    for (auto* arena : {&tile_arena_, &batch_arena_, &partials_, &replicated_}) arena->open();
    batch_arena_.reserve(plan_.batch_bytes * context_.padded_images + kSlack);
    partials_.reserve(std::max<std::int64_t>(plan_.partial_bytes * context_.chunks, 64));
    if (settings_.fill)
      for (auto* arena : {&tile_arena_, &batch_arena_, &partials_, &replicated_}) arena->fill(*settings_.fill);
    if (settings_.guards != Guards::none) guard_arenas();
    context_.batch_arena = batch_arena_.data();
    context_.partials = partials_.data();
    for (const auto& each : plan_.inputs) {
      const auto& buffer = plan_.buffers[each.buffer];
      if (buffer.type.batched()) continue;
      auto* at = replicated_.data() + buffer.placement.offset;
      if (each.role == InputRole::batch_size) *reinterpret_cast<float*>(at) = static_cast<float>(batch);
      if (each.role == InputRole::step_key) std::memcpy(at, &input.random_key, sizeof input.random_key);
    }
    if (settings_.trace) prepare_events();
    bool trial = !settings_.exact_threads && choice_.undecided(batch);
    context_.threads = settings_.exact_threads ? most_threads_ : choice_.threads(batch);
    called_ = settings_.trace ? read_ticks() : 0;
    double seconds = 0;
    pool_->run(
        threads(),
        [](void* data, int thread) {
          auto* step = static_cast<CompiledStep*>(data);
          const ScratchGuards guards(step->settings_.guards);
          step->code_.step(&step->context_, thread);
        },
        this, trial ? &seconds : nullptr);
    returned_ = settings_.trace ? read_ticks() : 0;
    if (trial) choice_.took(batch, seconds);
  }

  int threads() const override { return static_cast<int>(context_.threads); }

  std::vector<KernelInfo> kernels() const override {
    std::vector<KernelInfo> all;
    const auto bytes = bytes_of_kernels(plan_, context_.images);
    for (std::size_t k = 0; k < plan_.kernels.size(); ++k) {
      auto info = plan_.kernels[k].info;
      info.bytes = bytes[k];
      all.push_back(std::move(info));
    }
    return all;
  }

  void run_kernel(int kernel) override {
    check(code_.kernel != nullptr && context_.images > 0, "a step was compiled with separate kernels, and has run");
    alone_ = kernel;
    pool_->run(
        threads(),
        [](void* data, int thread) {
          auto* step = static_cast<CompiledStep*>(data);
          step->code_.kernel(&step->context_, thread, step->alone_);
        },
        this);
  }

  StepTrace trace() const override {
    check(settings_.trace && returned_ != 0, "a step was compiled with traces, and has run");
    // The longer since the step was made, the better is the rate known.
    auto rate = std::chrono::duration<double>(Clock::now() - made_).count() / static_cast<double>(read_ticks() - made_ticks_);
    auto since_call = [&](std::uint64_t ticks) { return static_cast<double>(static_cast<std::int64_t>(ticks - called_)) * rate; };
    StepTrace trace{.seconds = since_call(returned_), .threads = threads()};
    for (int thread = 0; thread < trace.threads; ++thread) {
      double begin = 0;
      for (const auto* event = events_.data() + thread * context_.events_of_thread; event != events_end_[thread]; ++event) {
        auto end = since_call(event->ticks);
        trace.spans.push_back({thread, event->what, begin, end});
        begin = end;
      }
      trace.spans.push_back({thread, kEnding, begin, trace.seconds});
    }
    return trace;
  }

  double scalar(const std::string& name) const override {
    for (const auto& output : plan_.outputs)
      if (output.name == name) return *reinterpret_cast<const float*>(place(output.buffer));
    throw InternalError("a step has no output \"" + name + "\"");
  }

  std::vector<float> array(const std::string& name) const override {
    for (const auto& output : plan_.outputs) {
      if (output.name != name) continue;
      if (!output.type.batched()) {
        const auto* data = reinterpret_cast<const float*>(place(output.buffer));
        return {data, data + output.type.elements()};
      }
      auto batch = static_cast<std::int64_t>(input_.rows.size()), elements = output.type.elements();
      std::vector<float> rows(batch * elements);
      const auto* values = batch_arena_.data() + plan_.placement(output.buffer).offset * context_.padded_images;
      for (std::int64_t i = 0; i < batch; ++i)
        for (std::int64_t e = 0; e < elements; ++e) rows[i * elements + e] = number(values, output.type.dtype, index(i, e, output.type));
      return rows;
    }
    throw InternalError("a step has no output \"" + name + "\"");
  }

 private:
  void guard_arenas() {
    auto of_each = [&](Space space, std::int64_t parts, std::int64_t bytes) {
      std::vector<std::pair<std::int64_t, std::int64_t>> all;
      for (std::int64_t part = 0; part < parts; ++part)
        for (auto [begin, end] : used_bytes(plan_, space, context_.padded_images))
          all.emplace_back(part * bytes + begin, part * bytes + end);
      return all;
    };
    tile_arena_.guard(of_each(Space::tile, most_threads_, plan_.tile_bytes));
    partials_.guard(of_each(Space::partial, context_.chunks, plan_.partial_bytes));
    batch_arena_.guard(of_each(Space::batch, 1, 0));
    replicated_.guard(of_each(Space::replicated, 1, 0));
  }

  void prepare_events() {
    context_.events_of_thread = most_events(plan_, context_.images);
    events_.resize(context_.events_of_thread * most_threads_);
    events_end_.resize(most_threads_);
    context_.events = events_.data();
    context_.events_end = events_end_.data();
  }

  /// Where element `e` of image `i` lies in a batched value.
  std::int64_t index(std::int64_t i, std::int64_t e, const Type& type) const {
    if (plan_.lanes == Lanes::features) return i * image_stride(type) + e;
    const std::int64_t lanes = plan_.target.lanes;
    return i / lanes * lanes * type.elements() + e * lanes + i % lanes;
  }

  static float number(const char* data, DType dtype, std::int64_t i) {
    if (dtype == DType::u8) return static_cast<float>(reinterpret_cast<const std::uint8_t*>(data)[i]);
    if (dtype == DType::i32) return static_cast<float>(reinterpret_cast<const std::int32_t*>(data)[i]);
    return reinterpret_cast<const float*>(data)[i];
  }

  const char* place(BufferId buffer) const {
    const auto& placement = plan_.placement(buffer);
    return placement.space == Space::param ? params_[placement.offset] : replicated_.data() + placement.offset;
  }

  /// Stores the inputs of one tile. What pads the last tile is a copy of the batch's first image, which is finite wherever the batch is,
  /// and counts with weight 0.
  void load_tile(std::int64_t first, char* tile_memory) const {
    const auto count = load_images_, batch = static_cast<std::int64_t>(input_.rows.size());
    std::uint32_t rows[kMostImages];
    auto valid = std::min(count, batch - first);
    for (std::int64_t i = 0; i < count; ++i) rows[i] = input_.rows[i < valid ? first + i : 0];
    for (const auto& each : plan_.inputs) {
      const auto& [name, type, placement] = plan_.buffers[each.buffer];
      if (!type.batched()) continue;
      auto* at = placement.space == Space::batch ? batch_arena_.data() + placement.offset * context_.padded_images + first * placement.bytes
                                                 : tile_memory + placement.offset;
      auto* values = reinterpret_cast<float*>(at);
      const auto number = static_cast<std::size_t>(each.number);
      switch (each.role) {
        case InputRole::data: load_rows(input_.data[number], rows, count, type, values); break;
        case InputRole::label: load_rows(input_.labels[number], rows, count, type, values); break;
        case InputRole::sample_weight: load_rows(input_.weights[number], rows, count, type, values); break;
        case InputRole::batch_mask:
          for (std::int64_t i = 0; i < count; ++i) values[i] = i < valid ? 1.0f : 0.0f;
          break;
        case InputRole::sample_index:
          for (std::int64_t i = 0; i < count; ++i) reinterpret_cast<std::int32_t*>(at)[i] = static_cast<std::int32_t>(first + i);
          break;
        case InputRole::batch_size:
        case InputRole::step_key: break;  // not batched
      }
    }
  }

  /// Image by image, as numbers of f32.
  template <class Number>
  static void convert(const Rows& source, const std::uint32_t* rows, std::int64_t count, std::int64_t stride, float* out) {
    const auto* data = static_cast<const Number*>(source.data);
    for (std::int64_t i = 0; i < count; ++i)
      for (std::int64_t e = 0; e < source.elements; ++e)
        out[i * stride + e] = static_cast<float>(data[rows[i] * source.elements + e]) * source.scale;
  }

  /// The same with an image a lane.
  template <class Number>
  static void transpose(const Rows& source, const std::uint32_t* rows, std::int64_t lanes, float* out) {
    // Blocks of 16 elements: a row of bytes becomes floats in one go, and the block is turned while it is in registers or L1.
    constexpr std::int64_t kBlock = 16;
    float block[kMostImages][kBlock];
    const auto* data = static_cast<const Number*>(source.data);
    for (std::int64_t e = 0; e < source.elements; e += kBlock) {
      auto count = std::min(kBlock, source.elements - e);
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        const auto* from = data + rows[lane] * source.elements + e;
        for (std::int64_t i = 0; i < count; ++i) block[lane][i] = static_cast<float>(from[i]) * source.scale;
      }
      for (std::int64_t i = 0; i < count; ++i)
        for (std::int64_t lane = 0; lane < lanes; ++lane) out[(e + i) * lanes + lane] = block[lane][i];
    }
  }

  template <class Number>
  void load_numbers(const Rows& source, const std::uint32_t* rows, std::int64_t count, const Type& type, float* out) const {
    if (plan_.lanes == Lanes::features)
      convert<Number>(source, rows, count, image_stride(type), out);
    else
      transpose<Number>(source, rows, count, out);
  }

  void load_rows(const Rows& source, const std::uint32_t* rows, std::int64_t count, const Type& type, float* out) const {
    if (source.classes > 0) {
      for (std::int64_t e = 0; e < source.classes; ++e)
        for (std::int64_t i = 0; i < count; ++i) out[index(i, e, type)] = source.at(rows[i], e);
    } else if (source.dtype == DType::u8) {
      load_numbers<std::uint8_t>(source, rows, count, type, out);
    } else if (source.dtype == DType::i32) {
      load_numbers<std::int32_t>(source, rows, count, type, out);
    } else {
      load_numbers<float>(source, rows, count, type, out);
    }
  }

  static constexpr std::int64_t kSlack =
      4096;  ///< Bytes behind an arena: the last vectors of an array may reach beyond it when they are read.
  static constexpr std::int64_t kMostImages = 64;  ///< A tile may have.

  StepPlan plan_;
  StepCode code_;
  RunSettings settings_;
  std::int64_t load_images_ = 1;  ///< The tiles have that inputs are loaded for.
  int most_threads_;
  std::shared_ptr<ThreadPool> pool_;
  ThreadChoice choice_;
  std::vector<StepEvent> events_;  ///< The last run's, and where those of each thread end.
  std::vector<StepEvent*> events_end_;
  std::uint64_t called_ = 0, returned_ = 0, made_ticks_ = read_ticks();
  Clock::time_point made_ = Clock::now();
  std::vector<char*> params_;
  Arena tile_arena_, batch_arena_, partials_, replicated_;
  StepContext context_;
  StepInput input_;
  int alone_ = 0;  ///< The kernel of run_kernel.
};

}  // namespace

std::unique_ptr<Step> make_compiled_step(StepPlan plan, StepCode code, Params& params, const RunSettings& settings) {
  return std::make_unique<CompiledStep>(std::move(plan), std::move(code), params, settings);
}

}  // namespace gradc
