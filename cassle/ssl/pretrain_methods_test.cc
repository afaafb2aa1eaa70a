// The stage pretrain with every method: resuming, and what a method's recipe makes of the settings
// that are not given.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/augment/augment_and_record.h"
#include "cassle/base/file.h"
#include "cassle/base/stage.h"
#include "cassle/base/status_matchers.h"
#include "cassle/data/shard_encoder.h"
#include "cassle/eval/feature_extractor.h"
#include "cassle/models/conditioning_cases.h"
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
  for (const auto& [name, value] :
       {std::pair("hidden_size", 16), std::pair("projection_size", 16),
        std::pair("predictor_hidden_size", 16), std::pair("num_prototypes", 16),
        std::pair("num_outputs", 16), std::pair("freeze_prototypes_steps", 1),
        std::pair("queue_size", 16), std::pair("queue_start_epoch", 0)}) {
    const auto* setting = settings->GetDescriptor()->FindFieldByName(name);
    if (setting != nullptr) settings->GetReflection()->SetInt32(settings, setting, value);
  }
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

// Two large views of 32 pixels and two small ones of 16.
std::string MultiCropPolicy() {
  const std::string path = JoinPath(::testing::TempDir(), "multi_crop.textproto");
  EXPECT_OK(WriteFile(path, R"(name: "small_multi_crop"
    size: 32
    crop { scale_min: 0.3 scale_max: 1 ratio_min: 0.75 ratio_max: 1.3333333333333333 }
    flip { probability: 0.5 }
    color_jitter { probability: 0.8 brightness: 0.4 contrast: 0.4 saturation: 0.4 hue: 0.1 }
    views { count: 2 change {} }
    views { count: 2 change { size: 16 crop { scale_min: 0.05 scale_max: 0.3 } } }
    mean: [0.5, 0.5, 0.5]
    std: [0.25, 0.25, 0.25])"));
  return path;
}

TEST(PretrainMethodsTest, MultiCropIsResumedAndDiffersFromTwoViews) {
  for (const std::string& method :
       {std::string("swav"), std::string("dino"), std::string("supervised")}) {
    SCOPED_TRACE(method);
    const auto run = [&method] {
      v1::PretrainOptions options = TinyRun(method, 2);
      options.clear_policy();
      options.set_policy_file(MultiCropPolicy());
      return options;
    };
    ASSERT_OK_AND_ASSIGN(const StageOutcome undisturbed, Train(run()));
    const v1::PretrainOptions options = run();
    const std::atomic<bool> interrupted(true);
    for (int step = 1; step < 4; ++step) EXPECT_FALSE(Train(options, &interrupted).ok());
    ASSERT_OK_AND_ASSIGN(const StageOutcome resumed, Train(options));
    EXPECT_EQ(resumed.manifest.fingerprint(), undisturbed.manifest.fingerprint());
  }
}

// Fingerprints of the weights and metrics of a run.
std::string BytesOf(const v1::PretrainOptions& options) {
  EXPECT_OK(Train(options));
  std::string bytes;
  for (const char* name : {"weights.safetensors", "metrics.jsonl"}) {
    const absl::StatusOr<std::string> file = ReadFile(JoinPath(options.output(), name));
    EXPECT_OK(file);
    if (file.ok()) absl::StrAppend(&bytes, *file);
  }
  return bytes;
}

// Views of the shapes by a preset or by MultiCropPolicy().
std::string Recorded(v1::AugmentAndRecordOptions::Store store, bool multi_crop) {
  v1::AugmentAndRecordOptions options;
  options.set_input(Shapes());
  options.set_output(
      JoinPath(::testing::TempDir(), absl::StrCat("recorded_", store, multi_crop ? "_multi" : "")));
  multi_crop ? options.set_policy_file(MultiCropPolicy()) : options.set_policy("cifar");
  options.set_epochs(1);
  options.set_seed(0);
  options.set_store(store);
  EXPECT_OK(RunStage(AugmentAndRecordInfo(), options, {}, RunAugmentAndRecord));
  return options.output();
}

// On the fly, from recorded parameters and from recorded pixels. `run` makes the options anew.
template <typename MakeRun>
void ExpectThreeWaysOfFeedingAgree(const MakeRun& run, bool multi_crop) {
  v1::PretrainOptions options = run();
  if (multi_crop) {
    options.clear_policy();
    options.set_policy_file(MultiCropPolicy());
  }
  const std::string on_the_fly = BytesOf(options);
  for (const auto store : {v1::AugmentAndRecordOptions::PARAMS, v1::AugmentAndRecordOptions::RAW}) {
    options = run();
    options.clear_policy();
    options.set_views(Recorded(store, multi_crop));
    // Recorded pixels need no images, but do not know how many classes there are.
    const bool labelled = options.method().has_supervised();
    if (store == v1::AugmentAndRecordOptions::RAW && !labelled) options.clear_input();
    EXPECT_TRUE(BytesOf(options) == on_the_fly);
  }
}

TEST(PretrainFeedingTest, EveryMethodTrainsAlikeFromRecordedParametersAndPixels) {
  for (const std::string& method : MethodNames()) {
    SCOPED_TRACE(method);
    ExpectThreeWaysOfFeedingAgree([&method] { return TinyRun(method, 1); }, false);
  }
}

TEST(PretrainFeedingTest, EveryConditioningTrainsAlikeFromRecordedParametersAndPixels) {
  for (const ConditioningCase& conditioning : AllConditioningCases()) {
    SCOPED_TRACE(conditioning.name);
    // BYOL has a predictor, which one of the cases conditions.
    ExpectThreeWaysOfFeedingAgree(
        [&conditioning] {
          v1::PretrainOptions options = TinyRun("byol", 1);
          *options.mutable_conditioning() = conditioning.config;
          return options;
        },
        false);
  }
}

TEST(PretrainFeedingTest, MultiCropTrainsAlikeFromRecordedParametersAndPixels) {
  for (const std::string& method :
       {std::string("swav"), std::string("dino"), std::string("supervised")}) {
    SCOPED_TRACE(method);
    ExpectThreeWaysOfFeedingAgree([&method] { return TinyRun(method, 1); }, true);
  }
}

// What embed does with the folder, and the same by hand.
TEST(PretrainImageChannelsTest, TheFolderAloneTellsWhatAnUnaugmentedImageLooksLike) {
  for (const v1::Treatment treatment : {v1::RAW, v1::MLP}) {
    v1::PretrainOptions options = TinyRun("simclr", 1);
    options.mutable_conditioning()->set_treatment(treatment);
    options.mutable_conditioning()->set_injection(v1::IMAGE_CHANNELS);
    options.mutable_conditioning()->set_width(7);
    options.mutable_conditioning()->add_groups("crop");
    options.mutable_conditioning()->add_groups("flip");
    ASSERT_OK(Train(options));
    ASSERT_OK_AND_ASSIGN(const v1::ModelSpec spec, ReadModelSpec(options.output()));
    const auto& channels = spec.backbone().extra_channels();
    const std::vector<float> values(channels.begin(), channels.end());
    if (treatment == v1::RAW) {
      // The whole image, not mirrored.
      EXPECT_THAT(values, ElementsAre(0.5f, 0.5f, 1, 1, 0));
    } else {
      EXPECT_EQ(values.size(), 7u);
      EXPECT_THAT(values, ::testing::Contains(::testing::Ne(0.0f)));
    }
    EXPECT_THAT(spec.provenance(), HasSubstr("as image channels (crop, flip)"));
    ASSERT_OK_AND_ASSIGN(const std::shared_ptr<Backbone> backbone, LoadBackbone(options.output()));
    EXPECT_EQ(backbone->named_parameters()[0].tensor.size(1),
              3 + static_cast<int64_t>(values.size()));
    ASSERT_OK_AND_ASSIGN(const FeatureExtractor extractor,
                         FeatureExtractor::Create(spec, backbone, {}));
    std::vector<uint8_t> pixels(32 * 32 * 3);
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * 7);
    ASSERT_OK_AND_ASSIGN(const std::vector<float> features, extractor.Extract(pixels));
    at::Tensor images = at::empty({1, 3 + channels.size(), 32, 32}, at::kFloat);
    for (int64_t channel = 0; channel < images.size(1); ++channel) {
      float* plane = images.data_ptr<float>() + channel * 32 * 32;
      for (int64_t i = 0; i < 32 * 32; ++i) {
        plane[i] = channel >= 3 ? values[channel - 3]
                                : static_cast<float>((pixels[3 * i + channel] / 255.0 -
                                                      spec.mean(static_cast<int>(channel))) /
                                                     spec.std(static_cast<int>(channel)));
      }
    }
    const at::Tensor expected = backbone->forward(images);
    ASSERT_EQ(expected.numel(), static_cast<int64_t>(features.size()));
    for (int64_t i = 0; i < expected.numel(); ++i) {
      // Another memory format, another order of sums.
      EXPECT_NEAR(features[i], expected.data_ptr<float>()[i], 1e-4);
    }
  }
}

