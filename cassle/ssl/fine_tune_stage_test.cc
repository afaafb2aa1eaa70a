#include "cassle/ssl/fine_tune_stage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/base/file.h"
#include "cassle/base/philox.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/records/class_target.h"
#include "cassle/data/records/dataset.h"
#include "cassle/data/records/dataset_writer.h"
#include "cassle/data/shard_encoder_stage.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/features/model_testutil.h"
#include "cassle/models/weights/head.pb.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/projector_folder.h"
#include "cassle/models/weights/weights.h"
#include "cassle/runtime/precision.h"
#include "cassle/ssl/fine_tuning/classify.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

// 64 images to learn from and 32 to test on, of the built-in generator.
const std::string& Shapes() {
  static const std::string* folder = [] {
    const auto* path = new std::string(JoinPath(testing::TempDir(), "fine_tune_shapes"));
    EXPECT_OK(RemoveAll(*path));
    v1::ShardEncoderOptions options;
    options.set_output(*path);
    options.set_source(v1::DatasetLayout::SHAPES);
    options.mutable_shapes()->set_num_train(64);
    options.mutable_shapes()->set_num_test(32);
    EXPECT_OK(RunStage(ShardEncoderInfo(), options, {}, RunShardEncoder));
    return path;
  }();
  return *folder;
}

v1::FineTuneOptions Options() {
  v1::FineTuneOptions options;
  options.set_model(MakeTestModel({}));
  options.set_input(Shapes());
  options.set_output(JoinPath(testing::TempDir(), "fine_tuned"));
  options.set_target("hue");
  options.set_epochs(2);
  options.set_batch_size(16);
  options.set_compute_threads(1);
  options.set_precision(v1::FLOAT32);
  EXPECT_OK(RemoveAll(options.output()));
  EXPECT_OK(RemoveAll(options.output() + ".partial"));
  return options;
}

absl::StatusOr<StageOutcome> Tune(const v1::FineTuneOptions& options, int threads = 1,
                                  const std::atomic<bool>* interrupted = nullptr) {
  return RunStage(FineTuneInfo(), options,
                  {.threads = threads, .omit_costs = true, .interrupted = interrupted},
                  RunFineTune);
}

std::string Fingerprint(const v1::FineTuneOptions& options, int threads = 1) {
  const auto outcome = Tune(options, threads);
  EXPECT_OK(outcome);
  return outcome.ok() ? outcome->manifest.fingerprint() : "";
}

v1::Evaluation ResultOf(const v1::FineTuneOptions& options) {
  v1::Evaluation evaluation;
  EXPECT_OK(ReadTextProto(JoinPath(options.output(), "result.textproto"), &evaluation));
  return evaluation;
}

TEST(FineTuneTest, LearnsTheColourOfShapesFromFewImagesAndLeavesAModel) {
  v1::FineTuneOptions options = Options();
  options.set_epochs(25);
  options.set_base_lr(0.4);
  ASSERT_OK(Tune(options));
  const v1::Evaluation result = ResultOf(options);
  ASSERT_EQ(result.scores(0).name(), "hue: top1");
  // Measured: far above; guessing is right for about one in eight.
  EXPECT_GT(result.scores(0).value(), 2 * result.scores(0).chance());
  EXPECT_EQ(result.sets(0).num_rows(), 64);
  EXPECT_EQ(result.sets(1).num_rows(), 32);
  EXPECT_THAT(result.encoder(),
              AllOf(HasSubstr("a test"), HasSubstr("fine-tuned (hue, 25 epochs")));
  v1::HeadSpec head;
  ASSERT_OK(ReadTextProto(JoinPath(options.output(), kHeadSpecName), &head));
  EXPECT_EQ(head.target(), "hue");
  ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(options.input(), "train"));
  EXPECT_THAT(head.classes(), ElementsAreArray(ClassNames(data->info(), "hue").value()));
  ASSERT_OK_AND_ASSIGN(const auto backbone, LoadBackbone(options.output()));
  EXPECT_EQ(WeightsFingerprint(*backbone), result.weights_fingerprint());
  ASSERT_OK_AND_ASSIGN(const auto before, LoadBackbone(options.model()));
  EXPECT_NE(WeightsFingerprint(*before), result.weights_fingerprint());
}

