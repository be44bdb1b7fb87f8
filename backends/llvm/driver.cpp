#include "backends/llvm/driver.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <functional>
#include <mutex>
#include <new>

#include <llvm/Config/llvm-config.h>
#include <llvm/ExecutionEngine/Orc/Debugging/DebuggerSupport.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/ObjCopy/ConfigManager.h>
#include <llvm/ObjCopy/ObjCopy.h>
#include <llvm/Object/ELFObjectFile.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>

#include "gradc/error.h"
#include "runtime/scratch.h"

namespace gradc {
namespace {

using llvm::BasicBlock;
using llvm::Value;

constexpr std::int64_t kBufferBytes = 56;  // sizeof(halide_buffer_t)
constexpr std::int64_t kHostOffset = 16;   // offsetof(halide_buffer_t, host)

/// Writes `void step(StepContext*, i64 thread)`: each command of the plan as the loops over chunks and tiles, or over blocks, that it is.
/// Where asked, the step writes an event after each of them; and there is also `void kernel(StepContext*, i64 thread, i64 index)`, which
/// runs one kernel alone over the whole batch.
class Writer {
 public:
  Writer(llvm::LLVMContext& context, const StepPlan& plan, const std::vector<std::string>& symbols)
      : plan_(plan), symbols_(symbols), module_(std::make_unique<llvm::Module>("step", context)), b_(context) {}

  std::unique_ptr<llvm::Module> run(const LinkOptions& options) {
    begin("step", {b_.getPtrTy(), b_.getInt64Ty()});
    if (options.events) begin_events();
    for (const auto& command : plan_.commands) write(command);
    if (options.events) end_events();
    b_.CreateRetVoid();
    if (options.separate_kernels) write_separate_kernels();
    std::string problem;
    llvm::raw_string_ostream out(problem);
    check(!llvm::verifyModule(*module_, &out), "the driver is valid LLVM IR");
    return std::move(module_);
  }

 private:
  /// Starts a function whose first two parameters are the context and the thread's number.
  void begin(const char* name, const std::vector<llvm::Type*>& parameters) {
    auto* type = llvm::FunctionType::get(b_.getVoidTy(), parameters, false);
    step_ = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, *module_);
    context_ = step_->getArg(0);
    context_->setName("context");
    thread_ = step_->getArg(1);
    thread_->setName("thread");
    b_.SetInsertPoint(block("entry"));
    make_buffers();
    threads_ = field("threads", offsetof(StepContext, threads), b_.getInt64Ty());
    images_ = field("images", offsetof(StepContext, images), b_.getInt64Ty());
    padded_images_ = field("padded_images", offsetof(StepContext, padded_images), b_.getInt64Ty());
    chunks_ = field("chunks", offsetof(StepContext, chunks), b_.getInt64Ty());
    batch_arena_ = field("batch_arena", offsetof(StepContext, batch_arena), b_.getPtrTy());
    partials_ = field("partials", offsetof(StepContext, partials), b_.getPtrTy());
    replicated_ = field("replicated", offsetof(StepContext, replicated), b_.getPtrTy());
    params_ = field("params", offsetof(StepContext, params), b_.getPtrTy());
    tile_memory_ =
        offset(field("tile_arena", offsetof(StepContext, tile_arena), b_.getPtrTy()), b_.CreateMul(thread_, b_.getInt64(plan_.tile_bytes)));
  }

  void begin_events() {
    auto* own = b_.CreateMul(thread_, field("events_of_thread", offsetof(StepContext, events_of_thread), b_.getInt64Ty()));
    next_event_ = b_.CreateAlloca(b_.getPtrTy(), nullptr, "next_event");
    b_.CreateStore(offset(field("events", offsetof(StepContext, events), b_.getPtrTy()), b_.CreateMul(own, b_.getInt64(sizeof(StepEvent)))),
                   next_event_);
    event(kStarting);
  }

