#include "cassle/stage/stage.h"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/stage/stage_main.h"
#include "cassle/stage/stage_manifest.h"
#include "cassle/stage/test_options.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

int g_runs = 0;

// Writes `count` files, one by one; goes on from those that are there.
absl::Status WriteNumbers(const v1::TestOptions& options, StageContext& context) {
  ++g_runs;
  for (int i = 0; i < options.count(); ++i) {
    if (i > 0 && context.interrupted()) return absl::CancelledError("interrupted");
    const std::string path = JoinPath(context.output_dir(), std::to_string(i));
    if (!FileExists(path)) CASSLE_RETURN_IF_ERROR(WriteFileAtomically(path, std::to_string(i * i)));
  }
  context.Count("numbers", options.count());
  return context.SetResult(options.optimizer());
}

absl::Status FailHalfway(const v1::TestOptions& options, StageContext& context) {
  CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(context.output_dir(), "0"), "half"));
  return absl::DataLossError("record 7 is bad");
}

class StageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    g_runs = 0;
    root_ = JoinPath(::testing::TempDir(),
                     ::testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_OK(RemoveAll(root_));
    ASSERT_OK(MakeDirectories(root_));
    ASSERT_OK(WriteFile(JoinPath(root_, "in"), "input"));
    options_.set_input(JoinPath(root_, "in"));
    options_.set_output(Out());
  }
  std::string Out() const { return JoinPath(root_, "out"); }
  absl::StatusOr<StageOutcome> Run(bool resumable = true) {
    return RunStage<v1::TestOptions>({"numbers", 1, "Writes numbers.", resumable}, options_,
                                     settings_, WriteNumbers);
  }

  std::string root_;
  v1::TestOptions options_;
  StageSettings settings_{.threads = 1, .force = false, .omit_costs = true, .interrupted = nullptr};
};

TEST_F(StageTest, OutputAppearsWithItsManifestAndASecondRunDoesNothing) {
  ASSERT_OK_AND_ASSIGN(StageOutcome first, Run());
  EXPECT_FALSE(first.up_to_date);
  EXPECT_OK(RequireComplete(Out()));
  EXPECT_FALSE(FileExists(Out() + ".partial"));
  ASSERT_OK_AND_ASSIGN(v1::StageManifest manifest, ReadManifest(Out()));
  EXPECT_EQ(manifest.stage(), "numbers");
  EXPECT_EQ(manifest.files_size(), 3);
  EXPECT_EQ(manifest.counts(0).value(), 3);
  EXPECT_THAT(manifest.options(), HasSubstr("learning_rate: 0.03"));
  EXPECT_THAT(manifest.result_json(), HasSubstr("\"learning_rate\":0.03"));
  ASSERT_OK_AND_ASSIGN(StageOutcome second, Run());
  EXPECT_TRUE(second.up_to_date);
  EXPECT_EQ(g_runs, 1);
}

TEST_F(StageTest, EqualWorkGivesEqualBytesWhereverItIsWritten) {
  ASSERT_OK(Run().status());
  options_.set_output(JoinPath(root_, "elsewhere/deeper"));
  ASSERT_OK(Run().status());
  EXPECT_EQ(ReadFile(JoinPath(Out(), kManifestName)).value(),
            ReadFile(JoinPath(root_, "elsewhere/deeper/stage.textproto")).value());
}

TEST_F(StageTest, CostsAreWrittenUnlessOmitted) {
  settings_.omit_costs = false;
  ASSERT_OK(Run().status());
  EXPECT_GT(ReadManifest(Out())->costs().peak_memory_bytes(), 0);
}

TEST_F(StageTest, OtherOptionsAreRefusedWithTheDifferenceUnlessForced) {
  ASSERT_OK(Run().status());
  options_.set_count(4);
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kAlreadyExists,
                              AllOf(HasSubstr("(--count: 3 there, 4 now)"), HasSubstr("--force"))));
  settings_.force = true;
  ASSERT_OK(Run().status());
  EXPECT_TRUE(FileExists(JoinPath(Out(), "3")));
  EXPECT_FALSE(FileExists(Out() + kReplacedEnding));
}

