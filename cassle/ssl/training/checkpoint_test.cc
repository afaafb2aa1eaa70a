// What a run must not lose: the checkpoints.
#include "cassle/ssl/training/checkpoint.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

std::string EmptyFolder(const std::string& name) {
  std::string folder = absl::StrCat(::testing::TempDir(), "/", name);
  EXPECT_OK(RemoveAll(folder));
  EXPECT_OK(MakeDirectories(folder));
  return folder;
}

TEST(CheckpointTest, OfAnotherRunIsRefusedWithTheDifferences) {
  const std::string folder = EmptyFolder("differences");
  const at::Tensor a = at::empty({2}, at::kFloat).fill_(1);
  v1::TrainState state;
  state.set_step(3);
  ASSERT_OK(SaveCheckpoint(folder, state, {{"a", a}, {"b", a}}));
  ASSERT_OK_AND_ASSIGN(const auto paths, FindCheckpoints(folder));
  EXPECT_THAT(LoadCheckpoint(paths.at(0), {{"a", at::empty({3}, at::kFloat)}, {"c", a}}),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("1 missing: c; 1 unexpected: b; 1 of another shape or type: "
                                 "a is [2] and should be [3]")));
}

TEST(CheckpointTest, TheNewestFinishedOneCounts) {
  const std::string folder = EmptyFolder("newest");
  // Killed while one was written, and while one was removed.
  ASSERT_OK(MakeDirectories(folder + "/checkpoint-00000009.writing"));
  ASSERT_OK(MakeDirectories(folder + "/checkpoint-00000008.removing/rest"));
  ASSERT_OK_AND_ASSIGN(const auto none, FindCheckpoints(folder));
  EXPECT_EQ(none, std::vector<std::string>());
  const at::Tensor a = at::empty({2}, at::kFloat).fill_(1);
  v1::TrainState state;
  for (const int64_t step : {8, 100}) {
    state.set_step(step);
    ASSERT_OK(SaveCheckpoint(folder, state, {{"a", a}}));
  }
  ASSERT_OK_AND_ASSIGN(const auto paths, FindCheckpoints(folder));
  EXPECT_EQ(paths, std::vector<std::string>({folder + "/checkpoint-00000100"}));
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names, ListDirectory(folder));
  EXPECT_EQ(names, std::vector<std::string>({"checkpoint-00000100"}));
}

TEST(CheckpointTest, TheLastAndThoseOfAnIntervalAreKept) {
  const std::string folder = EmptyFolder("kept");
  const at::Tensor a = at::empty({2}, at::kFloat).fill_(1);
  v1::TrainState state;
  for (const int64_t step : {0, 5, 10, 15, 20, 25, 30}) {
    state.set_step(step);
    ASSERT_OK(SaveCheckpoint(folder, state, {{"a", a}}, {.last = 2, .every_steps = 10}));
  }
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names, ListDirectory(folder));
  EXPECT_EQ(names, std::vector<std::string>({"checkpoint-00000010", "checkpoint-00000020",
                                             "checkpoint-00000025", "checkpoint-00000030"}));
  // Fewer are wanted from now on.
  state.set_step(35);
  ASSERT_OK(SaveCheckpoint(folder, state, {{"a", a}}));
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> fewer, ListDirectory(folder));
  EXPECT_EQ(fewer, std::vector<std::string>({"checkpoint-00000035"}));
}

TEST(CheckpointTest, WhatIsNotFiniteIsNotKept) {
  const std::string folder = EmptyFolder("not_finite");
  at::Tensor a = at::empty({2}, at::kFloat).fill_(1);
  at::Tensor count = at::empty({}, at::kLong).fill_(7);
  v1::TrainState state;
  state.set_step(1);
  ASSERT_OK(SaveCheckpoint(folder, state, {{"count", count}, {"a", a}}));
  for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    a.data_ptr<float>()[1] = bad;
    state.set_step(2);
    EXPECT_THAT(SaveCheckpoint(folder, state, {{"count", count}, {"a", a}}),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("\"a\" holds values")));
  }
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names, ListDirectory(folder));
  EXPECT_EQ(names, std::vector<std::string>({"checkpoint-00000001"}));
}

