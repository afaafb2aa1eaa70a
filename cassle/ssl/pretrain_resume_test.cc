// Interrupted, killed and cut into links, pretrain ends with the bytes of an undisturbed run.
#include "cassle/ssl/pretrain_stage.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cassle/base/file.h"
#include "cassle/base/philox.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/ssl/pretrain_testutil.h"
#include "cassle/stage/options.h"
#include "cassle/stage/stage_main.h"
#include "cassle/stage/stage_manifest.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

extern char** environ;

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(PretrainResumeTest, ARunInterruptedAfterEveryStepEndsWithTheSameBytes) {
  const std::string undisturbed = FingerprintOfRun(MocoRun("interrupted"));
  const v1::PretrainOptions options = MocoRun("interrupted");
  const std::atomic<bool> interrupted(true);
  for (int step = 1; step < 10; ++step) {
    EXPECT_THAT(Train(options, &interrupted),
                StatusIs(absl::StatusCode::kCancelled,
                         HasSubstr(absl::StrCat("interrupted after step ", step, ";"))));
    EXPECT_FALSE(FileExists(options.output()));
  }
  EXPECT_EQ(FingerprintOfRun(options), undisturbed);
}

TEST(PretrainResumeTest, OtherTreatmentsTrainAndResumeWithTheSameBytes) {
  const std::atomic<bool> interrupted(true);
  using Flags = std::vector<std::string>;
  for (const auto& [flags, words] :
       {std::pair(Flags{"--conditioning=raw", "--conditioning.injection=multiplication"},
                  "raw by multiplication"),
        std::pair(Flags{"--conditioning=hypernetwork"}, "hypernetwork")}) {
    const auto run = [flags = flags] {
      v1::PretrainOptions options = MocoRun("treatments");
      CommandLine command_line;
      EXPECT_OK(ParseCommandLine(flags, &options, &command_line));
      return options;
    };
    const std::string undisturbed = FingerprintOfRun(run());
    const v1::PretrainOptions options = run();
    for (int i = 0; i < 2; ++i) EXPECT_FALSE(Train(options, &interrupted).ok());
    EXPECT_EQ(FingerprintOfRun(options), undisturbed);
    EXPECT_THAT(FileOf(options, "model.textproto"),
                HasSubstr(absl::StrCat("conditioning ", words, " (color, color_diff")));
  }
}

TEST(PretrainResumeTest, AccumulatedRunsResumeWithTheSameBytesAndDifferFromWholeBatches) {
  const auto run = [] {
    v1::PretrainOptions options = MocoRun("accumulated");
    options.set_accumulate_steps(4);
    return options;
  };
  const std::string undisturbed = FingerprintOfRun(run());
  const v1::PretrainOptions options = run();
  const std::atomic<bool> interrupted(true);
  for (int step = 1; step < 10; ++step) EXPECT_FALSE(Train(options, &interrupted).ok());
  EXPECT_EQ(FingerprintOfRun(options), undisturbed);
  EXPECT_NE(FingerprintOfRun(MocoRun("whole")), undisturbed);
}

TEST(PretrainResumeTest, AChainOfLinksEndsWithTheBytesOfAnUnbrokenRun) {
  const auto run = [](const std::string& name, int stop, const std::string& begin) {
    v1::PretrainOptions options = MocoRun(name);
    options.set_epochs(3);
    options.set_stop_epoch(stop);
    options.set_begin(begin);
    options.mutable_monitor()->set_every_epochs(1);
    options.mutable_monitor()->set_train_images(20);
    options.mutable_monitor()->set_test_images(10);
    return options;
  };
  const std::string unbroken = FingerprintOfRun(run("unbroken", 0, ""));
  const v1::PretrainOptions first = run("first", 1, "");
  ASSERT_OK(Train(first));
  // It is an encoder too, and keeps one checkpoint whatever tuning says.
  EXPECT_TRUE(FileExists(JoinPath(first.output(), "weights.safetensors")));
  EXPECT_TRUE(IsDirectory(JoinPath(first.output(), "checkpoint-00000005")));
  v1::PretrainOptions second = run("second", 2, first.output());
  const std::atomic<bool> interrupted(true);
  for (int step = 6; step < 10; ++step) {
    EXPECT_THAT(Train(second, &interrupted),
                StatusIs(absl::StatusCode::kCancelled,
                         HasSubstr(absl::StrCat("interrupted after step ", step, ";"))));
  }
  ASSERT_OK(Train(second));
  EXPECT_EQ(FingerprintOfRun(run("third", 0, second.output())), unbroken);
  // The link before is as it was.
  EXPECT_OK(RequireComplete(first.output()));

  const auto refused = [](const v1::PretrainOptions& options, absl::StatusCode code,
                          const std::string& message) {
    EXPECT_THAT(Train(options), StatusIs(code, HasSubstr(message)));
  };
  const auto kFailed = absl::StatusCode::kFailedPrecondition;
  v1::PretrainOptions other = run("other", 0, first.output());
  other.set_base_lr(0.5);
  refused(other, kFailed, "base_lr");
  refused(run("other", 1, second.output()), kFailed, "has epoch 2 behind it already");
  refused(run("other", 0, JoinPath(::testing::TempDir(), "third")), kFailed, "is a finished run");
  refused(run("other", 0, TinyShapes(40)), kFailed, "was written by shard-encoder");
  refused(run("other", 3, ""), absl::StatusCode::kInvalidArgument, "--stop_epoch=3");
  const std::string tensors = JoinPath(second.output(), "checkpoint-00000010/tensors.safetensors");
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFile(tensors));
  bytes[bytes.size() / 2] ^= 16;
  ASSERT_OK(WriteFile(tensors, bytes));
  refused(run("other", 0, second.output()), absl::StatusCode::kDataLoss,
          "; --force makes that link again");
  v1::PretrainOptions one_link = run("other", 1, "");
  one_link.set_epochs(1);
  refused(one_link, absl::StatusCode::kInvalidArgument,
          "--stop_epoch=1: expected none: --epochs=1");
}