TEST(DifferenceOfBirthTest, ComparesSettingBySetting) {
  v1::StageManifest was, now;
  was.set_options("color: RED\ncount: 3\noptimizer {\n  momentum: 0.9\n}\nfirst {\n}\n");
  // A setting more, before the one that differs; another choice; a list.
  now.set_options(
      "color: RED\nbuffer: 7\ncount: 3\noptimizer {\n  momentum: 0.5\n}\nsecond {\n}\n");
  EXPECT_EQ(DifferenceOfBirth(was, now),
            "with other options (--optimizer.momentum: 0.9 there, 0.5 now; --first: chosen there, "
            "not set now; --buffer: not set there, 7 now; and 1 more)");
  was.set_options("groups: \"a\"\ngroups: \"b\"\n");
  now.set_options("groups: \"a\"\n");
  EXPECT_EQ(DifferenceOfBirth(was, now),
            "with other options (--groups: \"a\",\"b\" there, \"a\" now)");
  EXPECT_EQ(DifferenceOfBirth(was, was), "from other inputs");
}

TEST_F(StageTest, AMissingFolderOfASideOutputIsSaidBeforeTheWork) {
  options_.set_picture(JoinPath(root_, "nowhere/picture.png"));
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kPermissionDenied,
                              AllOf(HasSubstr("--picture: "), HasSubstr("nowhere"))));
  EXPECT_FALSE(FileExists(Out()));
}

TEST_F(StageTest, TheEndingOfUnfinishedOutputsIsNoName) {
  options_.set_output(Out() + ".partial");
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name another")));
}

TEST_F(StageTest, OtherInputBytesAreNoticed) {
  ASSERT_OK(Run().status());
  ASSERT_OK(WriteFile(options_.input(), "changed"));
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("from other inputs")));
}

TEST_F(StageTest, ADamagedOutputIsRefusedByReadersAndMadeAgain) {
  ASSERT_OK(Run().status());
  ASSERT_OK(WriteFile(JoinPath(Out(), "1"), ""));
  EXPECT_THAT(RequireComplete(Out()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("out/1 has 0 bytes")));
  ASSERT_OK(RemoveAll(JoinPath(Out(), "2")));
  ASSERT_OK(WriteFile(JoinPath(Out(), "1"), "1"));
  EXPECT_THAT(RequireComplete(Out()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("out/2 is missing")));
  ASSERT_OK_AND_ASSIGN(StageOutcome again, Run());
  EXPECT_FALSE(again.up_to_date);
  EXPECT_OK(RequireComplete(Out()));
}

TEST_F(StageTest, AManifestThatIsCutShortIsNoProofOfAnything) {
  ASSERT_OK(Run().status());
  const std::string path = JoinPath(Out(), kManifestName);
  for (const char* rest : {"", "stage: \"numbers\"\nversion: 1\n", "fingerprint: \"00\"\n"}) {
    ASSERT_OK(WriteFile(path, rest));
    const auto damaged =
        StatusIs(absl::StatusCode::kDataLoss,
                 HasSubstr("stage.textproto is damaged or cut short: make the folder again"));
    EXPECT_THAT(RequireComplete(Out()), damaged) << rest;
    EXPECT_THAT(Run(), damaged) << rest;
  }
  settings_.force = true;
  ASSERT_OK(Run().status());
  EXPECT_OK(RequireComplete(Out()));
}

TEST_F(StageTest, AMissingSideOutputIsMadeEvenIfTheOutputIsUpToDate) {
  ASSERT_OK(Run().status());
  options_.set_picture(JoinPath(root_, "picture.png"));
  ASSERT_OK_AND_ASSIGN(StageOutcome with_picture, Run());
  EXPECT_FALSE(with_picture.up_to_date);
  ASSERT_OK(WriteFile(options_.picture(), "png"));
  ASSERT_OK_AND_ASSIGN(StageOutcome again, Run());
  EXPECT_TRUE(again.up_to_date);
}

TEST_F(StageTest, AFolderThatIsNoStageOutputIsLeftAlone) {
  ASSERT_OK(MakeDirectories(Out()));
  ASSERT_OK(WriteFile(JoinPath(Out(), "thesis.tex"), "years of work"));
  settings_.force = true;
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("left alone")));
  EXPECT_EQ(ReadFile(JoinPath(Out(), "thesis.tex")).value(), "years of work");
}

