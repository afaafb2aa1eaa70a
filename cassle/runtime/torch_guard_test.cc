#include "cassle/runtime/torch_guard.h"

#include <c10/util/Exception.h>

#include <new>
#include <stdexcept>

#include "absl/status/statusor.h"
#include "cassle/base/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(CatchTorchTest, WhatWorkReturnsIsHandedOn) {
  const absl::StatusOr<int> value = CatchTorch([]() -> absl::StatusOr<int> { return 7; });
  ASSERT_OK(value);
  EXPECT_EQ(*value, 7);
  EXPECT_THAT(CatchTorch([] { return absl::DataLossError("lost"); }),
              StatusIs(absl::StatusCode::kDataLoss, "lost"));
}

TEST(CatchTorchTest, WhatIsThrownBecomesAStatusWithoutABacktrace) {
  EXPECT_THAT(CatchTorch([]() -> absl::Status { TORCH_CHECK(false, "shapes ", 3); }),
              StatusIs(absl::StatusCode::kInternal,
                       AllOf(HasSubstr("shapes 3"), Not(HasSubstr("frame #")))));
  EXPECT_THAT(CatchTorch([]() -> absl::StatusOr<int> { throw std::runtime_error("other"); }),
              StatusIs(absl::StatusCode::kInternal, "other"));
}

TEST(CatchTorchTest, FailuresOfAGpuSayWhatToDoInOneLine) {
  EXPECT_THAT(
      CatchTorch([]() -> absl::Status { TORCH_CHECK(false, "CUDA error: lost\nat somewhere"); }),
      StatusIs(absl::StatusCode::kUnavailable,
               AllOf(HasSubstr("goes on from the last checkpoint, if there is one"),
                     Not(HasSubstr("\n")))));
  EXPECT_THAT(CatchTorch([]() -> absl::Status {
                TORCH_CHECK_WITH(OutOfMemoryError, false, "no memory\nat somewhere");
              }),
              StatusIs(absl::StatusCode::kAborted,
                       AllOf(HasSubstr("lower --batch_size"), Not(HasSubstr("\n")))));
}

TEST(CatchTorchTest, RefusedMemoryIsNamedSo) {
  for (const auto& status :
       {CatchTorch([]() -> absl::Status { throw std::bad_alloc(); }),
        CatchTorch([]() -> absl::Status {
          TORCH_CHECK(false, "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9");
        })}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted, HasSubstr("out of memory")));
  }
}

}  // namespace
}  // namespace cassle