  /// Says what the thread did since its last event.
  void event(std::int32_t what) {
    if (next_event_ == nullptr) return;
#if defined(__aarch64__)
    auto* ticks = b_.CreateIntrinsic(llvm::Intrinsic::readsteadycounter, {}, {});
#else
    auto* ticks = b_.CreateIntrinsic(llvm::Intrinsic::readcyclecounter, {}, {});
#endif
    auto* at = b_.CreateLoad(b_.getPtrTy(), next_event_);
    b_.CreateStore(ticks, offset(at, static_cast<std::int64_t>(offsetof(StepEvent, ticks))));
    b_.CreateStore(b_.getInt32(static_cast<std::uint32_t>(what)), offset(at, static_cast<std::int64_t>(offsetof(StepEvent, what))));
    b_.CreateStore(offset(at, static_cast<std::int64_t>(sizeof(StepEvent))), next_event_);
  }

  void end_events() {
    auto* ends = field("events_end", offsetof(StepContext, events_end), b_.getPtrTy());
    b_.CreateStore(b_.CreateLoad(b_.getPtrTy(), next_event_), offset(ends, b_.CreateMul(thread_, b_.getInt64(sizeof(void*)))));
    next_event_ = nullptr;
  }

  void write_separate_kernels() {
    begin("kernel", {b_.getPtrTy(), b_.getInt64Ty(), b_.getInt64Ty()});
    auto* end = block("end");
    auto* choice = b_.CreateSwitch(step_->getArg(2), end, static_cast<unsigned>(plan_.kernels.size()));
    auto alone = [&](const KernelCall& call, auto write_loops) {
      auto* own = block("kernel." + plan_.kernels[call.kernel].info.name);
      choice->addCase(b_.getInt64(static_cast<std::uint64_t>(call.kernel)), own);
      b_.SetInsertPoint(own);
      write_loops();
      b_.CreateBr(end);
    };
    for (const auto& command : plan_.commands) {
      if (const auto* tiles = std::get_if<Tiles>(&command)) {
        for (const auto& each : tiles->commands) {
          if (const auto* call = std::get_if<KernelCall>(&each)) alone(*call, [&] { write_tiles(*tiles, {*call}); });
          if (const auto* loop = std::get_if<TileLoop>(&each))
            for (const auto& call : loop->calls)
              alone(call, [&] { write_tiles(*tiles, {TileLoop{.steps = loop->steps, .reverse = loop->reverse, .calls = {call}}}); });
        }
      } else if (const auto* blocks = std::get_if<Blocks>(&command)) {
        for (const auto& each : blocks->kernels) alone(each.call, [&] { write(Blocks{{each}}); });
      }
    }
    b_.SetInsertPoint(end);
    b_.CreateRetVoid();
  }

  BasicBlock* block(const llvm::Twine& name) { return BasicBlock::Create(b_.getContext(), name, step_); }
  Value* offset(Value* pointer, Value* bytes) { return b_.CreateInBoundsGEP(b_.getInt8Ty(), pointer, bytes); }
  Value* offset(Value* pointer, std::int64_t bytes) { return bytes == 0 ? pointer : offset(pointer, b_.getInt64(bytes)); }
  Value* field(const char* name, std::size_t at, llvm::Type* type) {
    return b_.CreateLoad(type, offset(context_, static_cast<std::int64_t>(at)), name);
  }

  /// One zeroed halide_buffer_t for each argument of the widest kernel. Only `host` is ever read: all else is constant in the kernels.
  void make_buffers() {
    std::size_t most = 0;
    for_each_call(plan_, [&](const KernelCall& call, const CallSite&) { most = std::max(most, call.arguments.size()); });
    auto* storage = llvm::ArrayType::get(b_.getInt8Ty(), kBufferBytes * std::max<std::size_t>(most, 1));
    buffers_ = b_.CreateAlloca(storage, nullptr, "buffers");
    buffers_->setAlignment(llvm::Align(8));
    b_.CreateMemSet(buffers_, b_.getInt8(0), storage->getNumElements(), llvm::Align(8));
  }

  /// for (i = from; i < to; i += step) body(i)
  template <class Body>
  void loop(const char* name, Value* from, Value* to, Value* step, Body body) {
    auto* before = b_.GetInsertBlock();
    auto *head = block(std::string(name) + ".head"), *inside = block(std::string(name) + ".body"),
         *after = block(std::string(name) + ".end");
    b_.CreateBr(head);
    b_.SetInsertPoint(head);
    auto* i = b_.CreatePHI(b_.getInt64Ty(), 2, name);
    i->addIncoming(from, before);
    b_.CreateCondBr(b_.CreateICmpSLT(i, to), inside, after);
    b_.SetInsertPoint(inside);
    body(i);
    i->addIncoming(b_.CreateAdd(i, step), b_.GetInsertBlock());
    b_.CreateBr(head);
    b_.SetInsertPoint(after);
  }

