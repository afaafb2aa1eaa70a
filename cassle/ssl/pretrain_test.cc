// The stage pretrain from images to a model folder: equal bytes whatever happens on the way, and
// errors that help.
#include "cassle/ssl/pretrain.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cassle/augment/augment_and_record.h"
#include "cassle/base/file.h"
#include "cassle/base/options.h"
#include "cassle/base/philox.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/stage.h"
#include "cassle/base/stage_main.h"
#include "cassle/base/stage_manifest.h"
#include "cassle/base/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/shard_encoder.h"
#include "cassle/models/model.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

extern char** environ;

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string InTemp(const std::string& name) { return JoinPath(::testing::TempDir(), name); }

// 40 images of the built-in generator, made once.
const std::string& Shapes() {
  static const std::string* folder = [] {
    const auto* path = new std::string(InTemp("shapes"));
    EXPECT_OK(RemoveAll(*path));
    v1::ShardEncoderOptions options;
    options.set_output(*path);
    options.set_source(v1::ShardEncoderOptions::SHAPES);
    options.mutable_shapes()->set_num_train(40);
    options.mutable_shapes()->set_num_test(0);
    EXPECT_OK(RunStage(ShardEncoderInfo(), options, {}, RunShardEncoder));
    return path;
  }();
  return *folder;
}

// Views of Shapes() for two epochs.
std::string RecordViews(v1::AugmentAndRecordOptions::Store store, uint64_t seed) {
  v1::AugmentAndRecordOptions options;
  options.set_input(Shapes());
  options.set_output(InTemp(absl::StrCat("views_", store, "_", seed)));
  options.set_policy("cifar");
  options.set_epochs(2);
  options.set_seed(seed);
  options.set_store(store);
  EXPECT_OK(RunStage(AugmentAndRecordInfo(), options, {}, RunAugmentAndRecord));
  return options.output();
}

// Two epochs of five steps, in a fraction of a second. The output does not exist.
v1::PretrainOptions TinyRun(const std::string& name) {
  v1::PretrainOptions options;
  options.set_input(Shapes());
  options.set_output(InTemp(name));
  options.set_policy("cifar");
  options.mutable_method()->mutable_moco_v2()->set_queue_size(32);
  options.mutable_conditioning()->set_treatment(v1::MLP);
  options.mutable_backbone()->set_width_factor(0.125);
  options.set_epochs(2);
  options.set_batch_size(8);
  // One: two wait for each other when something else runs on the machine.
  options.set_compute_threads(1);
  options.set_log_every_steps(3);
  EXPECT_OK(RemoveAll(options.output()));
  EXPECT_OK(RemoveAll(options.output() + ".partial"));
  return options;
}

absl::StatusOr<StageOutcome> Train(const v1::PretrainOptions& options, int threads = 1,
                                   const std::atomic<bool>* interrupted = nullptr) {
  StageSettings settings;
  settings.threads = threads;
  settings.interrupted = interrupted;
  return RunStage(PretrainInfo(), options, settings, RunPretrain);
}

// Fingerprint over all files of the output.
std::string FingerprintOfRun(const v1::PretrainOptions& options, int threads = 1) {
  const auto outcome = Train(options, threads);
  EXPECT_OK(outcome);
  return outcome.ok() ? outcome->manifest.fingerprint() : "";
}

std::string FileOf(const v1::PretrainOptions& options, const std::string& name) {
  const absl::StatusOr<std::string> bytes = ReadFile(JoinPath(options.output(), name));
  EXPECT_OK(bytes);
  return bytes.ok() ? *bytes : "";
}