TEST(CheckpointTest, AFlippedBitIsFound) {
  const std::string folder = EmptyFolder("flipped");
  const at::Tensor a = at::empty({2}, at::kFloat).fill_(1);
  ASSERT_OK(SaveCheckpoint(folder, v1::TrainState(), {{"a", a}}));
  const std::string tensors = folder + "/checkpoint-00000000/tensors.safetensors";
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFile(tensors));
  bytes.back() ^= 1;
  ASSERT_OK(WriteFile(tensors, bytes));
  EXPECT_THAT(LoadCheckpoint(folder + "/checkpoint-00000000", {{"a", a}}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("tensors.safetensors is damaged")));
}

// A state that lost a line, or has another digit, would train on from another step.
TEST(CheckpointTest, AChangedStateIsDamage) {
  const std::string folder = EmptyFolder("changed");
  const at::Tensor a = at::empty({2}, at::kFloat).fill_(1);
  v1::TrainState state;
  state.set_step(9);
  state.set_batch_in_epoch(4);
  state.mutable_last_metrics()->set_epoch(1);
  ASSERT_OK(SaveCheckpoint(folder, state, {{"a", a}}));
  const std::string checkpoint = folder + "/checkpoint-00000009";
  const std::string path = checkpoint + "/state.textproto";
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFile(path));
  ASSERT_OK_AND_ASSIGN(const v1::TrainState read, LoadCheckpoint(checkpoint, {{"a", a}}));
  EXPECT_EQ(read.batch_in_epoch(), 4);
  const auto expect_damage = [&](const std::string& changed) {
    ASSERT_OK(WriteFile(path, changed));
    EXPECT_THAT(LoadCheckpoint(checkpoint, {{"a", a}}),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("state.textproto")))
        << changed;
  };
  for (size_t length = 0; length < bytes.size(); ++length) expect_damage(bytes.substr(0, length));
  for (size_t i = bytes.find('\n'); i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] ^= 1;
    expect_damage(changed);
  }
  // As earlier versions wrote it.
  ASSERT_OK(WriteFile(path, bytes.substr(bytes.find('\n') + 1)));
  EXPECT_OK(LoadCheckpoint(checkpoint, {{"a", a}}).status());
}

TEST(CheckpointTest, WhatSomebodyKeepsBesideThemStays) {
  const std::string folder = EmptyFolder("beside");
  for (const char* name : {"checkpoint-best", "checkpoint-00000005-copy", "checkpoint-7"}) {
    ASSERT_OK(MakeDirectories(folder + "/" + name));
  }
  const at::Tensor a = at::empty({2}, at::kFloat).fill_(1);
  v1::TrainState state;
  for (const int64_t step : {5, 6}) {
    state.set_step(step);
    ASSERT_OK(SaveCheckpoint(folder, state, {{"a", a}}));
  }
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names, ListDirectory(folder));
  EXPECT_EQ(names, std::vector<std::string>({"checkpoint-00000005-copy", "checkpoint-00000006",
                                             "checkpoint-7", "checkpoint-best"}));
}

TEST(CheckpointTest, AStateThatIsNoTextIsDamageAndNoMistakeOfTheUser) {
  const std::string folder = EmptyFolder("state");
  const at::Tensor a = at::empty({2}, at::kFloat).fill_(1);
  ASSERT_OK(SaveCheckpoint(folder, v1::TrainState(), {{"a", a}}));
  const std::string checkpoint = folder + "/checkpoint-00000000";
  ASSERT_OK(WriteFile(checkpoint + "/state.textproto", "rubbish {"));
  EXPECT_THAT(LoadCheckpoint(checkpoint, {{"a", a}}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("state.textproto:1:")));
}

}  // namespace
}  // namespace cassle
