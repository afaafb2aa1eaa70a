// What a run must not lose: the checkpoints. Linked into method_test.
#include "cassle/ssl/checkpoint.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <string>
#include <vector>

#include "cassle/base/file.h"
#include "cassle/base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

TEST(CheckpointTest, OfAnotherRunIsRefusedWithTheDifferences) {
  const std::string folder = ::testing::TempDir() + "/differences";
  ASSERT_OK(RemoveAll(folder));
  ASSERT_OK(MakeDirectories(folder));
  const at::Tensor a = at::empty({2}, at::kFloat).fill_(1);
  v1::TrainState state;
  state.set_step(3);
  ASSERT_OK(SaveCheckpoint(folder, state, {{"a", a}, {"b", a}}));
  ASSERT_OK_AND_ASSIGN(const auto path, FindCheckpoint(folder));
  EXPECT_THAT(LoadCheckpoint(*path, {{"a", at::empty({3}, at::kFloat)}, {"c", a}}),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("1 missing: c; 1 unexpected: b; 1 of another shape or type: "
                                 "a is [2] and should be [3]")));
}

TEST(CheckpointTest, TheNewestFinishedOneCounts) {
  const std::string folder = ::testing::TempDir() + "/newest";
  ASSERT_OK(RemoveAll(folder));
  ASSERT_OK(MakeDirectories(folder + "/checkpoint-00000009.writing"));
  ASSERT_OK_AND_ASSIGN(const auto none, FindCheckpoint(folder));
  EXPECT_FALSE(none.has_value());
  const at::Tensor a = at::empty({2}, at::kFloat).fill_(1);
  v1::TrainState state;
  for (const int64_t step : {8, 100}) {
    state.set_step(step);
    ASSERT_OK(SaveCheckpoint(folder, state, {{"a", a}}));
  }
  ASSERT_OK_AND_ASSIGN(const auto path, FindCheckpoint(folder));
  EXPECT_EQ(*path, folder + "/checkpoint-00000100");
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names, ListDirectory(folder));
  EXPECT_EQ(names, std::vector<std::string>({"checkpoint-00000100"}));
}

TEST(CheckpointTest, AFlippedBitIsFound) {
  const std::string folder = ::testing::TempDir() + "/flipped";
  ASSERT_OK(RemoveAll(folder));
  ASSERT_OK(MakeDirectories(folder));
  const at::Tensor a = at::empty({2}, at::kFloat).fill_(1);
  ASSERT_OK(SaveCheckpoint(folder, v1::TrainState(), {{"a", a}}));
  const std::string tensors = folder + "/checkpoint-00000000/tensors.safetensors";
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFile(tensors));
  bytes.back() ^= 1;
  ASSERT_OK(WriteFile(tensors, bytes));
  EXPECT_THAT(LoadCheckpoint(folder + "/checkpoint-00000000", {{"a", a}}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("tensors.safetensors is damaged")));
}

}  // namespace
}  // namespace cassle
