// The stage pretrain with every method: resuming, and what a method's recipe makes of the settings
// that are not given.
#include <ATen/ops/equal.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/stage.h"
#include "cassle/base/status_matchers.h"
#include "cassle/data/shard_encoder.h"
#include "cassle/models/model_folder.h"
#include "cassle/ssl/method_registry.h"
#include "cassle/ssl/pretrain.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// 16 images of the built-in generator, made once.
const std::string& Shapes() {
  static const std::string* folder = [] {
    const auto* path = new std::string(JoinPath(::testing::TempDir(), "methods_shapes"));
    EXPECT_OK(RemoveAll(*path));
    v1::ShardEncoderOptions options;
    options.set_output(*path);
    options.set_source(v1::ShardEncoderOptions::SHAPES);
    options.mutable_shapes()->set_num_train(16);
    options.mutable_shapes()->set_num_test(0);
    EXPECT_OK(RunStage(ShardEncoderInfo(), options, {}, RunShardEncoder));
    return path;
  }();
  return *folder;
}

// Two steps an epoch. The output does not exist.
v1::PretrainOptions TinyRun(const std::string& method, int epochs) {
  v1::PretrainOptions options;
  options.set_input(Shapes());
  options.set_output(JoinPath(::testing::TempDir(), absl::StrCat("run_", method)));
  options.set_policy("cifar");
  options.mutable_conditioning()->set_treatment(v1::MLP);
  options.mutable_backbone()->set_width_factor(0.125);
  options.set_epochs(epochs);
  options.set_batch_size(8);
  options.set_compute_threads(1);
  const auto* field = v1::MethodConfig::descriptor()->FindFieldByName(method);
  google::protobuf::Message* settings =
      options.mutable_method()->GetReflection()->MutableMessage(options.mutable_method(), field);
  for (const char* size : {"hidden_size", "projection_size", "predictor_hidden_size"}) {
    const auto* setting = settings->GetDescriptor()->FindFieldByName(size);
    if (setting != nullptr) settings->GetReflection()->SetInt32(settings, setting, 16);
  }
  if (options.method().has_moco_v2())
    options.mutable_method()->mutable_moco_v2()->set_queue_size(32);
  EXPECT_OK(RemoveAll(options.output()));
  EXPECT_OK(RemoveAll(options.output() + ".partial"));
  return options;
}

absl::StatusOr<StageOutcome> Train(const v1::PretrainOptions& options,
                                   const std::atomic<bool>* interrupted = nullptr) {
  StageSettings settings;
  settings.threads = 1;
  settings.interrupted = interrupted;
  return RunStage(PretrainInfo(), options, settings, RunPretrain);
}

std::string ConfigOf(const v1::PretrainOptions& options) {
  EXPECT_OK(Train(options));
  const absl::StatusOr<std::string> text = ReadFile(JoinPath(options.output(), kConfigFile));
  EXPECT_OK(text);
  return text.ok() ? *text : "";
}

TEST(PretrainMethodsTest, EveryMethodInterruptedAfterEveryStepEndsWithTheSameBytes) {
  for (const std::string& method : MethodNames()) {
    SCOPED_TRACE(method);
    ASSERT_OK_AND_ASSIGN(const StageOutcome undisturbed, Train(TinyRun(method, 2)));
    const v1::PretrainOptions options = TinyRun(method, 2);
    const std::atomic<bool> interrupted(true);
    for (int step = 1; step < 4; ++step) {
      EXPECT_THAT(Train(options, &interrupted),
                  StatusIs(absl::StatusCode::kCancelled,
                           HasSubstr(absl::StrCat("interrupted after step ", step, ";"))));
    }
    ASSERT_OK_AND_ASSIGN(const StageOutcome resumed, Train(options));
    EXPECT_EQ(resumed.manifest.fingerprint(), undisturbed.manifest.fingerprint());
  }
}

