// The monitors: right values, the same images every time, and a training that does not notice them.
#include "cassle/ssl/training/feature_monitor.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/records/dataset_testutil.h"
#include "cassle/data/records/dataset_writer.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/ssl/pretrain_stage.h"
#include "cassle/stage/stage.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string InTemp(const std::string& name) { return JoinPath(::testing::TempDir(), name); }

// Solid images, class k of colour k. In the split "test" every second image has a wrong class; the
// split "mixed" has labels on every third image only, "plain" none.
const std::string& Colours() {
  static const std::string* folder = [] {
    v1::PretrainOptions options;
    options.set_output(InTemp("colours"));
    EXPECT_OK(RemoveAll(options.output()));
    const auto fill = [](const google::protobuf::Message&, StageContext& context) -> absl::Status {
      const char colours[3][3] = {{120, 10, 10}, {10, 120, 10}, {10, 10, 120}};
      v1::DatasetInfo info;
      info.set_name("colours");
      for (const char* name : {"red", "green", "blue"}) info.add_classes(name);
      DatasetWriter writer(context.output_dir(), {"train", "test", "mixed", "plain"}, 1 << 20);
      for (int split = 0; split < 4; ++split) {
        for (int i = 0; i < 60; ++i) {
          v1::ImageRecord record;
          record.set_key(absl::StrCat(split, "/", i));
          record.set_format(v1::RAW_RGB8);
          record.set_height(16);
          record.set_width(16);
          for (int pixel = 0; pixel < 16 * 16; ++pixel) {
            // A little different from image to image.
            for (char value : colours[i % 3]) {
              record.mutable_encoded()->push_back(static_cast<char>(value + i % 7));
            }
          }
          if (split == 0) record.set_label(i % 3);
          if (split == 1) record.set_label(i % 2 == 0 ? i % 3 : (i + 1) % 3);
          if (split == 2 && i % 3 == 1) record.set_label(i % 2);
          CASSLE_RETURN_IF_ERROR(writer.Append(split, &record));
        }
      }
      return writer.Finish(&info);
    };
    EXPECT_OK(RunStageWork({.name = "made-up", .summary = ""}, options, {}, fill));
    return new std::string(options.output());
  }();
  return *folder;
}

// Features: the mean colour, times `scale`.
class MeanColour : public Backbone {
 public:
  explicit MeanColour(float scale) : scale_(AddParameter("scale", {1}, Constant(scale))) {
    Initialize(0);
  }
  std::vector<at::Tensor> ForwardStages(const at::Tensor& images) override {
    EXPECT_FALSE(is_training());
    return {images.mean({2, 3}) * scale_};
  }
  int64_t feature_size() const override { return 3; }

 private:
  at::Tensor scale_;
};

MonitorSetup SetupFor(const std::string& split) {
  MonitorSetup setup;
  const auto images = Dataset::Open(Colours(), split);
  EXPECT_OK(images);
  setup.images = *images;
  setup.spec.set_image_size(16);
  for (int channel = 0; channel < 3; ++channel) {
    setup.spec.add_mean(0);
    setup.spec.add_std(1);
  }
  setup.make_backbone = []() -> absl::StatusOr<std::shared_ptr<Backbone>> {
    return std::shared_ptr<Backbone>(std::make_shared<MeanColour>(0));
  };
  return setup;
}

v1::MonitorConfig Config(int every_epochs) {
  v1::MonitorConfig config;
  config.set_every_epochs(every_epochs);
  config.set_train_images(50);
  config.set_test_images(60);
  config.set_neighbors(5);
  return config;
}

bool Never() { return false; }

