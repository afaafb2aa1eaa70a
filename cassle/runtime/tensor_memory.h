// Memory for tensors that stays with the process: a training step asks for the same gigabytes as
// the step before, and the kernel would fault in and clear every page of them again.
//
// Why not malloc: glibc maps blocks above 32 MB whatever its thresholds say, and a third of the
// time of a float32 training step with large activations went into clearing pages.
#ifndef CASSLE_RUNTIME_TENSOR_MEMORY_H_
#define CASSLE_RUNTIME_TENSOR_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <unordered_map>

namespace cassle {

// Large blocks that are kept when they are given back. Sizes are rounded up to classes, an eighth
// apart; a request takes a kept block of its class, else memory is mapped. Kept blocks are unmapped
// when all blocks together would be more than half as much again as was once needed at the same
// time. Blocks are aligned to, and made of, huge pages where the system has them. Thread-safe;
// O(log blocks).
class LargeBlocks {
 public:
  // Also the alignment and the granularity of sizes, bytes.
  static constexpr size_t kPage = size_t{2} << 20;

  LargeBlocks() = default;
  // All blocks must have been given back.
  ~LargeBlocks();
  LargeBlocks(const LargeBlocks&) = delete;
  LargeBlocks& operator=(const LargeBlocks&) = delete;

  // Not cleared. Null if the system has no memory left.
  void* Take(size_t bytes);
  // False, and nothing happens, if `block` is not one of Take's.
  bool GiveBack(void* block);

  // Bytes mapped, in use or kept.
  size_t footprint() const;

 private:
  // Unmaps kept blocks, the largest first, until no more than `bytes` are mapped or none is left.
  void Shrink(size_t bytes);

  mutable std::mutex mutex_;
  std::multimap<size_t, void*> kept_;
  // Block -> size.
  std::unordered_map<void*, size_t> used_;
  size_t footprint_ = 0;
  size_t used_bytes_ = 0;
  size_t most_used_bytes_ = 0;
};

// Makes tensors of a megabyte and more live in large blocks, from now on in the whole process.
// Call before the first tensor exists; again: nothing happens.
void UseTensorMemory();

}  // namespace cassle

#endif  // CASSLE_RUNTIME_TENSOR_MEMORY_H_
