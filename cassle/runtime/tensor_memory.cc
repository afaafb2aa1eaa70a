#include "cassle/runtime/tensor_memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <new>

#include "cassle/runtime/torch_version.h"

namespace cassle {
namespace {

// Smaller ones are malloc's: they would waste pages, and it keeps them anyway.
constexpr size_t kSmallestLarge = size_t{1} << 20;
// What oneDNN and the vector kernels like for small ones: a cache line.
constexpr size_t kSmallAlignment = 64;

// The size class of a request: a multiple of kPage and of an eighth of the power of two below.
size_t RoundUp(size_t bytes) {
  size_t step = LargeBlocks::kPage;
  while (step * 16 <= bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

// `bytes`, a multiple of kPage, aligned to kPage.
void* Map(size_t bytes) {
  const size_t more = bytes + LargeBlocks::kPage;
  void* mapped = mmap(nullptr, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  char* const begin = static_cast<char*>(mapped);
  const size_t past = reinterpret_cast<uintptr_t>(begin) % LargeBlocks::kPage;
  char* const block = past == 0 ? begin : begin + (LargeBlocks::kPage - past);
  if (block != begin) munmap(begin, block - begin);
  munmap(block + bytes, begin + more - (block + bytes));
  // Only advice: systems without huge pages go on with small ones.
  madvise(block, bytes, MADV_HUGEPAGE);
  return block;
}

LargeBlocks& SharedBlocks() {
  // Never destroyed: tensors of static lifetime may outlive every other static object.
  static auto* const blocks = new LargeBlocks;
  return *blocks;
}

void Free(void* memory) {
  // Only large blocks have this alignment for certain; most others are told apart without a look.
  const bool perhaps_large = reinterpret_cast<uintptr_t>(memory) % LargeBlocks::kPage == 0;
  if (perhaps_large && SharedBlocks().GiveBack(memory)) return;
  free(memory);
}

class TensorAllocator : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) CASSLE_ALLOCATE_CONST override {
    void* memory = nullptr;
    if (bytes >= kSmallestLarge) {
      memory = SharedBlocks().Take(bytes);
    } else if (bytes > 0 && posix_memalign(&memory, kSmallAlignment, bytes) != 0) {
      memory = nullptr;
    }
    // As `new`: torch_guard.h and out_of_memory.h know what to say of it.
    if (memory == nullptr && bytes > 0) throw std::bad_alloc();
    return {memory, memory, &Free, c10::Device(c10::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &Free; }

  // Asked for by LibTorch 2.3 and newer.
  virtual void copy_data(void* to, const void* from, std::size_t bytes) const {
    std::memcpy(to, from, bytes);
  }
};

}  // namespace

LargeBlocks::~LargeBlocks() { Shrink(0); }

void* LargeBlocks::Take(size_t bytes) {
  // More than any address space; rounding up must not wrap around.
  if (bytes > std::numeric_limits<size_t>::max() / 4) return nullptr;
  const std::lock_guard<std::mutex> lock(mutex_);
  const size_t size = RoundUp(bytes);
  void* block = nullptr;
  if (const auto kept = kept_.find(size); kept != kept_.end()) {
    block = kept->second;
    kept_.erase(kept);
  } else {
    const size_t most = std::max(most_used_bytes_, used_bytes_ + size);
    const size_t limit = most + most / 2;
    Shrink(limit > size ? limit - size : 0);
    block = Map(size);
    if (block == nullptr) return nullptr;
    footprint_ += size;
  }
  used_.emplace(block, size);
  used_bytes_ += size;
  most_used_bytes_ = std::max(most_used_bytes_, used_bytes_);
  return block;
}

void LargeBlocks::Shrink(size_t bytes) {
  while (footprint_ > bytes && !kept_.empty()) {
    const auto largest = std::prev(kept_.end());
    munmap(largest->second, largest->first);
    footprint_ -= largest->first;
    kept_.erase(largest);
  }
}

bool LargeBlocks::GiveBack(void* block) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = used_.find(block);
  if (found == used_.end()) return false;
  used_bytes_ -= found->second;
  kept_.emplace(found->second, block);
  used_.erase(found);
  return true;
}

size_t LargeBlocks::footprint() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return footprint_;
}

void UseTensorMemory() {
  static TensorAllocator allocator;
  // Above the default allocator's priority of 0.
  c10::SetCPUAllocator(&allocator, /*priority=*/1);
}

}  // namespace cassle