TEST(PretrainMethodsTest, AugSelfIsResumedAndThrownAwayAfterTheRun) {
  for (const std::string& method : {std::string("moco_v2"), std::string("barlow_twins")}) {
    SCOPED_TRACE(method);
    const auto run = [&method] {
      v1::PretrainOptions options = TinyRun(method, 2);
      options.mutable_augself()->set_crop(0.5);
      options.mutable_augself()->set_flip(0.5);
      return options;
    };
    ASSERT_OK_AND_ASSIGN(const StageOutcome undisturbed, Train(run()));
    const v1::PretrainOptions options = run();
    const std::atomic<bool> interrupted(true);
    for (int step = 1; step < 4; ++step) {
      EXPECT_THAT(Train(options, &interrupted),
                  StatusIs(absl::StatusCode::kCancelled, HasSubstr("interrupted")));
    }
    ASSERT_OK_AND_ASSIGN(const StageOutcome resumed, Train(options));
    EXPECT_EQ(resumed.manifest.fingerprint(), undisturbed.manifest.fingerprint());
    const absl::StatusOr<std::string> weights =
        ReadFile(JoinPath(options.output(), "weights.safetensors"));
    ASSERT_OK(weights);
    EXPECT_THAT(*weights, Not(HasSubstr("augself")));
    ASSERT_OK_AND_ASSIGN(const StageOutcome plain, Train(TinyRun(method, 2)));
    EXPECT_NE(plain.manifest.fingerprint(), undisturbed.manifest.fingerprint());
  }
}

// The policy "cifar" makes views of 32 px.
v1::PretrainOptions TinyVitRun() {
  v1::PretrainOptions options = TinyRun("moco_v3", 2);
  options.set_output(JoinPath(::testing::TempDir(), "run_vit"));
  EXPECT_OK(RemoveAll(options.output()));
  EXPECT_OK(RemoveAll(options.output() + ".partial"));
  options.clear_backbone();
  options.mutable_backbone()->set_architecture("vit_tiny");
  options.mutable_backbone()->set_patch_size(16);
  return options;
}

TEST(PretrainMethodsTest, AVisionTransformerIsTrainedAndResumedButItsFrozenWeightsStay) {
  ASSERT_OK_AND_ASSIGN(const StageOutcome undisturbed, Train(TinyVitRun()));
  const v1::PretrainOptions options = TinyVitRun();
  const std::atomic<bool> interrupted(true);
  EXPECT_THAT(Train(options, &interrupted),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("interrupted after step 1")));
  ASSERT_OK_AND_ASSIGN(const StageOutcome resumed, Train(options));
  EXPECT_EQ(resumed.manifest.fingerprint(), undisturbed.manifest.fingerprint());

  ASSERT_OK_AND_ASSIGN(const v1::ModelSpec spec, ReadModelSpec(options.output()));
  EXPECT_EQ(spec.backbone().image_size(), 32);
  EXPECT_EQ(spec.backbone().heads(), 3);
  ASSERT_OK_AND_ASSIGN(const std::shared_ptr<Backbone> trained, LoadBackbone(options.output()));
  ASSERT_OK_AND_ASSIGN(const std::shared_ptr<Backbone> initial,
                       MakeBackbone(spec.backbone(), options.seed()));
  int frozen = 0, moved = 0;
  const std::vector<NamedTensor> after = trained->state(), before = initial->state();
  for (size_t i = 0; i < after.size(); ++i) {
    const NamedTensor& entry = after[i];
    const bool same = at::equal(entry.tensor, before[i].tensor);
    const bool fixed = entry.name == "pos_embed" || entry.name.rfind("patch_embed.", 0) == 0;
    EXPECT_TRUE(!fixed || same) << entry.name;
    frozen += fixed;
    moved += !same;
  }
  EXPECT_EQ(frozen, 3);
  EXPECT_GT(moved, 100);
}

TEST(PretrainMethodsTest, AVisionTransformerWantsPatchesThatDivideTheViews) {
  v1::PretrainOptions options = TinyVitRun();
  options.mutable_backbone()->set_patch_size(5);
  EXPECT_THAT(Train(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("backbone.patch_size: images of 32 px")));
}

TEST(PretrainMethodsTest, AugSelfNeedsTheOperation) {
  v1::PretrainOptions options = TinyRun("moco_v2", 2);
  options.mutable_augself()->set_rotation(1);
  EXPECT_THAT(Train(options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--augself"),
                             HasSubstr("no operation for descriptor group \"rotation\""))));
}

