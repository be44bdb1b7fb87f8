#include "runtime/scratch.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

namespace gradc {
namespace {

struct Block {
  void* memory;
  std::size_t bytes;
  bool used;
};

thread_local Guards guards = Guards::none;

/// A thread's blocks: few, as a kernel holds few at a time.
struct Blocks {
  std::vector<Block> all;
  std::vector<Block> guarded;
  ~Blocks() {
    for (auto& block : all) std::free(block.memory);
  }
};

Blocks& blocks() {
  thread_local Blocks mine;
  return mine;
}

}  // namespace

void* scratch_allocate(void*, std::size_t bytes) {
  if (guards != Guards::none) {
    blocks().guarded.push_back({GuardedMemory(guards).allocate(bytes), bytes, true});
    return blocks().guarded.back().memory;
  }
  Block* best = nullptr;
  for (auto& block : blocks().all)
    if (!block.used && block.bytes >= bytes && (best == nullptr || block.bytes < best->bytes)) best = &block;
  if (best == nullptr) {
    auto* memory = allocate_pages(bytes);
    if (memory == nullptr) throw std::bad_alloc();
    blocks().all.push_back({memory, bytes, false});
    best = &blocks().all.back();
  }
  best->used = true;
  return best->memory;
}

void scratch_free(void*, void* memory) {
  auto& guarded = blocks().guarded;
  auto found = std::find_if(guarded.begin(), guarded.end(), [&](const Block& block) { return block.memory == memory; });
  if (found != guarded.end()) {
    GuardedMemory(guards).deallocate(memory, found->bytes);
    guarded.erase(found);
    return;
  }
  for (auto& block : blocks().all)
    if (block.memory == memory) block.used = false;
}

ScratchGuards::ScratchGuards(Guards wanted) : before_(std::exchange(guards, wanted)) {}
ScratchGuards::~ScratchGuards() { guards = before_; }

}  // namespace gradc
