#include "cassle/runtime/tensor_memory.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <thread>
#include <vector>

namespace cassle {
namespace {

constexpr size_t kPage = LargeBlocks::kPage;

TEST(LargeBlocksTest, KeepsWhatIsGivenBackForTheNextOfThatSize) {
  LargeBlocks blocks;
  void* const first = blocks.Take(5 * kPage - 3);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % kPage, 0u);
  std::memset(first, 1, 5 * kPage);
  EXPECT_EQ(blocks.footprint(), 5 * kPage);
  void* const second = blocks.Take(5 * kPage);
  EXPECT_NE(second, first);
  EXPECT_TRUE(blocks.GiveBack(first));
  EXPECT_EQ(blocks.Take(4 * kPage + 1), first);
  EXPECT_TRUE(blocks.GiveBack(first));
  EXPECT_TRUE(blocks.GiveBack(second));
  EXPECT_EQ(blocks.footprint(), 10 * kPage);
}

TEST(LargeBlocksTest, HoldsHalfAsMuchAgainAsWasNeededAtOnce) {
  LargeBlocks blocks;
  std::vector<void*> taken;
  for (int i = 0; i < 4; ++i) taken.push_back(blocks.Take(2 * kPage));
  for (void* block : taken) EXPECT_TRUE(blocks.GiveBack(block));
  EXPECT_EQ(blocks.footprint(), 8 * kPage);
  // Other sizes: kept memory makes room for them.
  for (size_t pages : {8, 5, 1, 7, 3, 6}) {
    void* const block = blocks.Take(pages * kPage);
    ASSERT_NE(block, nullptr);
    std::memset(block, 2, pages * kPage);
    EXPECT_LE(blocks.footprint(), 12 * kPage) << pages;
    EXPECT_TRUE(blocks.GiveBack(block));
  }
}

TEST(LargeBlocksTest, WastesAtMostAnEighth) {
  for (size_t pages = 1; pages < 200; ++pages) {
    LargeBlocks blocks;
    void* const block = blocks.Take(pages * kPage);
    EXPECT_GE(blocks.footprint(), pages * kPage);
    EXPECT_LE(blocks.footprint(), pages * kPage + pages * kPage / 8) << pages;
    EXPECT_TRUE(blocks.GiveBack(block));
  }
}

TEST(LargeBlocksTest, RefusesWhatIsNotItsOwnAndWhatNoMachineHas) {
  LargeBlocks blocks;
  int mine = 0;
  EXPECT_FALSE(blocks.GiveBack(&mine));
  EXPECT_EQ(blocks.Take(std::numeric_limits<size_t>::max()), nullptr);
  EXPECT_EQ(blocks.Take(size_t{1} << 60), nullptr);
  EXPECT_EQ(blocks.footprint(), 0u);
}

TEST(LargeBlocksTest, ThreadsMayGiveBackWhatOthersTook) {
  LargeBlocks blocks;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&blocks, t] {
      for (int i = 0; i < 200; ++i) {
        char* const block = static_cast<char*>(blocks.Take((1 + (t + i) % 3) * kPage));
        block[0] = static_cast<char>(t);
        EXPECT_EQ(block[0], t);
        EXPECT_TRUE(blocks.GiveBack(block));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(blocks.footprint(), 18 * kPage);
}

TEST(TensorMemoryTest, TensorsOfEverySizeLiveInIt) {
  UseTensorMemory();
  UseTensorMemory();
  for (const int64_t size : {0, 1, 1000, 262143, 262144, 5000000}) {
    const at::Tensor tensor = at::full({size}, 3, at::kFloat);
    EXPECT_EQ(tensor.sum().item().toDouble(), 3.0 * size);
  }
  const void* const before = at::empty({1 << 20}, at::kFloat).data_ptr();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(before) % kPage, 0u);
  EXPECT_EQ(at::empty({1 << 20}, at::kFloat).data_ptr(), before);
  // Libraries that take raw memory (oneDNN) get it from the same place.
  for (const size_t bytes : {size_t{100}, size_t{3} << 20}) {
    void* const raw = c10::GetCPUAllocator()->raw_allocate(bytes);
    std::memset(raw, 1, bytes);
    c10::GetCPUAllocator()->raw_deallocate(raw);
  }
  EXPECT_THROW(at::empty({int64_t{1} << 58}, at::kFloat), std::bad_alloc);
}

}  // namespace
}  // namespace cassle