TEST(PretrainImageChannelsTest, AreRefusedWhereTheyMakeNoSense) {
  v1::PretrainOptions options = TinyRun("byol", 1);
  options.mutable_conditioning()->set_injection(v1::IMAGE_CHANNELS);
  options.mutable_conditioning()->set_predictor(true);
  const auto kUsage = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("a predictor sees no image")));
  options.mutable_conditioning()->set_predictor(false);
  options.mutable_conditioning()->set_treatment(v1::HYPERNETWORK);
  EXPECT_THAT(Train(options),
              StatusIs(kUsage, HasSubstr("conditioning.injection: image_channels")));
  options.mutable_conditioning()->set_treatment(v1::MLP);
  options.mutable_monitor()->set_every_epochs(1);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("choose --conditioning=raw")));
  options = TinyRun("byol", 1);
  options.mutable_backbone()->add_extra_channels(1);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--backbone.extra_channels")));
}

TEST(PretrainMethodsTest, AMethodOfTwoViewsTakesTheFirstTwoOfMore) {
  v1::PretrainOptions options = TinyRun("simclr", 1);
  options.clear_policy();
  options.set_policy_file(MultiCropPolicy());
  const std::string of_four = BytesOf(options);
  const std::string two = JoinPath(::testing::TempDir(), "two_views.textproto");
  ASSERT_OK_AND_ASSIGN(std::string text, ReadFile(MultiCropPolicy()));
  const size_t small = text.find("views { count: 2 change { size: 16");
  text.erase(small, text.find("mean:") - small);
  ASSERT_OK(WriteFile(two, text));
  options = TinyRun("simclr", 1);
  options.clear_policy();
  options.set_policy_file(two);
  EXPECT_TRUE(BytesOf(options) == of_four);
}