TEST(MonitorTest, MeasuresTheAccuracyOfTheTestImages) {
  ASSERT_OK_AND_ASSIGN(const auto monitor, FeatureMonitor::Create(Config(1), SetupFor("train")));
  MeanColour trained(1);
  ASSERT_OK_AND_ASSIGN(const MonitorValues values, monitor->Measure(trained, Never));
  // Every class is found; half of the test images claim another.
  EXPECT_EQ(values.probe_accuracy, 0.5);
  EXPECT_EQ(values.knn_accuracy, 0.5);
  // The weights are those at the time of measuring: features of zeros tell nothing.
  ASSERT_OK_AND_ASSIGN(const MonitorValues nothing, monitor->Measure(MeanColour(0), Never));
  EXPECT_LT(nothing.probe_accuracy, 0.45);
  EXPECT_TRUE(trained.is_training());
  EXPECT_TRUE(trained.parameters()[0].requires_grad());
}

TEST(MonitorTest, SharesOutTheImagesOfOneSplitWithoutOverlap) {
  v1::MonitorConfig config = Config(1);
  config.set_test_split("train");
  ASSERT_OK_AND_ASSIGN(const auto monitor, FeatureMonitor::Create(config, SetupFor("train")));
  // 60 images in proportion 50 to 60.
  EXPECT_EQ(monitor->DescribeImages(),
            "monitors learn from 28 images of split 'train' and are tested on 32 of 'train', 3 "
            "classes");
  ASSERT_OK_AND_ASSIGN(const MonitorValues values, monitor->Measure(MeanColour(1), Never));
  EXPECT_EQ(values.probe_accuracy, 1);
  EXPECT_EQ(values.knn_accuracy, 1);
}

TEST(MonitorTest, IsDueBeforeTheFirstStepEveryFewEpochsAndAtTheEnd) {
  ASSERT_OK_AND_ASSIGN(const auto monitor, FeatureMonitor::Create(Config(3), SetupFor("train")));
  std::vector<int> due;
  for (int epoch = 0; epoch <= 8; ++epoch) {
    if (monitor->IsDue(epoch, 8)) due.push_back(epoch);
  }
  EXPECT_EQ(due, std::vector<int>({0, 3, 6, 8}));
}

TEST(MonitorTest, StopsWhenItIsInterrupted) {
  ASSERT_OK_AND_ASSIGN(const auto monitor, FeatureMonitor::Create(Config(1), SetupFor("train")));
  int asked = 0;
  EXPECT_THAT(monitor->Measure(MeanColour(1), [&] { return ++asked > 2; }),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("interrupted")));
}

TEST(MonitorTest, RefusesWhatItCannotMeasure) {
  constexpr absl::StatusCode kPrecondition = absl::StatusCode::kFailedPrecondition;
  EXPECT_THAT(FeatureMonitor::Create(Config(5), SetupFor("plain")),
              StatusIs(kPrecondition,
                       AllOf(HasSubstr("--monitor.every_epochs=5: split 'plain'"),
                             HasSubstr("no labelled images"), HasSubstr("--monitor.input"))));
  MonitorSetup without = SetupFor("train");
  without.images = nullptr;
  EXPECT_THAT(FeatureMonitor::Create(Config(5), without),
              StatusIs(kPrecondition, HasSubstr("recorded pixels have no labels")));
  v1::MonitorConfig config = Config(1);
  config.set_target("hue");
  EXPECT_THAT(FeatureMonitor::Create(config, SetupFor("train")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--monitor.target"), HasSubstr("no class target \"hue\""))));
  // Nobody asked: no error.
  ASSERT_OK_AND_ASSIGN(const auto unlabelled, FeatureMonitor::Create(Config(0), SetupFor("plain")));
  EXPECT_EQ(unlabelled, nullptr);
  ASSERT_OK_AND_ASSIGN(const auto nothing, FeatureMonitor::Create(Config(0), without));
  EXPECT_EQ(nothing, nullptr);
}

TEST(MonitorTest, SaysThatAnEncoderHasDiverged) {
  ASSERT_OK_AND_ASSIGN(const auto monitor, FeatureMonitor::Create(Config(1), SetupFor("train")));
  EXPECT_THAT(monitor->Measure(MeanColour(std::numeric_limits<float>::infinity()), Never),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("are not finite")));
}

