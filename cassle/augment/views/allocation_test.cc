// After warm-up, making a view's pixels allocates nothing: five presets, crops of many sizes.
#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include "cassle/augment/policies/policy.h"
#include "cassle/augment/views/apply.h"
#include "cassle/augment/views/sample.h"
#include "cassle/base/testing/status_matchers.h"

namespace {
std::atomic<int64_t> allocations{0};
}  // namespace

void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace cassle {
namespace {

TEST(AllocationTest, ApplyViewAllocatesNothingOnceItHasSeenTheSizes) {
  RgbImage source;
  source.Resize(150, 200);
  for (size_t i = 0; i < source.pixels.size(); ++i) source.pixels[i] = i * 31 % 251;
  for (const char* preset : {"cifar", "stl10", "imagenet", "stl10_sol", "stl10_rot"}) {
    ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy(preset));
    std::vector<v1::ViewRecord> records;
    for (uint64_t id = 0; id < 40; ++id) {
      records.push_back(SampleView(policy, {7, 0, id, 0}, source.height, source.width));
    }
    Canvas canvas;
    RgbImage view;
    for (v1::ViewRecord& record : records) ASSERT_OK(ApplyView(source, &record, &canvas, &view));
    const int64_t before = allocations;
    for (v1::ViewRecord& record : records) {
      if (!ApplyView(source, &record, &canvas, &view).ok()) FAIL();
    }
    EXPECT_EQ(allocations - before, 0) << preset;
  }
}

}  // namespace
}  // namespace cassle