  void write(const Command& command) {
    std::visit([&](const auto& each) { write(each); }, command);
  }

  void write(const Barrier&) {
    call_barrier();
    event(kWaiting);
  }

  void write(const Tiles& tiles) {
    write_tiles(tiles, tiles.commands, [&](Value* partial) {
      if (tiles.clear.empty()) return;
      clear(tiles.clear, partial);
      event(kClearing);
    });
  }

  void write(const Load&, const Tiles&, Value* image, Value*) {
    call_load(image);
    event(kLoading);
  }

  void write(const KernelCall& call, const Tiles&, Value* image, Value* partial) {
    write_call(call, image, partial, nullptr);
    event(call.kernel);
  }

  void write(const TileLoop& steps, const Tiles& tiles, Value* image, Value* partial) {
    auto half_of = [&](BufferId carry, Value* half) {
      return offset(address(carry, image, partial), b_.CreateMul(half, b_.getInt64(plan_.placement(carry).bytes / 2)));
    };
    auto copy = [&](Value* to, Value* from, BufferId carry) {
      const auto bytes = static_cast<std::uint64_t>(plan_.placement(carry).bytes / 2);
      b_.CreateMemCpy(to, llvm::MaybeAlign(1), from, llvm::MaybeAlign(1), bytes);
    };
    for (const auto& carry : steps.carries) copy(half_of(carry.buffer, b_.getInt64(0)), address(carry.first, image, partial), carry.buffer);
    loop("step", b_.getInt64(0), b_.getInt64(steps.steps), b_.getInt64(1), [&](Value* n) {
      step_number_ = n;
      step_of_stacks_ = steps.reverse ? b_.CreateSub(b_.getInt64(steps.steps - 1), n) : n;
      for (const auto& call : steps.calls) write(call, tiles, image, partial);
    });
    step_number_ = step_of_stacks_ = nullptr;
    for (const auto& carry : steps.carries)
      if (carry.last >= 0)
        copy(address(carry.last, image, partial), half_of(carry.buffer, b_.getInt64(static_cast<std::uint64_t>(steps.steps % 2))),
             carry.buffer);
  }

  void write(const Pad& pad, const Tiles& tiles, Value* image, Value*) {
    auto *own = block("pad"), *after = block("padded");
    auto* next = b_.CreateAdd(image, b_.getInt64(tiles.images));
    auto* is_last = b_.CreateICmpEQ(next, b_.CreateMul(tile_count(tiles), b_.getInt64(tiles.images)));
    b_.CreateCondBr(b_.CreateAnd(is_last, b_.CreateICmpSLT(next, padded_images_)), own, after);
    b_.SetInsertPoint(own);
    loop("missing", next, padded_images_, b_.getInt64(tiles.images), [&](Value* missing) {
      for (auto buffer : pad.buffers)
        b_.CreateMemCpy(address(buffer, missing, nullptr), llvm::MaybeAlign(1), address(buffer, image, nullptr), llvm::MaybeAlign(1),
                        static_cast<std::uint64_t>(plan_.placement(buffer).bytes * tiles.images));
    });
    event(kClearing);
    b_.CreateBr(after);
    b_.SetInsertPoint(after);
  }

  /// As StepPlan::tile_count.
  Value* tile_count(const Tiles& tiles) {
    auto* images = b_.getInt64(tiles.images);
    auto* whole = b_.CreateSDiv(b_.CreateAdd(images_, b_.getInt64(tiles.images - 1)), images);
    if (!pads(tiles)) return whole;
    auto *more = b_.CreateAdd(whole, b_.getInt64(1)), *most = b_.CreateSDiv(padded_images_, images);
    return b_.CreateSelect(b_.CreateICmpSLT(more, most), more, most);
  }