TEST_F(StageTest, FoldersOfOthersBesideTheOutputAreLeftAlone) {
  for (const std::string ending : {kPartialEnding, kReplacedEnding}) {
    const std::string thesis = JoinPath(Out() + ending, "thesis.tex");
    ASSERT_OK(RemoveAll(Out()));
    options_.set_count(3);
    ASSERT_OK(Run().status());
    ASSERT_OK(WriteFile(JoinPath(root_, "in"), "changed for " + ending));
    ASSERT_OK(MakeDirectories(Out() + ending));
    ASSERT_OK(WriteFile(thesis, "years of work"));
    settings_.force = true;
    g_runs = 0;
    EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kAlreadyExists,
                                AllOf(HasSubstr("out" + ending), HasSubstr("move it away"))));
    EXPECT_EQ(g_runs, 0);
    EXPECT_EQ(ReadFile(thesis).value(), "years of work");
    EXPECT_OK(RequireComplete(Out()));
    EXPECT_EQ(FileExists(Out() + ".partial"), ending == kPartialEnding);
    // What bears the mark of a stage is replaced as ever.
    ASSERT_OK(WriteFile(JoinPath(Out() + ending, kJobName), ""));
    ASSERT_OK(Run().status());
    EXPECT_FALSE(FileExists(Out() + ending));
  }
}

// As on a disk that is full at the last moment, or at the first.
TEST_F(StageTest, WhatCannotBeGoneOnFromGoesTooIfOnlyItsManifestOrItsJobCannotBeWritten) {
  const v1::TestOptions options = options_;
  const auto in_the_way = [](const v1::TestOptions&, StageContext& context) {
    return MakeDirectories(JoinPath(context.output_dir(), std::string(kManifestName) + ".tmp"));
  };
  EXPECT_THAT(RunStage<v1::TestOptions>({"numbers", 1, "Writes numbers.", /*resumable=*/false},
                                        options, settings_, in_the_way),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr(kManifestName)));
  EXPECT_FALSE(FileExists(Out() + kPartialEnding));
  struct rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit nothing = before;
  nothing.rlim_cur = 0;
  std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &nothing), 0);
  const absl::Status status = Run(/*resumable=*/false).status();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr(kJobName)));
  EXPECT_FALSE(FileExists(Out() + kPartialEnding));
}

// mv out out.old, and on with it.
TEST_F(StageTest, AnOutputThatSomebodyKeepsBesideIsNotTouched) {
  ASSERT_OK(Run().status());
  ASSERT_OK(Rename(Out(), Out() + ".old"));
  settings_.force = true;
  for (const int count : {2, 4}) {
    options_.set_count(count);
    ASSERT_OK(Run().status());
    EXPECT_OK(RequireComplete(Out() + ".old"));
  }
  EXPECT_FALSE(FileExists(Out() + kReplacedEnding));
}

// Killed before or after the new output had its name, or while the one before was removed.
TEST_F(StageTest, WhatWasReplacedIsRemovedByTheNextStartIfTheRunWasKilled) {
  for (const bool published : {false, true}) {
    for (const bool force : {false, true}) {
      ASSERT_OK(RemoveAll(Out()));
      ASSERT_OK(Run().status());
      if (!published) {
        ASSERT_OK(Rename(Out(), Out() + kPartialEnding));
      }
      ASSERT_OK(MakeDirectories(Out() + kReplacedEnding));
      ASSERT_OK(WriteFile(JoinPath(Out() + kReplacedEnding, kManifestName), "stage: \"numbers\""));
      settings_.force = force;
      ASSERT_OK(Run().status());
      EXPECT_OK(RequireComplete(Out()));
      EXPECT_FALSE(FileExists(Out() + kReplacedEnding)) << published << force;
      EXPECT_FALSE(FileExists(Out() + kPartialEnding)) << published << force;
    }
  }
}

// Killed between its last two steps, a run leaves a manifest and no job.
TEST_F(StageTest, AFinishedPartialOfAnotherJobIsReplacedByForce) {
  ASSERT_OK(Run().status());
  ASSERT_OK(Rename(Out(), Out() + ".partial"));
  options_.set_count(2);
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("--force")));
  settings_.force = true;
  ASSERT_OK(Run().status());
  EXPECT_OK(RequireComplete(Out()));
  EXPECT_FALSE(FileExists(JoinPath(Out(), "2")));
  EXPECT_FALSE(FileExists(JoinPath(Out(), kJobName)));
}