TEST(PretrainResumeTest, KilledAfterItsLastStepItDoesNotBeginAnew) {
  const std::string undisturbed = FingerprintOfRun(MocoRun("late"));
  const v1::PretrainOptions options = MocoRun("late");
  const StageWork dies = [](const google::protobuf::Message& resolved, StageContext& context) {
    EXPECT_OK(RunPretrain(static_cast<const v1::PretrainOptions&>(resolved), context));
    return absl::UnavailableError("before the manifest");
  };
  EXPECT_FALSE(RunStageWork(PretrainInfo(), options, {}, dies).ok());
  // A run that has a step to take would be interrupted after it.
  const std::atomic<bool> interrupted(true);
  ASSERT_OK(Train(options, &interrupted));
  EXPECT_EQ(FingerprintOfRun(options), undisturbed);
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names, ListDirectory(options.output()));
  EXPECT_THAT(names, Each(Not(HasSubstr("checkpoint"))));
}

TEST(PretrainResumeTest, ADamagedCheckpointIsNotGoneOnFrom) {
  const v1::PretrainOptions options = MocoRun("damaged");
  const std::atomic<bool> interrupted(true);
  ASSERT_FALSE(Train(options, &interrupted).ok());
  const std::string tensors = options.output() + ".partial/checkpoint-00000001/tensors.safetensors";
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFile(tensors));
  bytes[bytes.size() / 2] ^= 16;
  ASSERT_OK(WriteFile(tensors, bytes));
  EXPECT_THAT(Train(options), StatusIs(absl::StatusCode::kDataLoss,
                                       AllOf(HasSubstr("is damaged"), HasSubstr("remove"))));
}

pid_t StartPretrain(const v1::PretrainOptions& options) {
  std::vector<std::string> arguments = {
      "cassle/ssl/pretrain",
      "--input=" + options.input(),
      "--output=" + options.output(),
      "--policy=cifar",
      "--method=moco_v2",
      "--method.moco_v2.queue_size=32",
      "--conditioning=mlp",
      "--backbone.width_factor=0.125",
      "--epochs=2",
      "--batch_size=8",
      "--compute_threads=1",
      "--precision=float32",
      "--log_every_steps=3",
      "--checkpoint_every_steps=1",
  };
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(&argument[0]);
  argv.push_back(nullptr);
  pid_t child = -1;
  EXPECT_EQ(posix_spawn(&child, argv[0], nullptr, nullptr, argv.data(), environ), 0);
  return child;
}

TEST(PretrainResumeTest, KilledAtManyMomentsItEndsWithTheSameBytes) {
  const std::string undisturbed = FingerprintOfRun(MocoRun("killed"));
  const v1::PretrainOptions options = MocoRun("killed");
  Philox random(StreamKey{20240607});
  int kills = 0;
  // The moments: a while after the n-th checkpoint appears, so that every run gets further. The
  // first is killed before any.
  for (const char* wait_for :
       {"job.textproto", "checkpoint-00000002", "checkpoint-00000005", "checkpoint-00000009"}) {
    const pid_t child = StartPretrain(options);
    ASSERT_GT(child, 0);
    const std::string sign = JoinPath(options.output() + ".partial", wait_for);
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    while (!FileExists(sign) && !FileExists(options.output()) && absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    absl::SleepFor(absl::Microseconds(random.Below(20000)));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    kills += WIFSIGNALED(status) ? 1 : 0;
  }
  EXPECT_GE(kills, 2);
  const pid_t last = StartPretrain(options);
  int status = 0;
  ASSERT_EQ(waitpid(last, &status, 0), last);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(FingerprintOfRun(options), undisturbed);  // Up to date: nothing is done again.
}

}  // namespace
}  // namespace cassle