TEST(PretrainTest, WritesAModelWithItsMetricsAndNoCheckpoint) {
  const v1::PretrainOptions options = TinyRun("model");
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Train(options));
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> files, ListFilesBelow(options.output()));
  EXPECT_EQ(files, std::vector<std::string>({"config.textproto", "events.out.tfevents.0.cassle",
                                             "metrics.jsonl", "model.textproto", "policy.textproto",
                                             "projector.textproto", "stage.textproto",
                                             "weights.safetensors"}));
  v1::ModelSpec spec;
  ASSERT_OK(ReadTextProto(JoinPath(options.output(), "model.textproto"), &spec));
  EXPECT_EQ(spec.backbone().architecture(), "resnet18");
  EXPECT_EQ(spec.backbone().stem(), v1::CIFAR);
  EXPECT_TRUE(spec.backbone().zero_init_residual());
  EXPECT_EQ(spec.image_size(), 32);
  EXPECT_EQ(spec.mean_size(), 3);
  EXPECT_EQ(spec.provenance(),
            "moco_v2, conditioning mlp (color, color_diff, crop, flip, grayscale), 2 epochs");
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile weights,
                       SafetensorsFile::Open(JoinPath(options.output(), "weights.safetensors")));
  EXPECT_TRUE(weights.Has("backbone.layer1.0.conv1.weight"));
  EXPECT_TRUE(weights.Has("projector.mlp.0.weight"));
  for (const std::string& name : weights.names()) {
    EXPECT_TRUE(absl::StartsWith(name, "backbone.") || absl::StartsWith(name, "projector."))
        << name;
  }
  // Steps 3, 5 (end of epoch), 6, 9, 10 (end).
  const std::vector<std::string> lines =
      absl::StrSplit(FileOf(options, "metrics.jsonl"), '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_THAT(lines[0], AllOf(HasSubstr("\"step\":3,"), HasSubstr("\"epoch\":1,")));
  EXPECT_THAT(lines[1], AllOf(HasSubstr("\"step\":5,"), HasSubstr("\"epoch_loss\":")));
  EXPECT_EQ(outcome.manifest.result_json(), lines[4]);
  EXPECT_THAT(FileOf(options, "config.textproto"),
              AllOf(HasSubstr("queue_size: 32"), HasSubstr("depth: 6"),
                    HasSubstr("temperature: 0.2"), HasSubstr("architecture: \"resnet18\"")));
}

TEST(PretrainTest, LoaderThreadsAndRepetitionChangeNoByte) {
  const std::string once = FingerprintOfRun(TinyRun("threads"), 1);
  EXPECT_EQ(FingerprintOfRun(TinyRun("threads"), 1), once);
  EXPECT_EQ(FingerprintOfRun(TinyRun("threads"), 2), once);
}

TEST(PretrainTest, Bfloat16IsRepeatableToo) {
  v1::PretrainOptions options = TinyRun("bf16");
  options.set_precision(v1::BF16);
  options.mutable_method()->mutable_simclr();
  const std::string once = FingerprintOfRun(options, 1);
  options = TinyRun("bf16");
  options.set_precision(v1::BF16);
  options.mutable_method()->mutable_simclr();
  EXPECT_EQ(FingerprintOfRun(options, 2), once);
}

TEST(PretrainTest, ARunInterruptedAfterEveryStepEndsWithTheSameBytes) {
  const std::string undisturbed = FingerprintOfRun(TinyRun("interrupted"));
  const v1::PretrainOptions options = TinyRun("interrupted");
  const std::atomic<bool> interrupted(true);
  for (int step = 1; step < 10; ++step) {
    EXPECT_THAT(Train(options, 1, &interrupted),
                StatusIs(absl::StatusCode::kCancelled,
                         HasSubstr(absl::StrCat("interrupted after step ", step, ";"))));
    EXPECT_FALSE(FileExists(options.output()));
  }
  EXPECT_EQ(FingerprintOfRun(options), undisturbed);
}

TEST(PretrainTest, OtherTreatmentsTrainAndResumeWithTheSameBytes) {
  const std::atomic<bool> interrupted(true);
  using Flags = std::vector<std::string>;
  for (const auto& [flags, words] :
       {std::pair(Flags{"--conditioning=raw", "--conditioning.injection=multiplication"},
                  "raw by multiplication"),
        std::pair(Flags{"--conditioning=hypernetwork"}, "hypernetwork")}) {
    const auto run = [flags = flags] {
      v1::PretrainOptions options = TinyRun("treatments");
      CommandLine command_line;
      EXPECT_OK(ParseCommandLine(flags, &options, &command_line));
      return options;
    };
    const std::string undisturbed = FingerprintOfRun(run());
    const v1::PretrainOptions options = run();
    for (int i = 0; i < 2; ++i) EXPECT_FALSE(Train(options, 1, &interrupted).ok());
    EXPECT_EQ(FingerprintOfRun(options), undisturbed);
    EXPECT_THAT(FileOf(options, "model.textproto"),
                HasSubstr(absl::StrCat("conditioning ", words, " (color, color_diff")));
  }
}