TEST_F(StageTest, WhatIsPutAsideGoesWhenTheOutputIsCompleteAndNotBefore) {
  bool fails = true;
  const StageWork work = [&](const google::protobuf::Message&, StageContext& context) {
    EXPECT_EQ(context.resumed(), !fails);
    EXPECT_OK(WriteFile(JoinPath(context.output_dir(), "0"), "0"));
    EXPECT_OK(MakeDirectories(JoinPath(context.output_dir(), "state.aside")));
    EXPECT_OK(WriteFile(JoinPath(context.output_dir(), "state.aside/0"), "state"));
    return fails ? absl::UnavailableError("") : absl::OkStatus();
  };
  const auto run = [&] {
    return RunStageWork({"numbers", 1, "", /*resumable=*/true}, options_, settings_, work);
  };
  EXPECT_FALSE(run().ok());
  EXPECT_TRUE(FileExists(Out() + ".partial/state.aside/0"));
  fails = false;
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, run());
  ASSERT_EQ(outcome.manifest.files_size(), 1);
  EXPECT_EQ(outcome.manifest.files(0).name(), "0");
  EXPECT_FALSE(FileExists(JoinPath(Out(), "state.aside")));
  // Killed as soon as the manifest was there.
  ASSERT_OK(Rename(Out(), Out() + ".partial"));
  ASSERT_OK(MakeDirectories(Out() + ".partial/state.aside"));
  ASSERT_OK(run().status());
  EXPECT_FALSE(FileExists(JoinPath(Out(), "state.aside")));
  EXPECT_OK(RequireComplete(Out()));
}

TEST_F(StageTest, AFailedStageLeavesNothingBehind) {
  EXPECT_THAT(
      RunStage<v1::TestOptions>({"numbers", 1, "", false}, options_, settings_, FailHalfway),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 7")));
  EXPECT_FALSE(FileExists(Out()));
  EXPECT_FALSE(FileExists(Out() + ".partial"));
}

TEST_F(StageTest, AResumableStageThatFailsBeforeItBeginsLeavesNothingBehind) {
  const StageWork refuse = [](const google::protobuf::Message&, StageContext&) {
    return absl::InvalidArgumentError("no such method");
  };
  EXPECT_FALSE(RunStageWork({"numbers", 1, "", true}, options_, settings_, refuse).ok());
  EXPECT_FALSE(FileExists(Out() + ".partial"));
}

TEST_F(StageTest, RefusedMemoryIsOneLineAndLeavesNothingBehind) {
  const StageWork greedy = [](const google::protobuf::Message&, StageContext&) -> absl::Status {
    throw std::bad_alloc();
  };
  const absl::Status status =
      RunStageWork({"numbers", 1, "", false}, options_, settings_, greedy).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted, HasSubstr("out of memory")));
  EXPECT_EQ(ExitCode(status), 71);
  EXPECT_FALSE(FileExists(Out()));
  EXPECT_FALSE(FileExists(Out() + ".partial"));
}

TEST_F(StageTest, NotesAreOneLineWhateverTheyQuote) {
  const StageWork noting = [](const google::protobuf::Message& options, StageContext& context) {
    context.Note("a column is called 'a\nb'");
    context.NoteWarning("and one 'caf\\xE9' or '\xE9'");
    return WriteNumbers(static_cast<const v1::TestOptions&>(options), context);
  };
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome,
                       RunStageWork({"numbers", 1, "", false}, options_, settings_, noting));
  ASSERT_EQ(outcome.manifest.notes_size(), 2);
  EXPECT_EQ(outcome.manifest.notes(0), "a column is called 'a\\x0Ab'");
  EXPECT_EQ(outcome.manifest.notes(1), "and one 'caf\\xE9' or '\\xE9'");
}

TEST_F(StageTest, AnInterruptedStageGoesOnFromItsFiles) {
  std::atomic<bool> interrupted{true};
  settings_.interrupted = &interrupted;
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kCancelled, HasSubstr("interrupted")));
  EXPECT_FALSE(FileExists(Out()));
  // A file that only the resumed run could have kept.
  ASSERT_OK(WriteFile(Out() + ".partial/0", "kept"));
  interrupted = false;
  ASSERT_OK(Run().status());
  EXPECT_EQ(ReadFile(JoinPath(Out(), "0")).value(), "kept");
}