TEST(FineTuneTest, ARunInterruptedAfterEveryStepEndsWithTheSameBytes) {
  const std::string undisturbed = Fingerprint(Options());
  v1::FineTuneOptions options = Options();
  const std::atomic<bool> interrupted(true);
  // 4 steps in each of 2 epochs; the ninth start stops while it tests.
  for (int start = 1; start < 10; ++start) {
    EXPECT_THAT(Tune(options, 1, &interrupted),
                StatusIs(absl::StatusCode::kCancelled, HasSubstr("interrupted")));
    EXPECT_FALSE(FileExists(options.output()));
  }
  EXPECT_EQ(Fingerprint(options), undisturbed);
}

TEST(FineTuneTest, LoaderThreadsChangeNoByteAndSeedsDo) {
  const std::string one = Fingerprint(Options());
  EXPECT_EQ(Fingerprint(Options(), 3), one);
  v1::FineTuneOptions options = Options();
  options.set_seed(5);
  EXPECT_NE(Fingerprint(options), one);
}

TEST(FineTuneTest, FewLabelsAreTakenOfEveryClass) {
  v1::FineTuneOptions options = Options();
  options.set_labels_per_class(2);
  options.set_epochs(1);
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Tune(options));
  const v1::Evaluation result = ResultOf(options);
  EXPECT_EQ(result.sets(0).num_rows() % 2, 0);
  EXPECT_LT(result.sets(0).num_rows(), 64);
  EXPECT_THAT(result.encoder(), HasSubstr("2 labels per class"));
  options = Options();
  options.set_label_fraction(0.1);
  options.set_epochs(1);
  ASSERT_OK(Tune(options));
  EXPECT_LT(ResultOf(options).sets(0).num_rows(), 20);
}

// Of six images that differ, in two splits, one of each has no label.
TEST(FineTuneTest, ImagesWithoutALabelAreLeftOutAndCounted) {
  const std::string folder = JoinPath(testing::TempDir(), "fine_tune_partly");
  ASSERT_OK(RemoveAll(folder));
  v1::ShardEncoderOptions shards;
  shards.set_output(folder);
  for (const char* split : {"train", "test"}) {
    std::string list = "path,label\n";
    for (int i = 0; i < 6; ++i) {
      RgbImage image;
      image.Resize(16, 16);
      for (size_t k = 0; k < image.pixels.size(); ++k) image.pixels[k] = (k * (i + 3)) % 256;
      ASSERT_OK_AND_ASSIGN(const std::string png, EncodePng(image));
      const std::string name = absl::StrCat("partly_", split, i, ".png");
      ASSERT_OK(WriteFile(JoinPath(testing::TempDir(), name), png));
      absl::StrAppend(&list, name, ",", i == 4 ? "" : absl::StrCat(i % 2), "\n");
    }
    const std::string path = JoinPath(testing::TempDir(), absl::StrCat("partly_", split, ".csv"));
    ASSERT_OK(WriteFile(path, list));
    (split == std::string("train") ? shards.mutable_train() : shards.mutable_test())->assign(path);
  }
  ASSERT_OK(RunStage(ShardEncoderInfo(), shards, {}, RunShardEncoder));
  v1::FineTuneOptions options = Options();
  options.set_input(folder);
  options.set_target("label");
  options.set_epochs(1);
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Tune(options));
  EXPECT_THAT(outcome.manifest.notes(),
              AllOf(Contains("1 of 6 images of split 'train' have no class of label and are left "
                             "out"),
                    Contains("1 of 6 images of split 'test' have no class of label and are left "
                             "out")));
  EXPECT_EQ(ResultOf(options).sets(0).num_rows(), 5);
  EXPECT_EQ(ResultOf(options).sets(1).num_rows(), 5);
  EXPECT_EQ(ResultOf(options).scores(0).num_test(), 5);
}