TEST(PretrainMethodsTest, APolicyOfOneViewIsRefusedByMethodsOfTwo) {
  const std::string one = JoinPath(::testing::TempDir(), "one_view.textproto");
  ASSERT_OK_AND_ASSIGN(std::string text, ReadFile(MultiCropPolicy()));
  text.erase(text.find("views { count: 2 change {}"), text.find("mean:") - text.find("views {"));
  ASSERT_OK(WriteFile(one, text + " views { count: 1 change {} }"));
  for (const std::string& method : MethodNames()) {
    v1::PretrainOptions options = TinyRun(method, 1);
    options.clear_policy();
    options.set_policy_file(one);
    if (method == "supervised") {
      EXPECT_OK(Train(options));
      continue;
    }
    EXPECT_THAT(Train(options),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("small_multi_crop makes 1 view of an image"),
                               HasSubstr(method + " needs 2"), HasSubstr("--policy"))));
  }
}

TEST(PretrainSupervisedTest, LearnsTheChosenTargetAlsoFromRecordedViews) {
  const auto shape = [] {
    v1::PretrainOptions options = TinyRun("supervised", 1);
    options.set_target("hue");
    return options;
  };
  const std::string label = BytesOf(TinyRun("supervised", 1));
  EXPECT_TRUE(BytesOf(shape()) != label);
  ExpectThreeWaysOfFeedingAgree(shape, false);
}

TEST(PretrainSupervisedTest, SaysWhatIsWrongWithTheLabels) {
  v1::PretrainOptions options = TinyRun("supervised", 1);
  options.set_target("colour");
  EXPECT_THAT(Train(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                       AllOf(HasSubstr("--target"), HasSubstr("\"colour\""),
                                             HasSubstr("label, "), HasSubstr("hue"))));
  options = TinyRun("simclr", 1);
  options.set_target("hue");
  EXPECT_THAT(Train(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("--target=hue: simclr uses no labels")));
  options = TinyRun("supervised", 1);
  options.clear_input();
  options.clear_policy();
  options.set_views(Recorded(v1::AugmentAndRecordOptions::RAW, false));
  EXPECT_THAT(Train(options), StatusIs(absl::StatusCode::kFailedPrecondition,
                                       AllOf(HasSubstr("none"), HasSubstr("--input"))));
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
  EXPECT_THAT(ConfigOf(TinyRun("swav", 5)),
              AllOf(HasSubstr("optimizer: LARS"), HasSubstr("warmup_epochs: 1\n"),
                    HasSubstr("base_lr: 0.3\n"), HasSubstr("weight_decay: 1e-06\n"),
                    HasSubstr("clip_gradient_norm: 0\n")));
  EXPECT_THAT(ConfigOf(TinyRun("dino", 5)),
              AllOf(HasSubstr("optimizer: ADAMW"), HasSubstr("warmup_epochs: 1\n"),
                    HasSubstr("base_lr: 0.0005\n"), HasSubstr("weight_decay: 0.04\n"),
                    HasSubstr("clip_gradient_norm: 3\n")));
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