// Killed while it wrote its manifest: the torn file must not become output of the resumed run.
TEST_F(StageTest, TornWritesOfAKilledRunAreNoOutput) {
  ASSERT_OK(Run().status());
  const std::string undisturbed = ReadFile(JoinPath(Out(), kManifestName)).value();
  ASSERT_OK(RemoveAll(Out()));
  std::atomic<bool> interrupted{true};
  settings_.interrupted = &interrupted;
  EXPECT_FALSE(Run().ok());
  ASSERT_OK(WriteFile(JoinPath(Out() + ".partial", "stage.textproto.tmp"), "torn"));
  interrupted = false;
  ASSERT_OK(Run().status());
  EXPECT_EQ(ReadFile(JoinPath(Out(), kManifestName)).value(), undisturbed);
  EXPECT_FALSE(FileExists(JoinPath(Out(), "stage.textproto.tmp")));
}

TEST_F(StageTest, WhatAnotherJobHasBegunIsDiscardedByForceAlone) {
  std::atomic<bool> interrupted{true};
  settings_.interrupted = &interrupted;
  EXPECT_FALSE(Run().ok());
  ASSERT_OK(WriteFile(Out() + ".partial/0", "weeks of work"));
  interrupted = false;
  const v1::TestOptions options = options_;
  options_.set_count(2);
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("--force")));
  options_ = options;
  ASSERT_OK(Run().status());
  EXPECT_EQ(ReadFile(JoinPath(Out(), "0")).value(), "weeks of work");

  ASSERT_OK(RemoveAll(Out()));
  interrupted = true;
  EXPECT_FALSE(Run().ok());
  interrupted = false;
  options_.set_count(2);
  settings_.force = true;
  ASSERT_OK(Run().status());
  EXPECT_EQ(ReadFile(JoinPath(Out(), "0")).value(), "0");
}

TEST_F(StageTest, AStageThatCannotResumeStartsOver) {
  std::atomic<bool> interrupted{true};
  settings_.interrupted = &interrupted;
  EXPECT_FALSE(Run().ok());
  ASSERT_OK(WriteFile(Out() + ".partial/0", "stale"));
  interrupted = false;
  ASSERT_OK(Run(/*resumable=*/false).status());
  EXPECT_EQ(ReadFile(JoinPath(Out(), "0")).value(), "0");
}

TEST_F(StageTest, AnUnfinishedInputIsRefused) {
  options_.set_input(JoinPath(root_, "data"));
  ASSERT_OK(MakeDirectories(JoinPath(root_, "data.partial")));
  EXPECT_THAT(Run(),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("--input"), HasSubstr("data.partial is unfinished"))));
  options_.set_input(JoinPath(root_, "data.partial"));
  EXPECT_THAT(Run(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("not a complete stage output")));
}

// Whether FingerprintInput(folder) is another one, or fails, for a user without privileges. In a
// process of its own: nothing gives them back.
void ExitByFingerprint(const std::string& folder, const std::string& before) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2] = {};
  const bool dropped = syscall(SYS_capset, &header, none) == 0;
  const absl::StatusOr<std::string> now = FingerprintInput(folder);
  std::exit(dropped && now.ok() && *now != before ? 0 : 1);
}

TEST_F(StageTest, WhatMayNotBeReadBesideTheInputsFilesEndsNothing) {
  const std::string folder = JoinPath(root_, "disk");
  ASSERT_OK(MakeDirectories(folder + "/lost+found"));
  ASSERT_OK(WriteFile(folder + "/secret", "text"));
  ASSERT_OK_AND_ASSIGN(std::string before, FingerprintInput(folder));
  for (const std::string& name : {folder + "/lost+found", folder + "/secret"}) {
    ASSERT_EQ(chmod(name.c_str(), 0), 0);
    EXPECT_EXIT(ExitByFingerprint(folder, before), ::testing::ExitedWithCode(0), "");
    ASSERT_EQ(chmod(name.c_str(), 0700), 0);
  }
}

