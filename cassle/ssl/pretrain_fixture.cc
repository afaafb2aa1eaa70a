#include "cassle/ssl/pretrain_fixture.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_matchers.h"
#include "cassle/data/shard_encoder.h"
#include "cassle/ssl/pretrain.h"
#include "gtest/gtest.h"

namespace cassle {

const std::string& TinyShapes() {
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

absl::StatusOr<StageOutcome> Train(const v1::PretrainOptions& options,
                                   const std::atomic<bool>* interrupted) {
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