TEST(FineTuneTest, EverySettingChangesTheResult) {
  const auto base = [] {
    v1::FineTuneOptions options = Options();
    options.set_epochs(1);
    return options;
  };
  const std::string unchanged = Fingerprint(base());
  const std::pair<const char*, std::function<void(v1::FineTuneOptions*)>> changes[] = {
      {"layer_decay", [](auto* options) { options->set_layer_decay(0.5); }},
      {"optimizer", [](auto* options) { options->set_optimizer(v1::ADAMW); }},
      {"weight_decay", [](auto* options) { options->set_weight_decay(0.1); }},
      {"momentum", [](auto* options) { options->set_momentum(0.5); }},
      {"base_lr", [](auto* options) { options->set_base_lr(0.05); }},
      {"warmup_epochs", [](auto* options) { options->set_warmup_epochs(1); }},
      {"clip_gradient_norm", [](auto* options) { options->set_clip_gradient_norm(0.01); }},
      {"crop_scale_min", [](auto* options) { options->set_crop_scale_min(0.9); }},
      {"label_smoothing", [](auto* options) { options->set_label_smoothing(0.1); }},
      {"mixup_alpha", [](auto* options) { options->set_mixup_alpha(0.2); }},
      {"drop_path", [](auto* options) { options->set_drop_path(0.2); }},
      {"ema_decay", [](auto* options) { options->set_ema_decay(0.5); }},
      {"monitor", [](auto* options) { options->mutable_monitor()->set_every_epochs(1); }},
      {"target", [](auto* options) { options->set_target("shape"); }}};
  for (const auto& [name, change] : changes) {
    v1::FineTuneOptions options = base();
    change(&options);
    EXPECT_NE(Fingerprint(options), unchanged) << name;
  }
}

TEST(FineTuneTest, PrecisionChangesTheResult) {
  if (ProcessorBfloat16() == Bfloat16Support::kNone) GTEST_SKIP() << "a processor with AVX-512";
  v1::FineTuneOptions options = Options();
  options.set_epochs(1);
  const std::string float32 = Fingerprint(options);
  options = Options();
  options.set_epochs(1);
  options.set_precision(v1::BF16);
  EXPECT_NE(Fingerprint(options), float32);
}

TEST(FineTuneTest, RefusesWhatCannotBeLearnt) {
  const auto expect = [](const std::function<void(v1::FineTuneOptions*)>& change,
                         absl::StatusCode code, const std::string& words) {
    v1::FineTuneOptions options = Options();
    change(&options);
    EXPECT_THAT(Tune(options), StatusIs(code, HasSubstr(words)));
    EXPECT_FALSE(FileExists(options.output()));
  };
  const auto usage = absl::StatusCode::kInvalidArgument;
  const auto data = absl::StatusCode::kFailedPrecondition;
  expect([](auto* o) { o->set_model(""); }, usage, "--model");
  expect([](auto* o) { o->set_input(""); }, usage, "--input");
  expect([](auto* o) { o->set_epochs(0); }, usage, "--epochs=0");
  expect([](auto* o) { o->set_layer_decay(1.5); }, usage, "--layer_decay=1.5");
  expect([](auto* o) { o->set_momentum(1); }, usage, "--momentum=1");
  expect(
      [](auto* o) {
        o->set_optimizer(v1::ADAMW);
        o->set_momentum(0.5);
      },
      usage, "--momentum=0.5 is not read without --optimizer=sgd or lars");
  expect([](auto* o) { o->set_base_lr(-1); }, usage, "--base_lr=-1");
  expect([](auto* o) { o->set_label_smoothing(1); }, usage, "--label_smoothing=1");
  expect([](auto* o) { o->set_mixup_alpha(-1); }, usage, "--mixup_alpha=-1");
  expect(
      [](auto* o) {
        o->set_mixup_alpha(1);
        o->set_batch_size(15);
      },
      usage, "--mixup_alpha=1 mixes images two by two: 15 images leave one without a partner");
  expect([](auto* o) { o->set_drop_path(1); }, usage, "--drop_path=1");
  expect([](auto* o) { o->set_ema_decay(1); }, usage, "--ema_decay=1");
  expect([](auto* o) { o->set_label_fraction(2); }, usage, "--label_fraction=2");
  expect([](auto* o) { o->set_target("nosuch"); }, usage, "--target");
  expect([](auto* o) { o->set_split("none"); }, usage, "--split=none: ");
  expect([](auto* o) { o->set_test_split("train"); }, usage, "learnt from");
  expect([](auto* o) { o->set_labels_per_class(1000); }, data, "fewer than the 1000");
  expect([](auto* o) { o->set_base_lr(1e30); }, data, "step");
  expect([](auto* o) { o->set_model(absl::StrCat(o->model(), ".gone")); },
         absl::StatusCode::kNotFound, ".gone");
}