TEST_F(StageTest, APipeIsRefusedBeforeItIsDrained) {
  options_.set_input(JoinPath(root_, "pipe"));
  ASSERT_EQ(mkfifo(options_.input().c_str(), 0600), 0);
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument,
                              AllOf(HasSubstr("--input: "), HasSubstr("pipe is a pipe"))));
}

TEST_F(StageTest, AnOutputThatIsALinkToNowhereIsRefusedBeforeTheWork) {
  ASSERT_EQ(symlink("nowhere", Out().c_str()), 0);
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("leads nowhere")));
  EXPECT_EQ(g_runs, 0);
}

TEST_F(StageTest, AMissingOutputFlagIsAUsageError) {
  options_.clear_output();
  EXPECT_THAT(Run(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--output is missing")));
}

// A child is killed at many moments of the run, the harness's own steps included; whatever it
// leaves, readers refuse it, and the next run ends with the bytes of an undisturbed one.
TEST_F(StageTest, KilledAtAnyMomentItLeavesNothingThatLooksCompleteAndFinishesLater) {
  options_.set_count(12);
  ASSERT_OK(Run().status());
  const std::string expected = ReadManifest(Out())->fingerprint();
  int killed = 0;
  for (int moment = 0; moment < 25; ++moment) {
    ASSERT_OK(RemoveAll(Out()));
    const pid_t child = fork();
    if (child == 0) _exit(Run().ok() ? 0 : 1);
    usleep(moment * 300);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    killed += WIFSIGNALED(status);
    if (FileExists(Out())) {
      EXPECT_OK(RequireComplete(Out()));
    }
    ASSERT_OK(Run().status());
    EXPECT_EQ(ReadManifest(Out())->fingerprint(), expected);
    EXPECT_FALSE(FileExists(Out() + ".partial"));
  }
  EXPECT_GT(killed, 0);
}

// The end of a child: main() of a stage that does this work.
[[noreturn]] void ExitWithMain(const std::vector<std::string>& arguments, const StageWork& work) {
  std::vector<std::string> words = {"numbers"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  v1::TestOptions options;
  _exit(StageMainWork(static_cast<int>(argv.size()), argv.data(),
                      {"numbers", 1, "Works.", /*resumable=*/false}, &options, work));
}

// Runs main() in a child that gets the signal while it works; its exit code.
int ExitCodeAfter(int signal, const std::vector<std::string>& arguments) {
  int ready[2];
  EXPECT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const StageWork wait = [&](const google::protobuf::Message&,
                               StageContext& context) -> absl::Status {
      const char byte = 1;
      if (write(ready[1], &byte, 1) != 1) return absl::InternalError("no pipe");
      for (int i = 0; i < 100; ++i) {
        if (context.interrupted()) return absl::CancelledError("interrupted");
        usleep(10000);
      }
      return absl::OkStatus();
    };
    ExitWithMain(arguments, wait);
  }
  char byte = 0;
  EXPECT_EQ(read(ready[0], &byte, 1), 1);
  kill(child, signal);
  int status = 0;
  waitpid(child, &status, 0);
  close(ready[0]);
  close(ready[1]);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(StageTest, ASignalThatAsksToStopLeavesNothingButUnderNohup) {
  const std::vector<std::string> arguments = {"--input=" + JoinPath(root_, "in"),
                                              "--output=" + Out()};
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    EXPECT_EQ(ExitCodeAfter(signal, arguments), 75) << strsignal(signal);
    EXPECT_FALSE(FileExists(Out()));
    EXPECT_FALSE(FileExists(Out() + ".partial"));
  }
  for (const int signal : {SIGHUP, SIGINT}) {
    const auto before = std::signal(signal, SIG_IGN);
    EXPECT_EQ(ExitCodeAfter(signal, arguments), 0) << strsignal(signal);
    std::signal(signal, before);
    EXPECT_TRUE(FileExists(Out()));
    ASSERT_OK(RemoveAll(Out()));
  }
}

// Short results wait in the buffer of stdout until it is flushed, long ones are written at once.
TEST_F(StageTest, AResultThatStandardOutputDoesNotTakeIsAnErrorWhateverItsLength) {
  for (const size_t length : {10, 100000}) {
    const pid_t child = fork();
    if (child == 0) {
      if (std::freopen("/dev/full", "w", stdout) == nullptr) _exit(1);
      ExitWithMain({"--input=" + JoinPath(root_, "in"), "--output=" + Out()},
                   [&](const google::protobuf::Message&, StageContext& context) {
                     context.Note(std::string(length, 'x'));
                     return absl::OkStatus();
                   });
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 73) << length << ": " << status;
    EXPECT_OK(RequireComplete(Out()));
    ASSERT_OK(RemoveAll(Out()));
  }
}

TEST_F(StageTest, AnOutputInsideAFolderThatIsReadIsRefused) {
  ASSERT_OK(MakeDirectories(JoinPath(root_, "photos/cat")));
  ASSERT_OK(WriteFile(JoinPath(root_, "photos/cat/1.png"), "x"));
  options_.set_input(JoinPath(root_, "photos/"));
  options_.set_output(JoinPath(root_, "photos/../photos/new/out"));
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument,
                              AllOf(HasSubstr("lies in --input="), HasSubstr("outside"))));
  options_.set_output(JoinPath(root_, "photos.out"));
  ASSERT_OK(Run());
  // The output of a stage may hold those that were made of it.
  options_.set_input(JoinPath(root_, "photos.out"));
  options_.set_output(JoinPath(root_, "photos.out/next"));
  EXPECT_OK(Run());
}