  /// From part of `whole` of `parts` equal parts the first.
  Value* share(Value* part, Value* parts, Value* whole) { return b_.CreateSDiv(b_.CreateMul(part, whole), parts); }
  /// A chunk's. Rounded up where `share` is rounded down, so that each thread has its part of fewer tiles than chunks.
  Value* first_tile(Value* chunk, Value* tiles) {
    return b_.CreateSDiv(b_.CreateAdd(b_.CreateMul(chunk, tiles), b_.CreateSub(chunks_, b_.getInt64(1))), chunks_);
  }
  Value* plus_one(Value* v) { return b_.CreateAdd(v, b_.getInt64(1)); }

  /// Sets a chunk's partial sums to zero, those that lie beside each other in one go.
  void clear(const std::vector<BufferId>& sums, Value* partial) {
    for (std::size_t first = 0, next = 0; first < sums.size(); first = next) {
      const auto begin = plan_.placement(sums[first]).offset;
      auto end = begin;
      for (; next < sums.size() && plan_.placement(sums[next]).offset == end; ++next) end += plan_.placement(sums[next]).bytes;
      b_.CreateMemSet(offset(partial, begin), b_.getInt8(0), static_cast<std::uint64_t>(end - begin), llvm::Align(64));
    }
  }

  /// Chunks are dealt out to threads; a chunk's tiles go through the commands one after the other.
  void write_tiles(const Tiles& tiles, const std::vector<TileCommand>& commands, const std::function<void(Value*)>& begin_chunk = {}) {
    auto* count = tile_count(tiles);
    loop("chunk", share(thread_, threads_, chunks_), share(plus_one(thread_), threads_, chunks_), b_.getInt64(1), [&](Value* chunk) {
      auto* partial = offset(partials_, b_.CreateMul(chunk, b_.getInt64(plan_.partial_bytes)));
      if (begin_chunk) begin_chunk(partial);
      loop("tile", first_tile(chunk, count), first_tile(plus_one(chunk), count), b_.getInt64(1), [&](Value* tile) {
        auto* image = b_.CreateMul(tile, b_.getInt64(tiles.images));
        for (const auto& command : commands) std::visit([&](const auto& each) { write(each, tiles, image, partial); }, command);
      });
    });
  }

  /// The blocks of all kernels lie one after the other, each as long as its cost, and threads take equal parts of the whole.
  void write(const Blocks& blocks) {
    std::vector<Value*> costs;
    Value* total = b_.getInt64(0);
    for (const auto& each : blocks.kernels) {
      costs.push_back(b_.CreateAdd(b_.getInt64(each.cost), b_.CreateMul(b_.getInt64(each.cost_of_image), images_)));
      total = b_.CreateAdd(total, b_.CreateMul(costs.back(), b_.getInt64(each.blocks)));
    }
    auto *first = share(thread_, threads_, total), *last = share(plus_one(thread_), threads_, total);
    Value* begin = b_.getInt64(0);
    for (std::size_t i = 0; i < blocks.kernels.size(); ++i) {
      const auto& each = blocks.kernels[i];
      // A block belongs to the thread in whose part it ends.
      auto block_at = [&](Value* place) {
        auto* at = b_.CreateSDiv(b_.CreateSub(place, begin), costs[i]);
        at = b_.CreateSelect(b_.CreateICmpSLT(at, b_.getInt64(0)), b_.getInt64(0), at);
        return b_.CreateSelect(b_.CreateICmpSGT(at, b_.getInt64(each.blocks)), b_.getInt64(each.blocks), at);
      };
      loop("block", block_at(first), block_at(last), b_.getInt64(1),
           [&](Value* at) { write_call(each.call, b_.getInt64(0), partials_, at); });
      event(each.call.kernel);
      begin = b_.CreateAdd(begin, b_.CreateMul(costs[i], b_.getInt64(each.blocks)));
    }
  }