TEST(PretrainTest, AccumulatedRunsResumeWithTheSameBytesAndDifferFromWholeBatches) {
  const auto run = [] {
    v1::PretrainOptions options = TinyRun("accumulated");
    options.set_accumulate_steps(4);
    return options;
  };
  const std::string undisturbed = FingerprintOfRun(run());
  const v1::PretrainOptions options = run();
  const std::atomic<bool> interrupted(true);
  for (int step = 1; step < 10; ++step) EXPECT_FALSE(Train(options, 1, &interrupted).ok());
  EXPECT_EQ(FingerprintOfRun(options), undisturbed);
  EXPECT_NE(FingerprintOfRun(TinyRun("whole")), undisturbed);
}

TEST(PretrainTest, AChainOfLinksEndsWithTheBytesOfAnUnbrokenRun) {
  const auto run = [](const std::string& name, int stop, const std::string& begin) {
    v1::PretrainOptions options = TinyRun(name);
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
    EXPECT_THAT(Train(second, 1, &interrupted),
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
  refused(run("other", 0, Shapes()), kFailed, "was written by shard-encoder");
  refused(run("other", 3, ""), absl::StatusCode::kInvalidArgument, "--stop_epoch=3");
}

TEST(PretrainTest, KeptCheckpointsChangeNoByteOfTheResult) {
  const std::string plain = FingerprintOfRun(TinyRun("kept"));
  v1::PretrainOptions options = TinyRun("kept");
  options.set_keep_last_checkpoints(3);
  options.set_keep_every_epochs(1);
  options.set_checkpoint_every_steps(2);
  EXPECT_EQ(FingerprintOfRun(options), plain);
}

TEST(PretrainTest, ThreeWaysOfFeedingGiveTheSameWeights) {
  const v1::PretrainOptions on_the_fly = TinyRun("on_the_fly");
  FingerprintOfRun(on_the_fly);
  v1::PretrainOptions from_parameters = TinyRun("from_parameters");
  from_parameters.set_views(RecordViews(v1::AugmentAndRecordOptions::PARAMS, 0));
  FingerprintOfRun(from_parameters);
  v1::PretrainOptions from_pixels = TinyRun("from_pixels");
  from_pixels.clear_input();
  from_pixels.clear_policy();  // The recorded one.
  from_pixels.set_views(RecordViews(v1::AugmentAndRecordOptions::RAW, 0));
  FingerprintOfRun(from_pixels);
  for (const char* file : {"weights.safetensors", "metrics.jsonl", "model.textproto"}) {
    EXPECT_EQ(FileOf(from_parameters, file), FileOf(on_the_fly, file)) << file;
    EXPECT_EQ(FileOf(from_pixels, file), FileOf(on_the_fly, file)) << file;
  }
}

TEST(PretrainTest, StopsAtALossThatIsNotFiniteAndKeepsTheCheckpoint) {
  v1::PretrainOptions options = TinyRun("not_finite");
  options.set_base_lr(1e30);
  options.set_checkpoint_every_steps(1);
  EXPECT_THAT(Train(options),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("step "), HasSubstr(" is nan"), HasSubstr("is kept in"),
                             HasSubstr("Lower --base_lr"))));
  EXPECT_TRUE(FileExists(options.output() + ".partial/checkpoint-00000001/tensors.safetensors"));
  EXPECT_FALSE(FileExists(options.output()));
}

TEST(PretrainTest, ADamagedCheckpointIsNotGoneOnFrom) {
  const v1::PretrainOptions options = TinyRun("damaged");
  const std::atomic<bool> interrupted(true);
  ASSERT_FALSE(Train(options, 1, &interrupted).ok());
  const std::string tensors = options.output() + ".partial/checkpoint-00000001/tensors.safetensors";
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFile(tensors));
  bytes[bytes.size() / 2] ^= 16;
  ASSERT_OK(WriteFile(tensors, bytes));
  EXPECT_THAT(Train(options), StatusIs(absl::StatusCode::kDataLoss,
                                       AllOf(HasSubstr("is damaged"), HasSubstr("remove"))));
}

// --- Mistakes.

absl::StatusCode kUsage = absl::StatusCode::kInvalidArgument;