TEST_F(StageTest, AnInputIsNotReplacedEvenByForce) {
  ASSERT_OK(Run());
  ASSERT_OK(MakeDirectories(JoinPath(Out(), "sub")));
  ASSERT_OK(WriteFile(JoinPath(Out(), "sub/list"), "x"));
  settings_.force = true;
  for (const auto& [input, words] : {std::pair<std::string, std::string>{Out(), " is --input="},
                                     {JoinPath(root_, "./out/"), " is --input="},
                                     {JoinPath(Out(), "sub/list"), " holds --input="}}) {
    options_.set_input(input);
    EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument,
                                AllOf(HasSubstr(words), HasSubstr("would be replaced"))));
    EXPECT_TRUE(FileExists(JoinPath(Out(), "sub/list")));
  }
}

TEST_F(StageTest, TwoWritersOfOneOutputExcludeEachOther) {
  int ready[2], leave[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(leave), 0);
  const pid_t child = fork();
  if (child == 0) {
    const StageWork hold = [&](const google::protobuf::Message&, StageContext&) {
      char byte = 1;
      if (write(ready[1], &byte, 1) != 1 || read(leave[0], &byte, 1) != 1) {
        return absl::InternalError("pipe");
      }
      return absl::OkStatus();
    };
    _exit(RunStageWork({"numbers", 1, "", true}, options_, settings_, hold).ok() ? 0 : 1);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("another process")));
  ASSERT_EQ(write(leave[1], &byte, 1), 1);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

// The other finishes while this one waits for the lock.
TEST_F(StageTest, WhoWaitedForTheSameOutputFindsItUpToDate) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const StageWork slow = [&](const google::protobuf::Message& options, StageContext& context) {
      const char byte = 1;
      if (write(ready[1], &byte, 1) != 1) return absl::InternalError("pipe");
      usleep(100000);
      return WriteNumbers(static_cast<const v1::TestOptions&>(options), context);
    };
    _exit(RunStageWork({"numbers", 1, "", true}, options_, settings_, slow).ok() ? 0 : 1);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  const absl::StatusOr<StageOutcome> outcome = Run();
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  ASSERT_OK(outcome.status());
  EXPECT_TRUE(outcome->up_to_date);
  EXPECT_EQ(g_runs, 0);
  EXPECT_OK(RequireComplete(Out()));
  EXPECT_FALSE(FileExists(Out() + ".partial"));
}

