// What pretrain says of mistakes.
#include "cassle/ssl/pretrain_stage.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/ssl/pretrain_testutil.h"
#include "cassle/stage/options.h"
#include "cassle/stage/stage_main.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const absl::StatusCode kUsage = absl::StatusCode::kInvalidArgument;

TEST(PretrainErrorTest, NamesTheSettingAndTheRemedy) {
  v1::PretrainOptions options = MocoRun("mistakes");
  options.clear_method();
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--method=moco_v2 or --method=simclr")));

  options = MocoRun("mistakes");
  options.set_batch_size(41);
  EXPECT_THAT(Train(options),
              StatusIs(kUsage, AllOf(HasSubstr("--batch_size=41 is larger than split "
                                               "'train'"),
                                     HasSubstr("40 images; choose at most that"))));

  options = MocoRun("mistakes");
  options.mutable_method()->mutable_moco_v2()->set_queue_size(60);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("the nearest that are: 56 and 64")));

  options = MocoRun("mistakes");
  options.mutable_conditioning()->add_groups("blur");
  EXPECT_THAT(Train(options), StatusIs(kUsage, AllOf(HasSubstr("--conditioning.groups"),
                                                     HasSubstr("blur"), HasSubstr("grayscale"))));

  options = MocoRun("mistakes");
  options.mutable_conditioning()->set_predictor(true);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("moco_v2 has no predictor")));
  options.mutable_conditioning()->set_treatment(v1::HYPERNETWORK);
  options.mutable_conditioning()->set_injection(v1::ADDITION);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--conditioning.injection=addition")));

  options = MocoRun("mistakes");
  options.add_step_epochs(3);
  EXPECT_THAT(Train(options),
              StatusIs(kUsage, HasSubstr("--step_epochs=3 is not read without --schedule=step")));

  options = MocoRun("mistakes");
  options.set_step_factor(0.5);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--step_factor=0.5 is not read without")));
  options = MocoRun("mistakes");
  options.set_optimizer(v1::ADAMW);
  options.set_momentum(0.5);
  EXPECT_THAT(Train(options),
              StatusIs(kUsage, HasSubstr("--momentum=0.5 is not read without --optimizer=sgd")));
  options = MocoRun("mistakes");
  options.mutable_monitor()->set_neighbors(5);
  EXPECT_THAT(
      Train(options),
      StatusIs(kUsage, HasSubstr("--monitor.neighbors=5 is not read without --monitor.every")));

  options = MocoRun("mistakes");
  options.mutable_monitor()->set_test_split("val");
  EXPECT_THAT(
      Train(options),
      StatusIs(kUsage, HasSubstr("--monitor.test_split=val is not read without --monitor.every")));
  options = MocoRun("mistakes");
  options.mutable_equimod()->add_groups("crop");
  EXPECT_THAT(Train(options),
              StatusIs(kUsage, HasSubstr("--equimod.groups=crop is not read without --equimod.w")));
  options = MocoRun("mistakes");
  options.mutable_augself()->set_hidden_size(7);
  EXPECT_THAT(Train(options),
              StatusIs(kUsage, HasSubstr("--augself.hidden_size=7 is not read without a weight")));
  options = MocoRun("mistakes");
  options.mutable_conditioning()->set_treatment(v1::NONE);
  options.mutable_conditioning()->set_injection(v1::ADDITION);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--conditioning.injection=addition is not "
                                                         "read without --conditioning=raw, mlp")));
  options = MocoRun("mistakes");
  options.mutable_conditioning()->set_treatment(v1::NONE);
  options.mutable_conditioning()->add_groups("crop");
  options.mutable_conditioning()->add_groups("color");
  EXPECT_THAT(Train(options),
              StatusIs(kUsage, HasSubstr("--conditioning.groups=crop,color is not read")));
  options = MocoRun("mistakes");
  options.mutable_conditioning()->set_treatment(v1::RAW);
  options.mutable_conditioning()->set_width(16);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--conditioning.width=16 is not read "
                                                         "without --conditioning=mlp or hyper")));
  options = MocoRun("mistakes");
  options.mutable_conditioning()->set_treatment(v1::NONE);
  options.mutable_method()->mutable_moco_v2()->set_tell_keys(false);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--method.moco_v2.tell_keys=false")));
  options = MocoRun("mistakes");
  options.clear_input();
  options.set_split("train");
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--split=train is not read without")));

  options = MocoRun("mistakes");
  options.set_policy("cifra");
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("did you mean cifar?")));

  options = MocoRun("mistakes");
  options.clear_policy();
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--policy")));

  options = MocoRun("mistakes");
  options.set_momentum(1);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--momentum=1")));

  options = MocoRun("mistakes");
  options.set_accumulate_steps(3);
  EXPECT_THAT(Train(options), StatusIs(kUsage, AllOf(HasSubstr("--accumulate_steps=3"),
                                                     HasSubstr("--batch_size=8"))));

  options = MocoRun("mistakes");
  options.set_batch_norm_group(1);
  EXPECT_THAT(Train(options),
              StatusIs(kUsage, HasSubstr("--batch_norm_group=1: expected at least 2")));
  options.set_batch_norm_group(3);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("a divisor of the 8 images of a batch")));
  options.set_batch_norm_group(4);
  options.set_accumulate_steps(4);
  EXPECT_THAT(Train(options),
              StatusIs(kUsage, HasSubstr("a divisor of the 2 images of a part of a batch")));
  options.set_accumulate_steps(1);
  options.set_ranks(4);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("into 2 groups, which 4 ranks cannot")));

  options = MocoRun("mistakes");
  options.set_keep_last_checkpoints(0);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--keep_last_checkpoints=0")));

  options = MocoRun("mistakes");
  options.set_epochs(-1);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--epochs=-1: expected at least 0")));

  options = MocoRun("mistakes");
  options.mutable_backbone()->set_architecture("resnet19");
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("resnet19")));

  options = MocoRun("mistakes");
  options.set_split("trian");
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("train")));

  options = MocoRun("mistakes");
  options.set_input(JoinPath(::testing::TempDir(), "nothing_here"));
  EXPECT_THAT(Train(options), StatusIs(absl::StatusCode::kNotFound, HasSubstr("nothing_here")));

  options = MocoRun("mistakes");
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
  const std::string config = JoinPath(::testing::TempDir(), "config_with_typo.textproto");
  ASSERT_OK(WriteFile(config, "epochs: 3\nmethod { moco_v2 { queue_sise: 5 } }\n"));
  EXPECT_THAT(
      ParseCommandLine({"--config=" + config}, &options, &command_line),
      StatusIs(kUsage, AllOf(HasSubstr("config_with_typo.textproto:2:"), HasSubstr("queue_size"))));
}

TEST(PretrainErrorTest, StopsAtALossThatIsNotFiniteAndKeepsTheCheckpoint) {
  v1::PretrainOptions options = MocoRun("not_finite");
  options.set_base_lr(1e30);
  options.set_checkpoint_every_steps(1);
  EXPECT_THAT(Train(options),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("step "), HasSubstr(" is nan"), HasSubstr("is kept in"),
                             HasSubstr("Lower --base_lr"))));
  EXPECT_TRUE(FileExists(options.output() + ".partial/checkpoint-00000001/tensors.safetensors"));
  EXPECT_FALSE(FileExists(options.output()));
}

}  // namespace
}  // namespace cassle
