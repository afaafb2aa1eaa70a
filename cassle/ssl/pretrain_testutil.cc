#include "cassle/ssl/pretrain_testutil.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/shard_encoder_stage.h"
#include "cassle/ssl/pretrain_stage.h"
#include "gtest/gtest.h"

namespace cassle {

std::string TinyShapes(int images) {
  static auto* made = new std::set<int>;
  const std::string path = JoinPath(::testing::TempDir(), absl::StrCat("shapes_", images));
  if (!made->insert(images).second) return path;
  EXPECT_OK(RemoveAll(path));
  v1::ShardEncoderOptions options;
  options.set_output(path);
  options.set_source(v1::DatasetLayout::SHAPES);
  options.mutable_shapes()->set_num_train(images);
  options.mutable_shapes()->set_num_test(0);
  EXPECT_OK(RunStage(ShardEncoderInfo(), options, {}, RunShardEncoder));
  return path;
}

v1::PretrainOptions TinyRun(const std::string& method, int epochs) {
  v1::PretrainOptions options;
  options.set_input(TinyShapes());
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

v1::PretrainOptions MocoRun(const std::string& name) {
  v1::PretrainOptions options;
  options.set_input(TinyShapes(40));
  options.set_output(JoinPath(::testing::TempDir(), name));
  options.set_policy("cifar");
  options.mutable_method()->mutable_moco_v2()->set_queue_size(32);
  options.mutable_conditioning()->set_treatment(v1::MLP);
  options.mutable_backbone()->set_width_factor(0.125);
  options.set_epochs(2);
  options.set_batch_size(8);
  // One: two wait for each other when something else runs on the machine.
  options.set_compute_threads(1);
  options.set_log_every_steps(3);
  options.set_precision(v1::FLOAT32);
  EXPECT_OK(RemoveAll(options.output()));
  EXPECT_OK(RemoveAll(options.output() + ".partial"));
  return options;
}

std::string RecordViews(v1::AugmentAndRecordOptions::Store store, uint64_t seed) {
  v1::AugmentAndRecordOptions options;
  options.set_input(TinyShapes(40));
  options.set_output(JoinPath(::testing::TempDir(), absl::StrCat("views_", store, "_", seed)));
  options.set_policy("cifar");
  options.set_epochs(2);
  options.set_seed(seed);
  options.set_store(store);
  EXPECT_OK(RunStage(AugmentAndRecordInfo(), options, {}, RunAugmentAndRecord));
  return options.output();
}

absl::StatusOr<StageOutcome> Train(const v1::PretrainOptions& options,
                                   const std::atomic<bool>* interrupted, int threads) {
  StageSettings settings;
  settings.threads = threads;
  settings.interrupted = interrupted;
  return RunStage(PretrainInfo(), options, settings, RunPretrain);
}

std::string FingerprintOfRun(const v1::PretrainOptions& options, int threads) {
  const auto outcome = Train(options, nullptr, threads);
  EXPECT_OK(outcome);
  return outcome.ok() ? outcome->manifest.fingerprint() : "";
}

std::string FileOf(const v1::PretrainOptions& options, const std::string& name) {
  const absl::StatusOr<std::string> bytes = ReadFile(JoinPath(options.output(), name));
  EXPECT_OK(bytes);
  return bytes.ok() ? *bytes : "";
}

std::string ConfigOf(const v1::PretrainOptions& options) {
  EXPECT_OK(Train(options));
  return FileOf(options, kConfigFile);
}

std::string BytesOf(const v1::PretrainOptions& options) {
  EXPECT_OK(Train(options));
  return FileOf(options, "weights.safetensors") + FileOf(options, "metrics.jsonl");
}

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

}  // namespace cassle