TEST(ExitCodeTest, FollowsTheContract) {
  EXPECT_EQ(ExitCode(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCode(absl::InvalidArgumentError("")), 64);
  EXPECT_EQ(ExitCode(absl::DataLossError("")), 65);
  EXPECT_EQ(ExitCode(absl::NotFoundError("")), 66);
  EXPECT_EQ(ExitCode(absl::AbortedError("")), 71);
  EXPECT_EQ(ExitCode(absl::ResourceExhaustedError("")), 73);
  EXPECT_EQ(ExitCode(absl::CancelledError("")), 75);
  EXPECT_EQ(ExitCode(absl::InternalError("")), 70);
}

TEST(ParseCommandLineTest, AcceptsEveryFormAndTheLastOneWins) {
  v1::TestOptions options;
  CommandLine line;
  ASSERT_OK(
      ParseCommandLine({"--count=3", "--input", "a b", "--loud", "--set=optimizer.momentum=0.9",
                        "--optimizer.learning_rate=1", "-count=4", "--threads=3", "--noforce"},
                       &options, &line));
  EXPECT_EQ(options.count(), 4);
  EXPECT_EQ(options.input(), "a b");
  EXPECT_TRUE(options.loud());
  EXPECT_EQ(options.optimizer().momentum(), 0.9);
  EXPECT_EQ(options.optimizer().learning_rate(), 1);
  EXPECT_EQ(line.settings.threads, 3);
  EXPECT_FALSE(line.settings.force);
  ASSERT_OK(ParseCommandLine({"--noloud"}, &options, &line));
  EXPECT_FALSE(options.loud());
}

TEST(ParseCommandLineTest, FlagsOverrideTheConfigFileWhereverTheyStand) {
  const std::string path = JoinPath(::testing::TempDir(), "run.textproto");
  ASSERT_OK(WriteFile(path, "count: 7 groups: 'a' color: RED"));
  v1::TestOptions options;
  CommandLine line;
  ASSERT_OK(ParseCommandLine({"--count=8", "--groups=b,c", "--config=" + path}, &options, &line));
  EXPECT_EQ(options.count(), 8);
  EXPECT_EQ(options.color(), v1::RED);
  EXPECT_THAT(options.groups(), ::testing::ElementsAre("b", "c"));
}

TEST(ParseCommandLineTest, AConfigFileMayBeOfWindows) {
  const std::string path = JoinPath(::testing::TempDir(), "windows.textproto");
  ASSERT_OK(WriteFile(path,
                      "\xef\xbb\xbf"
                      "count: 7\r\ncolor: RED\r\n"));
  v1::TestOptions options;
  CommandLine line;
  ASSERT_OK(ParseCommandLine({"--config=" + path}, &options, &line));
  EXPECT_EQ(options.count(), 7);
}

TEST(ParseCommandLineTest, APathThatIsGivenTwiceIsAUsageErrorUnlessThereMayBeSeveral) {
  v1::TestOptions options;
  CommandLine line;
  EXPECT_THAT(ParseCommandLine({"--input=f", "--count=3", "--input=d"}, &options, &line),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--input is given twice, as f and as d")));
  EXPECT_THAT(ParseCommandLine({"--output=f", "--set=output=f"}, &options, &line),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--output is given twice")));
  ASSERT_OK(ParseCommandLine({"--more_inputs=f", "--more_inputs=d"}, &options, &line));
  EXPECT_EQ(options.more_inputs_size(), 2);
}

TEST(ParseCommandLineTest, HelpHasFormsAndVersionNone) {
  v1::TestOptions options;
  CommandLine line;
  ASSERT_OK(ParseCommandLine({"--count=3"}, &options, &line));
  EXPECT_EQ(line.help, "");
  EXPECT_FALSE(line.version);
  ASSERT_OK(ParseCommandLine({"-h"}, &options, &line));
  EXPECT_EQ(line.help, "true");
  ASSERT_OK(ParseCommandLine({"--help=man", "--version"}, &options, &line));
  EXPECT_EQ(line.help, "man");
  EXPECT_TRUE(line.version);
}

TEST(ParseCommandLineTest, UnknownFlagsNameTheNearestValidOne) {
  v1::TestOptions options;
  CommandLine line;
  EXPECT_THAT(
      ParseCommandLine({"--treads=2"}, &options, &line),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--treads; did you mean --threads?")));
  EXPECT_THAT(ParseCommandLine({"--otuput=x"}, &options, &line),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("did you mean --output?")));
  EXPECT_THAT(ParseCommandLine({"stray"}, &options, &line),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"stray\"")));
  EXPECT_THAT(ParseCommandLine({"--count"}, &options, &line),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--count needs a value")));
  EXPECT_THAT(ParseCommandLine({"--config=/missing"}, &options, &line),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/missing")));
}

}  // namespace
}  // namespace cassle