// Plain images of a colour that nearly tells the class, in three splits; trained on so fast that
// accuracies jump about.
v1::FineTuneOptions Validated(const std::string& split = "val") {
  static const std::string* folder = [] {
    const auto fill = [](const std::string& output) -> absl::Status {
      v1::DatasetInfo info;
      info.set_name("colours");
      for (const char* name : {"red", "green", "blue"}) info.add_classes(name);
      DatasetWriter writer(output, {"train", "val", "test"}, 1 << 20);
      for (int i = 0; i < 3 * 48; ++i) {
        Philox random(StreamKey{.seed = 5, .index = static_cast<uint64_t>(i)});
        v1::ImageRecord record;
        record.set_key(absl::StrCat(i));
        record.set_format(v1::RAW_RGB8);
        record.set_height(16);
        record.set_width(16);
        record.set_label(i % 3);
        for (int k = 0; k < 16 * 16 * 3; ++k) {
          const int level = k % 3 == i % 3 ? 110 : 100;
          record.mutable_encoded()->push_back(static_cast<char>(level + random.Below(60)));
        }
        CASSLE_RETURN_IF_ERROR(writer.Append(i / 48, &record));
      }
      return writer.Finish(&info);
    };
    return new std::string(MakeTestFolder("colours", fill));
  }();
  v1::FineTuneOptions options = Options();
  options.set_input(*folder);
  options.clear_target();
  options.set_epochs(5);
  options.set_base_lr(1);
  options.mutable_monitor()->set_every_epochs(1);
  options.mutable_monitor()->set_split(split);
  return options;
}

// Of the lines of metrics.jsonl that have one, by epoch from 1.
std::vector<double> ValidationAccuracies(const v1::FineTuneOptions& options) {
  std::vector<double> accuracies;
  const auto text = ReadFile(JoinPath(options.output(), "metrics.jsonl"));
  EXPECT_OK(text);
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    const std::vector<std::string> parts = absl::StrSplit(line, "\"validation_accuracy\":");
    if (parts.size() > 1) accuracies.push_back(std::atof(parts[1].c_str()));
  }
  return accuracies;
}

TEST(ValidationTest, TheBestEpochIsKeptAndHasTheAccuracyOfItsLine) {
  v1::FineTuneOptions options = Validated();
  options.mutable_monitor()->set_keep_best(true);
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Tune(options));
  const std::vector<double> accuracies = ValidationAccuracies(options);
  ASSERT_EQ(accuracies.size(), 5u);
  const auto best = std::max_element(accuracies.begin(), accuracies.end());
  const auto epoch = best - accuracies.begin() + 1;
  // Else the test tells nothing.
  ASSERT_LT(accuracies.back(), *best);
  const v1::Evaluation result = ResultOf(options);
  EXPECT_THAT(result.encoder(),
              HasSubstr(absl::StrCat("5 epochs, epoch ", epoch, " is the best by validation)")));
  EXPECT_EQ(result.sets(1).role(), "val");
  EXPECT_EQ(result.sets(1).split(), "val");
  EXPECT_EQ(result.scores(2).name(), "label: validation, best epoch");
  EXPECT_EQ(result.scores(2).value(), *best);
  const v1::ChartLine& line = result.charts(0).series(0);
  EXPECT_THAT(line.x(), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(line.marked(), epoch - 1);
  EXPECT_DOUBLE_EQ(line.y(line.marked()), 100 * *best);
  // What was written says the same of the validation images.
  ASSERT_OK_AND_ASSIGN(const auto encoder,
                       FrozenEncoder::Load(options.output(), {}, /*projector=*/false));
  ASSERT_OK_AND_ASSIGN(const auto head, LoadProjector(options.output()));
  ASSERT_OK_AND_ASSIGN(const auto images, Dataset::Open(options.input(), "val"));
  std::vector<int64_t> rows(48);
  std::iota(rows.begin(), rows.end(), 0);
  ASSERT_OK_AND_ASSIGN(
      const std::vector<int> classes,
      Classify(*encoder, head.get(), *images, rows, /*threads=*/2, [](int64_t) { return true; }));
  int right = 0;
  for (int i = 0; i < 48; ++i) right += classes[i] == i % 3;
  EXPECT_EQ(right / 48.0, *best);
}

