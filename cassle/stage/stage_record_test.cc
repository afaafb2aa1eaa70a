// What others see of a stage while it runs and after it was stopped.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/stage/folder_lock.h"
#include "cassle/stage/stage.h"
#include "cassle/stage/stage_manifest.h"
#include "cassle/stage/test_options.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

constexpr auto kMissing = absl::StatusCode::kNotFound;

class StageRecordTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = JoinPath(::testing::TempDir(),
                     ::testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_OK(RemoveAll(root_));
    ASSERT_OK(MakeDirectories(root_));
    ASSERT_OK(WriteFile(JoinPath(root_, "in"), "input"));
    options_.set_input(JoinPath(root_, "in"));
    options_.set_output(Out());
    options_.set_count(7);
  }
  std::string Out() const { return JoinPath(root_, "out"); }
  std::string Partial() const { return Out() + ".partial"; }

  // `work` is done between the first file and the end.
  absl::Status Run(const std::function<absl::Status(StageContext&)>& work) {
    return RunStageWork(
               {"numbers", 3, "Writes numbers.", /*resumable=*/true}, options_,
               {.omit_costs = true},
               [&](const google::protobuf::Message&, StageContext& context) {
                 CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(context.output_dir(), "0"), "0"));
                 return work(context);
               })
        .status();
  }

  std::string root_;
  v1::TestOptions options_;
};

TEST_F(StageRecordTest, ARunSaysWhatItIsWhileItGoesOnWhenItWasStoppedAndWhenItIsDone) {
  const auto tell = [&](StageContext& context) {
    context.Count("views", 2);
    context.Note("chosen by the machine");
    return context.KeepRecord();
  };
  const auto expect_told = [&](const v1::StageManifest& record) {
    EXPECT_EQ(record.stage(), "numbers");
    EXPECT_EQ(record.version(), 3);
    EXPECT_THAT(record.options(), HasSubstr("count: 7"));
    ASSERT_EQ(record.inputs_size(), 1);
    EXPECT_EQ(record.inputs(0).fingerprint().size(), 32);
    ASSERT_EQ(record.counts_size(), 1);
    EXPECT_EQ(record.counts(0).value(), 2);
    EXPECT_THAT(record.notes(), ElementsAre("chosen by the machine"));
  };
  EXPECT_THAT(Run([&](StageContext& context) {
                CASSLE_RETURN_IF_ERROR(tell(context));
                // Twice as once.
                CASSLE_RETURN_IF_ERROR(context.KeepRecord());
                EXPECT_TRUE(IsBeingWritten(Partial()));
                CASSLE_ASSIGN_OR_RETURN(const v1::StageManifest record, ReadRecord(Partial()));
                expect_told(record);
                EXPECT_THAT(ReadRecord(Out()),
                            StatusIs(kMissing, HasSubstr("out.partial is there: name it")));
                EXPECT_THAT(ReadManifest(Out()), StatusIs(kMissing, HasSubstr("is at work in")));
                return absl::CancelledError("stop");
              }),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("stop")));
  EXPECT_FALSE(IsBeingWritten(Partial()));
  ASSERT_OK_AND_ASSIGN(v1::StageManifest record, ReadRecord(Partial() + "/"));
  expect_told(record);

  // The record is no part of the output, and does not stand in the way of going on.
  ASSERT_OK(Run([&](StageContext& context) {
    EXPECT_TRUE(context.resumed());
    return tell(context);
  }));
  ASSERT_OK_AND_ASSIGN(record, ReadRecord(Out()));
  expect_told(record);
  EXPECT_EQ(record.files_size(), 1);
  EXPECT_FALSE(FileExists(JoinPath(Out(), kJobName)));
  EXPECT_THAT(ReadRecord(Partial()),
              StatusIs(kMissing, AllOf(HasSubstr("does not exist"), HasSubstr("out is there"))));
}

TEST_F(StageRecordTest, WhoSaysNothingIsNamed) {
  EXPECT_THAT(Run([&](StageContext&) {
                EXPECT_THAT(ReadRecord(Partial()),
                            StatusIs(kMissing, HasSubstr("wait until that has begun its work")));
                return absl::CancelledError("stop");
              }),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("stop")));
  EXPECT_THAT(ReadRecord(Partial()), StatusIs(kMissing, HasSubstr("run its stage again")));
  EXPECT_THAT(ReadRecord(JoinPath(root_, "nothing.partial")),
              StatusIs(kMissing, AllOf(HasSubstr("does not exist"), Not(HasSubstr("is there")))));
}

TEST_F(StageRecordTest, AskingWhetherAFolderIsBeingWrittenNeverHindersItsWriter) {
  ASSERT_OK(MakeDirectories(Partial()));
  EXPECT_FALSE(IsBeingWritten(Partial()));
  // Somebody asks at the moment of the first try.
  const int asking = open(Partial().c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(flock(asking, LOCK_SH), 0);
  std::thread answered([asking] {
    absl::SleepFor(absl::Milliseconds(120));
    close(asking);
  });
  FolderLock first;
  ASSERT_OK(first.Take(Partial(), Out()));
  answered.join();
  EXPECT_TRUE(IsBeingWritten(Partial()));
  FolderLock second;
  EXPECT_THAT(second.Take(Partial(), Out()),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("being written by another")));
  EXPECT_FALSE(IsBeingWritten(JoinPath(root_, "nothing")));
}

TEST_F(StageRecordTest, TheLockOfAFolderThatWasRenamedOrRemovedIsNotHeld) {
  for (const bool renamed : {true, false}) {
    ASSERT_OK(MakeDirectories(Partial()));
    FolderLock other;
    auto held = std::make_unique<FolderLock>();
    ASSERT_OK(held->Take(Partial(), Out()));
    EXPECT_TRUE(held->held());
    std::thread finishes([&] {
      absl::SleepFor(absl::Milliseconds(120));
      EXPECT_OK(renamed ? Rename(Partial(), Out()) : RemoveAll(Partial()));
      held.reset();
    });
    EXPECT_OK(other.Take(Partial(), Out()));
    finishes.join();
    EXPECT_FALSE(other.held());
    EXPECT_FALSE(IsBeingWritten(Out()));
    // Nothing to wait for.
    EXPECT_OK(other.Take(Partial(), Out()));
    EXPECT_FALSE(other.held());
  }
}

TEST(SettingsOfTest, HaveTheirPathsAndListsAreJoined) {
  EXPECT_THAT(
      SettingsOf("epochs: 3\nmethod {\n  simclr {\n    temperature: 0.2\n  }\n}\n"
                 "step_epochs: 4\nstep_epochs: 6\n"),
      ElementsAre(Pair("epochs", "3"), Pair("method", "chosen"), Pair("method.simclr", "chosen"),
                  Pair("method.simclr.temperature", "0.2"), Pair("step_epochs", "4,6")));
}

}  // namespace
}  // namespace cassle