TEST(PretrainMethodsTest, TheRecipeFillsWhatIsNotGiven) {
  EXPECT_THAT(ConfigOf(TinyRun("simclr", 5)),
              AllOf(HasSubstr("optimizer: SGD"), HasSubstr("warmup_epochs: 0"),
                    HasSubstr("base_lr: 0.03\n"), HasSubstr("weight_decay: 0.0005\n")));
  // Ten epochs of warm-up, but at most a fifth of the run.
  EXPECT_THAT(ConfigOf(TinyRun("barlow_twins", 5)),
              AllOf(HasSubstr("optimizer: LARS"), HasSubstr("warmup_epochs: 1\n"),
                    HasSubstr("base_lr: 0.2\n"), HasSubstr("weight_decay: 1.5e-06\n")));
  EXPECT_THAT(ConfigOf(TinyRun("vicreg", 5)),
              AllOf(HasSubstr("optimizer: LARS"), HasSubstr("warmup_epochs: 1\n"),
                    HasSubstr("base_lr: 0.2\n"), HasSubstr("weight_decay: 1.5e-06\n")));
  EXPECT_THAT(ConfigOf(TinyRun("moco_v3", 5)),
              AllOf(HasSubstr("optimizer: ADAMW"), HasSubstr("warmup_epochs: 1\n"),
                    HasSubstr("base_lr: 0.00015\n"), HasSubstr("weight_decay: 0.1\n")));
}

TEST(PretrainMethodsTest, CompatOfficialFillsItAsTheAuthors) {
  v1::PretrainOptions options = TinyRun("barlow_twins", 5);
  options.set_compat(v1::OFFICIAL);
  EXPECT_THAT(ConfigOf(options),
              AllOf(HasSubstr("optimizer: SGD"), HasSubstr("warmup_epochs: 10\n"),
                    HasSubstr("base_lr: 0.03\n"), HasSubstr("weight_decay: 0.0005\n"),
                    HasSubstr("compat: OFFICIAL")));
}

TEST(PretrainMethodsTest, WhatIsGivenCounts) {
  v1::PretrainOptions options = TinyRun("moco_v3", 2);
  options.set_optimizer(v1::SGD);
  options.set_warmup_epochs(2);
  options.set_weight_decay(0);
  EXPECT_THAT(ConfigOf(options), AllOf(HasSubstr("optimizer: SGD"), HasSubstr("warmup_epochs: 2\n"),
                                       HasSubstr("base_lr: 0.03\n"), HasSubstr("weight_decay: 0\n"),
                                       Not(HasSubstr("compat"))));
  options = TinyRun("moco_v3", 2);
  options.set_warmup_epochs(-1);
  EXPECT_THAT(Train(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("--warmup_epochs=-1: expected at least 0")));
}

TEST(PretrainScheduleTest, RatesOfTheMetricsFollowTheChosenSchedule) {
  // Four steps in two epochs of two.
  const auto rates = [](v1::PretrainOptions options) {
    options.set_base_lr(32);  // 1 at batch size 8.
    options.set_clip_gradient_norm(1e-3);
    options.set_log_every_steps(1);
    EXPECT_OK(Train(options));
    const absl::StatusOr<std::string> metrics =
        ReadFile(JoinPath(options.output(), "metrics.jsonl"));
    EXPECT_OK(metrics);
    std::vector<double> found;
    for (size_t at = 0; (at = metrics->find("\"learning_rate\":", at)) != std::string::npos; ++at) {
      found.push_back(std::stod(metrics->substr(at + 16)));
    }
    return found;
  };
  v1::PretrainOptions options = TinyRun("simclr", 2);
  EXPECT_THAT(rates(options), ElementsAre(1, 1, 0.5, 0.5));
  options = TinyRun("simclr", 2);
  options.set_schedule_per_step(true);
  EXPECT_THAT(rates(options),
              ElementsAre(1, DoubleNear(0.853553, 1e-6), 0.5, DoubleNear(0.146447, 1e-6)));
  options = TinyRun("simclr", 2);
  options.set_schedule(v1::CONSTANT);
  EXPECT_THAT(rates(options), ElementsAre(1, 1, 1, 1));
  options = TinyRun("simclr", 2);
  options.set_schedule(v1::STEP);
  EXPECT_THAT(Train(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--step_epochs=60,80")));
  options.add_step_epochs(1);
  EXPECT_THAT(rates(options), ElementsAre(1, 1, DoubleNear(0.1, 1e-12), DoubleNear(0.1, 1e-12)));
}

}  // namespace
}  // namespace cassle
