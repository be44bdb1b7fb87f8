#include "backends/llvm/scratch.h"

#include <cstdlib>
#include <new>
#include <vector>

#include "support/memory.h"

namespace gradc {
namespace {

struct Block {
  void* memory;
  std::size_t bytes;
  bool used;
};

/// A thread's blocks: few, as a kernel holds few at a time.
struct Blocks {
  std::vector<Block> all;
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
  for (auto& block : blocks().all)
    if (block.memory == memory) block.used = false;
}

}  // namespace gradc