TEST(ValidationTest, OnASplitOfItsOwnItChangesNoWeight) {
  v1::FineTuneOptions options = Validated();
  options.mutable_monitor()->set_every_epochs(2);
  ASSERT_OK(Tune(options));
  // After epochs 2 and 4, and the last.
  EXPECT_EQ(ValidationAccuracies(options).size(), 3u);
  const std::string weights = ResultOf(options).weights_fingerprint();
  options = Validated();
  options.clear_monitor();
  ASSERT_OK(Tune(options));
  EXPECT_EQ(ResultOf(options).weights_fingerprint(), weights);
}

TEST(ValidationTest, WithoutASplitATenthOfEveryClassIsHeldOut) {
  v1::FineTuneOptions options = Validated("");
  options.set_epochs(1);
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Tune(options));
  // 16 images of each class: 1.6 is 2.
  EXPECT_THAT(outcome.manifest.notes(),
              Contains("6 of 48 images of split 'train' are held out for validation (a tenth of "
                       "every class) and not learnt from"));
  EXPECT_EQ(ResultOf(options).sets(0).num_rows(), 42);
  EXPECT_EQ(ResultOf(options).sets(1).num_rows(), 6);
}

TEST(ValidationTest, RefusesSplitsThatAreNotForIt) {
  const auto expect = [](const v1::FineTuneOptions& options, absl::StatusCode code,
                         const std::string& words) {
    EXPECT_THAT(Tune(options), StatusIs(code, HasSubstr(words)));
    EXPECT_FALSE(FileExists(options.output()));
  };
  const auto usage = absl::StatusCode::kInvalidArgument;
  expect(Validated("test"), usage, "--monitor.split=test: the test split is for the end");
  expect(Validated("train"), usage, "--monitor.split=train is the split that is learnt from");
  expect(Validated("none"), usage, "--monitor.split=none: ");
  v1::FineTuneOptions options = Validated();
  options.mutable_monitor()->clear_every_epochs();
  expect(options, usage, "--monitor.split=val: nothing is validated with --monitor.every_epochs=0");
  options = Options();
  options.mutable_monitor()->set_keep_best(true);
  expect(options, usage,
         "--monitor.keep_best=true: nothing is validated with --monitor.every_epochs=0");
  options = Validated();
  options.set_labels_per_class(1);
  options.set_mixup_alpha(1);
  expect(options, usage, "all 3 images that are learnt from make one batch: --mixup_alpha=1 mixes");
  options = Validated("");
  options.set_labels_per_class(1);
  expect(options, absl::StatusCode::kFailedPrecondition, "no class has a second image");
}

TEST(FineTuneTest, AWarmUpThatTakesAllEpochsIsTold) {
  v1::FineTuneOptions options = Options();
  options.set_warmup_epochs(2);
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Tune(options));
  EXPECT_THAT(outcome.manifest.notes(),
              Contains(HasSubstr("--warmup_epochs=2 takes all of the 2 epochs")));
}

TEST(FineTuneTest, InterruptedWithEverythingOnItEndsWithTheSameBytes) {
  const auto everything = [] {
    v1::FineTuneOptions options = Validated("");
    options.set_epochs(3);
    options.set_batch_size(14);
    options.set_model(MakeTestModel({}));
    options.mutable_monitor()->set_keep_best(true);
    options.set_label_smoothing(0.1);
    options.set_mixup_alpha(0.4);
    options.set_drop_path(0.3);
    options.set_ema_decay(0.5);
    return options;
  };
  v1::FineTuneOptions options = everything();
  const std::string undisturbed = Fingerprint(options);
  EXPECT_THAT(ResultOf(options).encoder(), HasSubstr("weights averaged by 0.5"));
  options = everything();
  const std::atomic<bool> interrupted(true);
  // 3 steps in each of 3 epochs, and the test.
  for (int start = 1; start < 11; ++start) {
    EXPECT_THAT(Tune(options, 1, &interrupted),
                StatusIs(absl::StatusCode::kCancelled, HasSubstr("interrupted")));
  }
  EXPECT_EQ(Fingerprint(options, 2), undisturbed);
}

}  // namespace
}  // namespace cassle