  Value* address(BufferId buffer, Value* image, Value* partial) {
    const auto& placement = plan_.placement(buffer);
    switch (placement.space) {
      case Space::tile: return offset(tile_memory_, placement.offset);
      case Space::batch:
        return offset(batch_arena_, b_.CreateAdd(b_.CreateMul(padded_images_, b_.getInt64(placement.offset)),
                                                 b_.CreateMul(image, b_.getInt64(placement.bytes))));
      case Space::partial: return offset(partial, placement.offset);
      case Space::replicated: return offset(replicated_, placement.offset);
      case Space::param: return b_.CreateLoad(b_.getPtrTy(), offset(params_, placement.offset * 8));
    }
    throw InternalError("a placement without a space");
  }

  void write_call(const KernelCall& call, Value* image, Value* partial, Value* block_index) {
    const auto& source = plan_.kernels[call.kernel].source;
    std::vector<Value*> arguments;
    if (source.reduces()) {
      arguments.push_back(b_.CreateTrunc(chunks_, b_.getInt32Ty()));
      arguments.push_back(b_.getInt32(static_cast<std::uint32_t>(plan_.partial_bytes / 4)));
    }
    if (sees_batch(source.form)) arguments.push_back(b_.CreateTrunc(padded_images_, b_.getInt32Ty()));
    for (std::size_t i = 0; i < call.arguments.size(); ++i) {
      auto* at = address(call.arguments[i].buffer, image, partial);
      const auto& [id, stride, step, turn] = call.arguments[i];
      if (stride > 0) at = offset(at, b_.CreateMul(block_index, b_.getInt64(stride)));
      if (step > 0) at = offset(at, b_.CreateMul(step_of_stacks_, b_.getInt64(step)));
      if (turn != CarryTurn::none) {
        auto* half = b_.CreateAnd(turn == CarryTurn::now ? step_number_ : plus_one(step_number_), b_.getInt64(1));
        at = offset(at, b_.CreateMul(half, b_.getInt64(plan_.placement(id).bytes / 2)));
      }
      auto* buffer = offset(buffers_, static_cast<std::int64_t>(i) * kBufferBytes);
      b_.CreateStore(at, offset(buffer, kHostOffset));
      arguments.push_back(buffer);
    }
    std::vector<llvm::Type*> types;
    for (auto* argument : arguments) types.push_back(argument->getType());
    auto callee = module_->getOrInsertFunction(symbols_[call.kernel], llvm::FunctionType::get(b_.getInt32Ty(), types, false));
    b_.CreateCall(callee, arguments);
  }

  void call_load(Value* image) {
    auto* type = llvm::FunctionType::get(b_.getVoidTy(), {b_.getPtrTy(), b_.getInt64Ty(), b_.getPtrTy()}, false);
    b_.CreateCall(type, field("load_tile", offsetof(StepContext, load_tile), b_.getPtrTy()), {context_, image, tile_memory_});
  }

  void call_barrier() {
    auto* type = llvm::FunctionType::get(b_.getVoidTy(), {b_.getPtrTy()}, false);
    b_.CreateCall(type, field("barrier", offsetof(StepContext, barrier), b_.getPtrTy()), {context_});
  }

  const StepPlan& plan_;
  const std::vector<std::string>& symbols_;
  std::unique_ptr<llvm::Module> module_;
  llvm::IRBuilder<> b_;
  llvm::Function* step_ = nullptr;
  llvm::AllocaInst *buffers_ = nullptr, *next_event_ = nullptr;
  Value *context_ = nullptr, *thread_ = nullptr, *threads_ = nullptr, *images_ = nullptr, *padded_images_ = nullptr, *chunks_ = nullptr,
        *batch_arena_ = nullptr, *partials_ = nullptr, *replicated_ = nullptr, *params_ = nullptr, *tile_memory_ = nullptr;
  Value *step_number_ = nullptr, *step_of_stacks_ = nullptr;  ///< Of a loop: how many steps are done, and the step of its stacks.
};

[[noreturn]] void fail(const std::string& what) {
  if (what.find(std::strerror(ENOMEM)) != std::string::npos) throw std::bad_alloc();
  throw InternalError("LLVM: " + what);
}

template <class T>
T expect(llvm::Expected<T> value) {
  if (!value) fail(llvm::toString(value.takeError()));
  return std::move(*value);
}

void expect(llvm::Error error) {
  if (error) fail(llvm::toString(std::move(error)));
}

/// The bytes of a function in an object file.
std::uint64_t size_of_function(const KernelObject& object) {
  auto file = expect(llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object.bytes, object.symbol)));
  for (const llvm::object::ELFSymbolRef symbol : file->symbols())
    if (expect(symbol.getName()) == object.symbol) return symbol.getSize();
  return 0;
}

}  // namespace