TEST(LabelledImagesTest, AreTheSameWhateverTheirNumber) {
  ASSERT_OK_AND_ASSIGN(const auto images, Dataset::Open(Colours(), "train"));
  ASSERT_OK_AND_ASSIGN(const LabelledImages all, ChooseLabelledImages(images, "", 1000));
  EXPECT_EQ(std::set<int64_t>(all.indices.begin(), all.indices.end()).size(), 60u);
  for (size_t i = 0; i < 60; ++i) EXPECT_EQ(all.labels[i], all.indices[i] % 3);
  ASSERT_OK_AND_ASSIGN(const LabelledImages some, ChooseLabelledImages(images, "", 7));
  EXPECT_EQ(some.indices, std::vector<int64_t>(all.indices.begin(), all.indices.begin() + 7));
  EXPECT_FALSE(std::is_sorted(all.indices.begin(), all.indices.end()));
  EXPECT_EQ(all.classes, 3);
}

TEST(LabelledImagesTest, LeavesOutImagesWithoutALabel) {
  ASSERT_OK_AND_ASSIGN(const auto images, Dataset::Open(Colours(), "mixed"));
  ASSERT_OK_AND_ASSIGN(const LabelledImages chosen, ChooseLabelledImages(images, "", 1000));
  EXPECT_EQ(chosen.indices.size(), 20u);
  for (int64_t index : chosen.indices) EXPECT_EQ(index % 3, 1);
}

// --- In a run.

// Three epochs of four steps on the built-in images, whose hue is to be found.
v1::PretrainOptions TinyRun(const std::string& name, int every_epochs) {
  static const std::string* images = [] {
    const auto* folder = new std::string(InTemp("monitored_shapes"));
    EXPECT_OK(RemoveAll(*folder));
    EXPECT_OK(WriteShapesDataset(*folder, 32, 30));
    return folder;
  }();
  v1::PretrainOptions options;
  options.set_input(*images);
  options.set_output(InTemp(name));
  options.set_policy("cifar");
  options.mutable_method()->mutable_moco_v2()->set_queue_size(32);
  options.mutable_backbone()->set_width_factor(0.125);
  options.set_epochs(3);
  options.set_batch_size(8);
  options.set_compute_threads(1);
  options.set_precision(v1::FLOAT32);
  options.set_log_every_steps(3);
  options.mutable_monitor()->set_every_epochs(every_epochs);
  if (every_epochs > 0) {
    options.mutable_monitor()->set_target("hue");
    options.mutable_monitor()->set_test_images(25);
  }
  EXPECT_OK(RemoveAll(options.output()));
  EXPECT_OK(RemoveAll(options.output() + ".partial"));
  return options;
}

absl::StatusOr<StageOutcome> Train(const v1::PretrainOptions& options,
                                   const std::atomic<bool>* interrupted = nullptr,
                                   int threads = 1) {
  StageSettings settings;
  settings.threads = threads;
  settings.interrupted = interrupted;
  return RunStage(PretrainInfo(), options, settings, RunPretrain);
}

std::vector<std::string> LinesOf(const v1::PretrainOptions& options) {
  const absl::StatusOr<std::string> text = ReadFile(JoinPath(options.output(), "metrics.jsonl"));
  EXPECT_OK(text);
  return absl::StrSplit(text.ok() ? *text : "", '\n', absl::SkipEmpty());
}

std::string BytesOf(const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadFile(path);
  EXPECT_OK(bytes);
  return bytes.ok() ? *bytes : "";
}