TEST(PretrainErrorTest, NamesTheSettingAndTheRemedy) {
  v1::PretrainOptions options = TinyRun("mistakes");
  options.clear_method();
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--method=moco_v2 or --method=simclr")));

  options = TinyRun("mistakes");
  options.set_batch_size(41);
  EXPECT_THAT(Train(options),
              StatusIs(kUsage, AllOf(HasSubstr("--batch_size=41 is larger than split "
                                               "'train'"),
                                     HasSubstr("40 images"))));

  options = TinyRun("mistakes");
  options.mutable_method()->mutable_moco_v2()->set_queue_size(60);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("the nearest that are: 56 and 64")));

  options = TinyRun("mistakes");
  options.mutable_conditioning()->add_groups("blur");
  EXPECT_THAT(Train(options), StatusIs(kUsage, AllOf(HasSubstr("--conditioning.groups"),
                                                     HasSubstr("blur"), HasSubstr("grayscale"))));

  options = TinyRun("mistakes");
  options.mutable_conditioning()->set_predictor(true);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("moco_v2 has no predictor")));
  options.mutable_conditioning()->set_treatment(v1::HYPERNETWORK);
  options.mutable_conditioning()->set_injection(v1::ADDITION);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("conditioning.injection: addition")));

  options = TinyRun("mistakes");
  options.set_policy("cifra");
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("did you mean cifar?")));

  options = TinyRun("mistakes");
  options.clear_policy();
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--policy")));

  options = TinyRun("mistakes");
  options.set_momentum(1);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--momentum=1")));

  options = TinyRun("mistakes");
  options.set_accumulate_steps(3);
  EXPECT_THAT(Train(options), StatusIs(kUsage, AllOf(HasSubstr("--accumulate_steps=3"),
                                                     HasSubstr("--batch_size=8"))));

  options = TinyRun("mistakes");
  options.set_keep_last_checkpoints(0);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--keep_last_checkpoints=0")));

  options = TinyRun("mistakes");
  options.set_epochs(0);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--epochs=0: expected at least 1")));

  options = TinyRun("mistakes");
  options.mutable_backbone()->set_architecture("resnet19");
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("resnet19")));

  options = TinyRun("mistakes");
  options.set_split("trian");
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("train")));

  options = TinyRun("mistakes");
  options.set_input(InTemp("nothing_here"));
  EXPECT_THAT(Train(options), StatusIs(absl::StatusCode::kNotFound, HasSubstr("nothing_here")));

  options = TinyRun("mistakes");
  options.set_views(RecordViews(v1::AugmentAndRecordOptions::PARAMS, 2));
  EXPECT_THAT(Train(options), StatusIs(absl::StatusCode::kFailedPrecondition,
                                       HasSubstr("was recorded with seed 2")));
}

TEST(PretrainErrorTest, AMistakeInTheCommandLineIsNamed) {
  v1::PretrainOptions options;
  CommandLine command_line;
  EXPECT_THAT(ParseCommandLine({"--method=moco"}, &options, &command_line),
              StatusIs(kUsage, HasSubstr("--method=moco: expected one of moco_v2|simclr")));
  EXPECT_THAT(ParseCommandLine({"--conditioning=casle"}, &options, &command_line),
              StatusIs(kUsage, HasSubstr("none|mlp|raw|hypernetwork")));
  EXPECT_THAT(ParseCommandLine({"--bath_size=3"}, &options, &command_line),
              StatusIs(kUsage, HasSubstr("batch_size")));
  const std::string config = InTemp("config_with_typo.textproto");
  ASSERT_OK(WriteFile(config, "epochs: 3\nmethod { moco_v2 { queue_sise: 5 } }\n"));
  EXPECT_THAT(
      ParseCommandLine({"--config=" + config}, &options, &command_line),
      StatusIs(kUsage, AllOf(HasSubstr("config_with_typo.textproto:2:"), HasSubstr("queue_size"))));
}

TEST(PretrainTest, TheCommandLineOfTheReadmeMeansWhatItSays) {
  v1::PretrainOptions options;
  CommandLine command_line;
  ASSERT_OK(ParseCommandLine(
      {"--input=shards", "--policy=cifar", "--method=moco_v2", "--conditioning=mlp", "--epochs=20",
       "--output=run", "--method.moco_v2.queue_size=4096", "--backbone.width_factor=0.25",
       "--precision=bf16"},
      &options, &command_line));
  ApplyDefaults(&options);
  EXPECT_EQ(options.conditioning().treatment(), v1::MLP);
  EXPECT_EQ(options.method().moco_v2().queue_size(), 4096);
  EXPECT_EQ(options.method().moco_v2().temperature(), 0.2);
  EXPECT_EQ(options.precision(), v1::BF16);
  EXPECT_EQ(options.batch_size(), 256);
  EXPECT_EQ(options.compute_threads(), 2);
}

// --- SIGKILL.

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

TEST(PretrainKillTest, KilledAtManyMomentsItEndsWithTheSameBytes) {
  const std::string undisturbed = FingerprintOfRun(TinyRun("killed"));
  const v1::PretrainOptions options = TinyRun("killed");
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