KernelObject renamed(const KernelObject& object, const std::string& symbol) {
  auto file = expect(llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object.bytes, object.symbol)));
  llvm::objcopy::ConfigManager config;
  config.Common.SymbolsToRename[object.symbol] = symbol;
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream out(bytes);
  expect(llvm::objcopy::executeObjcopyOnBinary(config, *file, out));
  return {symbol, {bytes.begin(), bytes.end()}};
}

struct LinkedStep::Implementation {
  std::string reasons;  ///< Why lookups failed.
  std::unique_ptr<llvm::orc::LLJIT> jit;
  StepFunction function = nullptr;
  KernelFunction kernel = nullptr;
};

LinkedStep::LinkedStep(const StepPlan& plan, const std::vector<std::string>& symbols, const std::vector<KernelObject>& objects,
                       const LinkOptions& options)
    : implementation_(std::make_unique<Implementation>()) {
  static std::once_flag initialized;
  std::call_once(initialized, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  namespace orc = llvm::orc;
  auto machine = expect(orc::JITTargetMachineBuilder::detectHost());
  // The driver is a few calls a tile: compiling it fast counts for more than its code.
  machine.setCodeGenOptLevel(llvm::CodeGenOptLevel::None);
  implementation_->jit = expect(orc::LLJITBuilder().setJITTargetMachineBuilder(std::move(machine)).create());
  auto& jit = *implementation_->jit;
  // Why a lookup fails is told here, and what it returns says only that it did.
  auto& reasons = implementation_->reasons;
  jit.getExecutionSession().setErrorReporter([&reasons](llvm::Error error) { reasons += llvm::toString(std::move(error)) + "\n"; });
  auto found = [&](const char* name) {
    auto address = jit.lookup(name);
    if (!address) fail(reasons + llvm::toString(address.takeError()));
    return *address;
  };
  if (options.debugger) expect(orc::enableDebuggerSupport(jit));
  auto& library = jit.getMainJITDylib();
  auto symbol = [](auto* function) { return orc::ExecutorSymbolDef(orc::ExecutorAddr::fromPtr(function), llvm::JITSymbolFlags::Exported); };
  expect(library.define(orc::absoluteSymbols({
      {jit.mangleAndIntern("halide_malloc"), symbol(&scratch_allocate)},
      {jit.mangleAndIntern("halide_free"), symbol(&scratch_free)},
  })));
  library.addGenerator(
      expect(orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(jit.getDataLayout().getGlobalPrefix())));  // memset, expf
  for (const auto& object : objects) expect(jit.addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(object.bytes, object.symbol)));
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = Writer(*context, plan, symbols).run(options);
  module->setDataLayout(jit.getDataLayout());
  expect(jit.addIRModule(orc::ThreadSafeModule(std::move(module), std::move(context))));
  implementation_->function = found("step").toPtr<StepFunction>();
  if (options.separate_kernels) implementation_->kernel = found("kernel").toPtr<KernelFunction>();
}

LinkedStep::~LinkedStep() = default;
LinkedStep::LinkedStep(LinkedStep&&) noexcept = default;

StepFunction LinkedStep::function() const { return implementation_->function; }
KernelFunction LinkedStep::kernel() const { return implementation_->kernel; }

std::vector<CodeRange> LinkedStep::code(const std::vector<KernelObject>& objects) const {
  std::vector<CodeRange> ranges;
  for (const auto& object : objects)
    ranges.push_back({object.symbol, expect(implementation_->jit->lookup(object.symbol)).getValue(), size_of_function(object)});
  return ranges;
}

std::string driver_ir(const StepPlan& plan, const std::vector<std::string>& symbols) {
  llvm::LLVMContext context;
  std::string text;
  llvm::raw_string_ostream out(text);
  Writer(context, plan, symbols).run({})->print(out, nullptr);
  return text;
}

std::string llvm_version() { return LLVM_VERSION_STRING; }

}  // namespace gradc