TEST(MonitoredRunTest, WritesLinesOfItsOwnAndTheLastIntoTheResult) {
  const v1::PretrainOptions options = TinyRun("lines", 2);
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Train(options));
  std::vector<std::string> monitored;
  for (const std::string& line : LinesOf(options)) {
    if (absl::StrContains(line, "probe_accuracy")) monitored.push_back(line);
  }
  ASSERT_EQ(monitored.size(), 3u);
  EXPECT_THAT(monitored[0], AllOf(HasSubstr("{\"step\":0,\"epoch\":0,\"probe_accuracy\":"),
                                  HasSubstr("\"knn_accuracy\":")));
  EXPECT_THAT(monitored[1], HasSubstr("{\"step\":8,\"epoch\":2,\"probe_accuracy\":"));
  EXPECT_THAT(monitored[2], HasSubstr("{\"step\":12,\"epoch\":3,\"probe_accuracy\":"));
  EXPECT_THAT(outcome.manifest.result_json(),
              AllOf(HasSubstr("\"epoch_loss\":"), HasSubstr("\"feature_rank\":"),
                    HasSubstr(monitored[2].substr(monitored[2].find("\"probe_accuracy\"")))));
}

TEST(MonitoredRunTest, TrainsTheSameWeightsAsARunWithoutMonitors) {
  const std::atomic<bool> interrupted(true);
  const v1::PretrainOptions with = TinyRun("with", 1), without = TinyRun("without", 0);
  // Step 6: in the middle of an epoch, after two measurements.
  for (int step = 1; step <= 6; ++step) {
    EXPECT_FALSE(Train(with, &interrupted).ok());
    EXPECT_FALSE(Train(without, &interrupted).ok());
  }
  const std::string tensors = ".partial/checkpoint-00000006/tensors.safetensors";
  EXPECT_EQ(BytesOf(with.output() + tensors), BytesOf(without.output() + tensors));
  ASSERT_OK(Train(with));
  ASSERT_OK(Train(without));
  for (const char* file : {"weights.safetensors", "model.textproto"}) {
    EXPECT_EQ(BytesOf(JoinPath(with.output(), file)), BytesOf(JoinPath(without.output(), file)));
  }
  std::vector<std::string> steps;
  for (const std::string& line : LinesOf(with)) {
    if (!absl::StrContains(line, "probe_accuracy")) steps.push_back(line);
  }
  EXPECT_EQ(steps, LinesOf(without));
}

TEST(MonitoredRunTest, InterruptedAfterEveryStepItEndsWithTheSameBytes) {
  const v1::PretrainOptions options = TinyRun("interrupted", 2);
  ASSERT_OK_AND_ASSIGN(const StageOutcome undisturbed, Train(options));
  TinyRun("interrupted", 2);  // Removes the output.
  const std::atomic<bool> interrupted(true);
  for (int step = 1; step < 12; ++step) EXPECT_FALSE(Train(options, &interrupted).ok());
  ASSERT_OK_AND_ASSIGN(const StageOutcome resumed, Train(options, nullptr, /*threads=*/2));
  EXPECT_EQ(resumed.manifest.fingerprint(), undisturbed.manifest.fingerprint());
}

TEST(MonitoredRunTest, AnotherLabelledDataSetCanBeMeasured) {
  v1::PretrainOptions options = TinyRun("other_input", 3);
  options.mutable_monitor()->set_input(Colours());
  options.mutable_monitor()->set_test_images(60);
  options.mutable_monitor()->clear_target();
  ASSERT_OK(Train(options));
  EXPECT_THAT(LinesOf(options).front(), HasSubstr("\"probe_accuracy\":0.5"));
}

TEST(MonitoredRunTest, AbortsACollapsedRunAndGoesOnWithALowerLimit) {
  v1::PretrainOptions options = TinyRun("abort", 0);
  options.mutable_monitor()->set_abort_if_spread_below(100);
  EXPECT_THAT(Train(options),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("step 6 (epoch 2): the encoder has collapsed"),
                             HasSubstr("the checkpoint after step 4 is kept in"))));
  EXPECT_TRUE(FileExists(options.output() + ".partial/checkpoint-00000004"));
  // The limits are no part of the result: the run goes on.
  options.mutable_monitor()->set_abort_if_spread_below(1e-9);
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Train(options));
  ASSERT_OK_AND_ASSIGN(const StageOutcome undisturbed, Train(TinyRun("abort_never", 0)));
  EXPECT_EQ(outcome.manifest.fingerprint(), undisturbed.manifest.fingerprint());
}

}  // namespace
}  // namespace cassle
