// The stage pretrain from images to a model folder: what it writes, and equal bytes however it is
// fed.
#include "cassle/ssl/pretrain_stage.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/networks/model.pb.h"
#include "cassle/runtime/precision.h"
#include "cassle/ssl/pretrain_testutil.h"
#include "cassle/stage/options.h"
#include "cassle/stage/stage.h"
#include "cassle/stage/stage_main.h"
#include "cassle/stage/stage_manifest.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(PretrainTest, WritesAModelWithItsMetricsAndNoCheckpoint) {
  const v1::PretrainOptions options = MocoRun("model");
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

TEST(PretrainTest, AQueueLongerThanTheDataSetIsNoted) {
  v1::PretrainOptions options = MocoRun("long_queue");
  options.set_epochs(1);
  FingerprintOfRun(options);
  ASSERT_OK_AND_ASSIGN(v1::StageManifest manifest, ReadManifest(options.output()));
  EXPECT_THAT(manifest.notes(), Not(Contains(HasSubstr("queue"))));
  options = MocoRun("long_queue");
  options.set_epochs(1);
  options.mutable_method()->mutable_moco_v2()->set_queue_size(48);
  FingerprintOfRun(options);
  ASSERT_OK_AND_ASSIGN(manifest, ReadManifest(options.output()));
  EXPECT_THAT(manifest.notes(),
              Contains(AllOf(HasSubstr("a queue of 48 rows on 40 images"),
                             HasSubstr("--method.moco_v2.queue_size of at most 40"))));
}

TEST(PretrainTest, LoaderThreadsAndRepetitionChangeNoByte) {
  const std::string once = FingerprintOfRun(MocoRun("threads"), 1);
  EXPECT_EQ(FingerprintOfRun(MocoRun("threads"), 1), once);
  EXPECT_EQ(FingerprintOfRun(MocoRun("threads"), 2), once);
}

TEST(PretrainTest, Bfloat16IsRepeatableToo) {
  if (ProcessorBfloat16() == Bfloat16Support::kNone) GTEST_SKIP() << "a processor with AVX-512";
  v1::PretrainOptions options = MocoRun("bf16");
  options.set_precision(v1::BF16);
  options.mutable_method()->mutable_simclr();
  const std::string once = FingerprintOfRun(options, 1);
  options = MocoRun("bf16");
  options.set_precision(v1::BF16);
  options.mutable_method()->mutable_simclr();
  EXPECT_EQ(FingerprintOfRun(options, 2), once);
}

TEST(PretrainTest, WhatAutoChoseStandsInTheManifestWithItsReason) {
  v1::PretrainOptions options = MocoRun("auto");
  options.set_epochs(1);
  options.set_precision(v1::AUTO);
  FingerprintOfRun(options);
  ASSERT_OK_AND_ASSIGN(const v1::StageManifest manifest, ReadManifest(options.output()));
  const bool bfloat16 = ProcessorBfloat16() == Bfloat16Support::kInstructions;
  EXPECT_THAT(manifest.options(), HasSubstr(bfloat16 ? "precision: BF16" : "precision: FLOAT32"));
  EXPECT_THAT(manifest.notes(),
              ElementsAre(HasSubstr(bfloat16 ? "precision bf16: this processor has instructions"
                                             : "precision float32: this processor has no")));
  EXPECT_THAT(FileOf(options, "config.textproto"),
              HasSubstr(bfloat16 ? "precision: BF16" : "precision: FLOAT32"));
  // The same as asking for it.
  const std::string chosen = manifest.fingerprint();
  options = MocoRun("auto");
  options.set_epochs(1);
  options.set_precision(bfloat16 ? v1::BF16 : v1::FLOAT32);
  EXPECT_EQ(FingerprintOfRun(options), chosen);
  ASSERT_OK_AND_ASSIGN(const v1::StageManifest asked, ReadManifest(options.output()));
  EXPECT_THAT(asked.notes(), Each(HasSubstr("as asked")));
}

TEST(PretrainTest, KeptCheckpointsChangeNoByteOfTheResult) {
  const std::string plain = FingerprintOfRun(MocoRun("kept"));
  v1::PretrainOptions options = MocoRun("kept");
  options.set_keep_last_checkpoints(3);
  options.set_keep_every_epochs(1);
  options.set_checkpoint_every_steps(2);
  EXPECT_EQ(FingerprintOfRun(options), plain);
}

TEST(PretrainTest, ThreeWaysOfFeedingGiveTheSameWeights) {
  const v1::PretrainOptions on_the_fly = MocoRun("on_the_fly");
  FingerprintOfRun(on_the_fly);
  v1::PretrainOptions from_parameters = MocoRun("from_parameters");
  from_parameters.set_views(RecordViews(v1::AugmentAndRecordOptions::PARAMS, 0));
  FingerprintOfRun(from_parameters);
  v1::PretrainOptions from_pixels = MocoRun("from_pixels");
  from_pixels.clear_input();
  from_pixels.clear_policy();  // The recorded one.
  from_pixels.set_views(RecordViews(v1::AugmentAndRecordOptions::RAW, 0));
  FingerprintOfRun(from_pixels);
  for (const char* file : {"weights.safetensors", "metrics.jsonl", "model.textproto"}) {
    EXPECT_EQ(FileOf(from_parameters, file), FileOf(on_the_fly, file)) << file;
    EXPECT_EQ(FileOf(from_pixels, file), FileOf(on_the_fly, file)) << file;
  }
}

TEST(PretrainTest, TheCommandLineOfTheReadmeMeansWhatItSays) {
  v1::PretrainOptions options;
  CommandLine command_line;
  ASSERT_OK(ParseCommandLine(
      {"--input=shards", "--policy=cifar", "--method=moco_v2", "--conditioning=mlp", "--epochs=20",
       "--output=run", "--method.moco_v2.queue_size=4096", "--backbone.width_factor=0.25",
       "--precision=bf16"},
      &options, &command_line));
  ASSERT_OK(ApplyDefaults(&options));
  EXPECT_EQ(options.conditioning().treatment(), v1::MLP);
  EXPECT_EQ(options.method().moco_v2().queue_size(), 4096);
  EXPECT_EQ(options.method().moco_v2().temperature(), 0.2);
  EXPECT_EQ(options.precision(), v1::BF16);
  EXPECT_EQ(options.batch_size(), 256);
  EXPECT_EQ(options.compute_threads(), 2);
}

}  // namespace
}  // namespace cassle
