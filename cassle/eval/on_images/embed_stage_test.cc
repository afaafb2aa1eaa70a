#include "cassle/eval/on_images/embed_stage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>

#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/images/pixel_hash.h"
#include "cassle/data/records/dataset_writer.h"
#include "cassle/eval/embeddings/embeddings.h"
#include "cassle/eval/embeddings/pictures.h"
#include "cassle/features/model_testutil.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/weights.h"
#include "cassle/runtime/precision.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kImages = 23;
constexpr int kSide = 20;

RgbImage TestImage(int index) {
  RgbImage image;
  image.Resize(kSide, kSide + index % 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<uint8_t>((i * (index + 3) * 7 + i / 5) % 256);
  }
  return image;
}

// Split "train": one image; split "test": kImages images with a label (but image 5), a class target
// and a vector target.
std::string MakeImages(const std::string& name, int broken_image = -1) {
  return MakeTestFolder(name, [&](const std::string& folder) -> absl::Status {
    v1::DatasetInfo info;
    info.set_name("test images");
    info.add_classes("even");
    info.add_classes("odd");
    v1::TargetInfo* hue = info.add_targets();
    hue->set_name("hue");
    for (const char* value : {"red", "green", "blue"}) hue->add_classes(value);
    v1::TargetInfo* position = info.add_targets();
    position->set_name("position");
    position->set_vector_size(2);
    DatasetWriter writer(folder, {"train", "test"}, 4000);
    for (int i = 0; i < kImages + 1; ++i) {
      const RgbImage image = TestImage(i);
      v1::ImageRecord record;
      record.set_key("picture " + std::to_string(i));
      record.set_format(v1::PNG);
      CASSLE_ASSIGN_OR_RETURN(std::string png, EncodePng(image));
      if (i == broken_image) png.resize(png.size() / 2);
      record.set_encoded(png);
      record.set_height(image.height);
      record.set_width(image.width);
      if (i != 5) record.set_label(i % 2);
      v1::Target* target = record.add_targets();
      target->set_name("hue");
      target->set_class_index(i % 3);
      target = record.add_targets();
      target->set_name("position");
      target->mutable_vector()->add_values(0.5f * i);
      target->mutable_vector()->add_values(-1.0f * i);
      CASSLE_RETURN_IF_ERROR(writer.Append(i == 0 ? 0 : 1, &record));
    }
    return writer.Finish(&info);
  });
}

// A model with the weights of seed 7. `change` may damage the backbone before it is saved.
std::string MakeModel(const std::string& name, const std::function<void(Backbone*)>& change = {},
                      const v1::ModelSpec& spec = TestModelSpec()) {
  return MakeTestFolder(name, [&](const std::string& folder) -> absl::Status {
    CASSLE_ASSIGN_OR_RETURN(auto backbone, MakeBackbone(TestModelSpec().backbone(), 7));
    if (change) change(backbone.get());
    SafetensorsWriter weights;
    CASSLE_RETURN_IF_ERROR(SaveModule(*backbone, "backbone.", &weights));
    CASSLE_RETURN_IF_ERROR(weights.Write(JoinPath(folder, kModelWeightsName)));
    return WriteFile(JoinPath(folder, kModelSpecName), PrintTextProto(spec));
  });
}

v1::EmbedOptions Options(const std::string& model, const std::string& images) {
  v1::EmbedOptions options;
  options.set_model(model);
  options.set_input(images);
  options.set_split("test");
  options.set_batch_size(8);
  options.set_precision(v1::FLOAT32);
  options.set_output(images + ".embedded");
  return options;
}

absl::StatusOr<StageOutcome> Embed(const v1::EmbedOptions& options, int threads = 2) {
  return RunStage(EmbedInfo(), options, {.threads = threads, .force = true, .omit_costs = true},
                  RunEmbed);
}

std::string FileBytes(const std::string& folder) {
  return ReadFile(JoinPath(folder, "embeddings.safetensors")).value();
}

TEST(EmbedTest, WritesFeaturesTargetsAndWhereTheyComeFrom) {
  const v1::EmbedOptions options = Options(MakeModel("model"), MakeImages("images"));
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Embed(options));
  EXPECT_THAT(outcome.manifest.result_json(),
              AllOf(HasSubstr("\"images\":23,"), HasSubstr("\"provenance\":\"a test\"")));

  ASSERT_OK_AND_ASSIGN(const Embeddings embeddings, Embeddings::Open("train", options.output()));
  EXPECT_EQ(embeddings.rows(), kImages);
  EXPECT_EQ(embeddings.columns(), 64);
  EXPECT_EQ(embeddings.ids()[0], 1);
  EXPECT_EQ(embeddings.Metadata("split"), "test");
  EXPECT_EQ(embeddings.Metadata("provenance"), "a test");
  EXPECT_EQ(embeddings.Metadata("dataset_fingerprint"), FingerprintInput(options.input()).value());
  EXPECT_EQ(embeddings.Metadata("weights_fingerprint"),
            WeightsFingerprint(*LoadBackbone(options.model()).value()));
  EXPECT_EQ(embeddings.Metadata("resize_px"), "16");
  EXPECT_EQ(embeddings.Metadata("precision"), "float32");
  EXPECT_THAT(embeddings.ClassTargets(), ElementsAre("label", "hue"));
  ASSERT_OK_AND_ASSIGN(const ClassTarget hue, embeddings.Target("hue"));
  EXPECT_THAT(hue.class_names, ElementsAre("red", "green", "blue"));
  EXPECT_EQ(hue.values[2], 0);
  ASSERT_OK_AND_ASSIGN(const ClassTarget label, embeddings.Target("label"));
  EXPECT_THAT(std::vector<int>(label.values.begin(), label.values.begin() + 6),
              ElementsAre(1, 0, 1, 0, kNoClass, 0));
  EXPECT_THAT(outcome.manifest.notes(),
              ElementsAre("1 of 23 rows have no label; evaluations leave them out"));
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                       SafetensorsFile::Open(options.output() + "/embeddings.safetensors"));
  ASSERT_OK_AND_ASSIGN(const TensorView position, file.Get("target.position", DType::kF32, 2));
  EXPECT_EQ(position.values<float>()[5], -3.0f);
}

// Splits train and test of three images each; image 1 of test is image 2 of train, and image 0 of
// train is its image 1 under another label.
std::string MakeLeak(const std::string& name, bool with_hashes) {
  return MakeTestFolder(name, [&](const std::string& folder) -> absl::Status {
    v1::DatasetInfo info;
    info.set_name("leak");
    for (const char* label : {"cat", "dog"}) info.add_classes(label);
    DatasetWriter writer(folder, {"train", "test"}, 4000);
    const int pictures[] = {0, 0, 2, 3, 2, 5};
    for (int i = 0; i < 6; ++i) {
      const RgbImage image = TestImage(pictures[i]);
      v1::ImageRecord record;
      record.set_key("picture " + std::to_string(i));
      record.set_format(v1::PNG);
      CASSLE_ASSIGN_OR_RETURN(*record.mutable_encoded(), EncodePng(image));
      record.set_height(image.height);
      record.set_width(image.width);
      record.set_label(i % 2);
      std::optional<PixelHash> hash;
      if (with_hashes) hash = HashPixels(image);
      CASSLE_RETURN_IF_ERROR(writer.Append(i / 3, &record, hash));
    }
    return writer.Finish(&info);
  });
}

TEST(EmbedTest, ImagesOfAnotherSplitAndContradictionsAreNoted) {
  v1::EmbedOptions options = Options(MakeModel("model"), MakeLeak("leak", true));
  ASSERT_OK_AND_ASSIGN(const StageOutcome test, Embed(options));
  EXPECT_THAT(test.manifest.notes(),
              ElementsAre("1 of 3 test images are in train, pixel for pixel (first: picture 4 = "
                          "picture 2)"));
  ASSERT_OK_AND_ASSIGN(const Embeddings embeddings, Embeddings::Open("test", options.output()));
  ASSERT_OK_AND_ASSIGN(const auto pictures, Pictures::Open(embeddings));
  ASSERT_TRUE(pictures.has_value());
  EXPECT_EQ(pictures->Key(1), "picture 4");
  EXPECT_EQ(pictures->hashes()[1], HashPixels(TestImage(2)));
  options.set_split("train");
  ASSERT_OK_AND_ASSIGN(const StageOutcome train, Embed(options));
  EXPECT_THAT(train.manifest.notes(),
              ElementsAre("1 of 3 train images are in test, pixel for pixel (first: picture 2 = "
                          "picture 4)",
                          "2 train images are pixel for pixel another one that has another label "
                          "(first: picture 0 is cat, picture 1 is dog)"));
}

TEST(EmbedTest, OfADataSetWithoutHashesNothingIsClaimed) {
  const v1::EmbedOptions options = Options(MakeModel("model"), MakeLeak("old_leak", false));
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Embed(options));
  EXPECT_EQ(outcome.manifest.notes_size(), 0);
  ASSERT_OK_AND_ASSIGN(const Embeddings embeddings, Embeddings::Open("test", options.output()));
  ASSERT_OK_AND_ASSIGN(const auto pictures, Pictures::Open(embeddings));
  EXPECT_FALSE(pictures.has_value());
  // But images have their names.
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile names,
                       SafetensorsFile::Open(JoinPath(options.output(), "images.safetensors")));
  EXPECT_EQ(names.Get("keys")->bytes, "picture 3picture 4picture 5");
  EXPECT_THAT(names.Get("key_ends")->values<int64_t>(), ElementsAre(9, 18, 27));
}

TEST(EmbedTest, ThreadsChangeNoByte) {
  v1::EmbedOptions options = Options(MakeModel("model"), MakeImages("images"));
  ASSERT_OK(Embed(options, 1));
  const std::string bytes = FileBytes(options.output());
  for (int threads : {2, 5}) {
    ASSERT_OK(Embed(options, threads));
    EXPECT_EQ(FileBytes(options.output()), bytes) << threads;
  }
}

TEST(EmbedTest, AnotherBatchSizeChangesFeaturesByRoundingOnly) {
  v1::EmbedOptions options = Options(MakeModel("model"), MakeImages("images"));
  ASSERT_OK(Embed(options));
  ASSERT_OK_AND_ASSIGN(const Embeddings eight, Embeddings::Open("a", options.output()));
  options.set_output(options.output() + ".single");
  options.set_batch_size(1);
  ASSERT_OK(Embed(options));
  ASSERT_OK_AND_ASSIGN(const Embeddings single, Embeddings::Open("b", options.output()));
  double largest = 0, difference = 0;
  for (size_t i = 0; i < eight.features().size(); ++i) {
    largest = std::max<double>(largest, std::abs(eight.features()[i]));
    difference = std::max<double>(difference, std::abs(eight.features()[i] - single.features()[i]));
  }
  EXPECT_LT(difference, 1e-5 * largest);
  EXPECT_OK(CheckComparable("a", eight, "b", single));
}

TEST(EmbedTest, ASeedIsRefusedWhereNoWeightsAreDrawn) {
  v1::EmbedOptions options = Options(MakeModel("model"), MakeImages("images"));
  options.set_seed(7);
  EXPECT_THAT(Embed(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("--seed=7 is not read without --reinitialize")));
  EXPECT_FALSE(FileExists(options.output()));
}

TEST(EmbedTest, ReinitializedEncodersDependOnTheSeedAndNotOnTheWeights) {
  const std::string images = MakeImages("images");
  v1::EmbedOptions options = Options(MakeModel("model"), images);
  options.set_reinitialize(true);
  options.set_seed(7);  // the seed MakeModel uses: the same weights again
  ASSERT_OK(Embed(options));
  ASSERT_OK_AND_ASSIGN(const Embeddings same, Embeddings::Open("a", options.output()));
  EXPECT_EQ(same.Metadata("weights_fingerprint"),
            WeightsFingerprint(*LoadBackbone(options.model()).value()));
  EXPECT_EQ(same.Metadata("provenance"), "random (seed 7)");

  options.set_seed(8);
  options.set_output(images + ".other");
  ASSERT_OK(Embed(options));
  ASSERT_OK_AND_ASSIGN(const Embeddings other, Embeddings::Open("b", options.output()));
  EXPECT_THAT(CheckComparable("a", same, "b", other),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("encoder")));

  // The description alone is enough.
  const std::string bytes = FileBytes(options.output());
  options.set_model(options.model() + "/model.textproto");
  ASSERT_OK(Embed(options));
  EXPECT_EQ(FileBytes(options.output()), bytes);
  options.set_reinitialize(false);
  options.clear_seed();
  EXPECT_THAT(Embed(options),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no weights")));
}

TEST(EmbedTest, PrecisionAndResizingArePartOfThePreprocessing) {
  const std::string images = MakeImages("images");
  v1::EmbedOptions options = Options(MakeModel("model"), images);
  ASSERT_OK(Embed(options));
  ASSERT_OK_AND_ASSIGN(const Embeddings plain, Embeddings::Open("a", options.output()));
  const bool can = ProcessorBfloat16() != Bfloat16Support::kNone;
  for (bool bfloat16 : can ? std::vector<bool>{true, false} : std::vector<bool>{false}) {
    options.set_precision(bfloat16 ? v1::BF16 : v1::FLOAT32);
    options.set_resize_px(bfloat16 ? 0 : 18);
    options.set_output(images + (bfloat16 ? ".bf16" : ".resized"));
    ASSERT_OK(Embed(options));
    ASSERT_OK_AND_ASSIGN(const Embeddings other, Embeddings::Open("b", options.output()));
    EXPECT_THAT(CheckComparable("a", plain, "b", other),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("preprocess")));
  }
}

TEST(EmbedTest, TenCropsAreTenRowsOrTheirMean) {
  const std::string images = MakeImages("images");
  v1::EmbedOptions options = Options(MakeModel("model"), images);
  options.set_resize_px(20);
  options.set_batch_size(25);
  ASSERT_OK(Embed(options));
  ASSERT_OK_AND_ASSIGN(const Embeddings center, Embeddings::Open("a", options.output()));
  options.set_crops(v1::EmbedOptions::TEN);
  options.set_output(images + ".ten");
  ASSERT_OK(Embed(options));
  ASSERT_OK_AND_ASSIGN(const Embeddings ten, Embeddings::Open("b", options.output()));
  options.set_crops(v1::EmbedOptions::TEN_MEAN);
  options.set_output(images + ".mean");
  ASSERT_OK(Embed(options));
  ASSERT_OK_AND_ASSIGN(const Embeddings mean, Embeddings::Open("c", options.output()));
  ASSERT_EQ(ten.rows(), 10 * kImages);
  ASSERT_EQ(mean.rows(), kImages);
  EXPECT_OK(CheckComparable("center", center, "ten", ten));
  EXPECT_THAT(RequireOneRowPerImage("ten", ten),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("--ten has ten rows")));
  EXPECT_OK(RequireOneRowPerImage("mean", mean));
  double moved = 0;
  for (int64_t i = 0; i < kImages; ++i) {
    EXPECT_EQ(mean.ids()[i], center.ids()[i]);
    for (int64_t v = 0; v < 10; ++v) EXPECT_EQ(ten.ids()[10 * i + v], center.ids()[i]);
    for (int64_t c = 0; c < 64; ++c) {
      double sum = 0;
      for (int64_t v = 0; v < 10; ++v) sum += ten.features()[(10 * i + v) * 64 + c] / 10.0;
      EXPECT_NEAR(mean.features()[i * 64 + c], sum, 1e-5);
      // The fifth crop is the centre.
      EXPECT_NEAR(ten.features()[(10 * i + 4) * 64 + c], center.features()[i * 64 + c], 1e-4);
      moved += std::abs(ten.features()[10 * i * 64 + c] - center.features()[i * 64 + c]);
    }
  }
  EXPECT_GT(moved, 0.1);
  ASSERT_OK_AND_ASSIGN(const ClassTarget hue, ten.Target("hue"));
  EXPECT_EQ(hue.values[29], 0);
  EXPECT_EQ(hue.values[30], 1);
}

TEST(EmbedTest, LayersAndPatchesArePartOfThePreprocessingAndSaySo) {
  const std::string images = MakeImages("images");
  v1::EmbedOptions options = Options(MakeModel("model"), images);
  ASSERT_OK(Embed(options));
  ASSERT_OK_AND_ASSIGN(const Embeddings usual, Embeddings::Open("a", options.output()));
  EXPECT_EQ(usual.Metadata("readout"), "");
  options.set_layer(3);
  options.set_output(images + ".layer");
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Embed(options));
  EXPECT_THAT(outcome.manifest.notes(),
              Contains("features of layer 3 of 4, mean: 32 numbers, 1 row per image"));
  ASSERT_OK_AND_ASSIGN(const Embeddings layer, Embeddings::Open("b", options.output()));
  EXPECT_EQ(layer.columns(), 32);
  EXPECT_OK(RequireOneRowPerImage("b", layer));
  EXPECT_THAT(CheckComparable("a", usual, "b", layer),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("preprocess")));
  // 16 px at an eighth.
  options.set_tokens(v1::Readout::PATCHES);
  options.set_output(images + ".patches");
  ASSERT_OK(Embed(options));
  ASSERT_OK_AND_ASSIGN(const Embeddings patches, Embeddings::Open("c", options.output()));
  ASSERT_EQ(patches.rows(), 16 * kImages);
  EXPECT_THAT(RequireOneRowPerImage("c", patches),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("--c has 16 rows")));
  for (int64_t i = 0; i < kImages; ++i) {
    for (int64_t c = 0; c < 32; ++c) {
      double sum = 0;
      for (int64_t p = 0; p < 16; ++p) sum += patches.features()[(16 * i + p) * 32 + c] / 16.0;
      EXPECT_NEAR(layer.features()[i * 32 + c], sum, 1e-5);
    }
    EXPECT_EQ(patches.ids()[16 * i + 15], layer.ids()[i]);
  }
  options.set_crops(v1::EmbedOptions::TEN);
  EXPECT_THAT(Embed(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--tokens=patches")));
}

TEST(EmbedTest, FeaturesThatAreNotFiniteNameTheImage) {
  const std::string model = MakeModel("model", [](Backbone* backbone) {
    for (const NamedTensor& entry : backbone->state()) {
      if (entry.name.find("bn2.weight") != std::string::npos) entry.tensor.detach().fill_(1e38);
    }
  });
  EXPECT_THAT(Embed(Options(model, MakeImages("images"))),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("image 1 (picture 1)"), HasSubstr("diverged"))));
}

TEST(EmbedTest, AnImageThatCannotBeDecodedNamesItsRecord) {
  EXPECT_THAT(Embed(Options(MakeModel("model"), MakeImages("images", /*broken_image=*/9))),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("picture 9")));
}

TEST(EmbedTest, ModelsThatCannotBeUsedSayWhy) {
  const std::string images = MakeImages("images");
  EXPECT_THAT(Embed(Options(images + "/nowhere", images)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("nowhere")));
  EXPECT_THAT(Embed(Options(images, images)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("is no model")));

  const std::string incomplete = MakeModel("incomplete");
  std::filesystem::remove(incomplete + "/weights.safetensors");
  EXPECT_THAT(Embed(Options(incomplete, images)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("weights.safetensors")));

  v1::ModelSpec wider = TestModelSpec();
  wider.mutable_backbone()->set_width_factor(0.25);
  EXPECT_THAT(
      Embed(Options(MakeModel("wider", {}, wider), images)),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("backbone.conv1.weight is [8, 3, 3, 3]")));

  v1::ModelSpec no_std = TestModelSpec();
  no_std.clear_std();
  EXPECT_THAT(
      Embed(Options(MakeModel("no_std", {}, no_std), images)),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("model.textproto: mean and std")));
  v1::ModelSpec unknown = TestModelSpec();
  unknown.mutable_backbone()->set_architecture("alexnet");
  EXPECT_THAT(Embed(Options(MakeModel("unknown", {}, unknown), images)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("alexnet")));
}

TEST(EmbedTest, OptionsAreChecked) {
  const std::string images = MakeImages("images");
  const v1::EmbedOptions good = Options(MakeModel("model"), images);
  v1::EmbedOptions options = good;
  options.set_batch_size(0);
  EXPECT_THAT(Embed(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--batch_size")));
  options = good;
  options.set_resize_px(15);
  EXPECT_THAT(Embed(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("resize_px: 15")));
  options = good;
  options.set_split("validation");
  EXPECT_THAT(Embed(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("validation")));
  options = good;
  options.clear_model();
  EXPECT_THAT(Embed(options), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--model")));
}

TEST(EmbedTest, AnInterruptedRunLeavesNoOutput) {
  const v1::EmbedOptions options = Options(MakeModel("model"), MakeImages("images"));
  const std::atomic<bool> interrupted = true;
  EXPECT_THAT(RunStage(EmbedInfo(), options, {.threads = 2, .interrupted = &interrupted}, RunEmbed),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("interrupted")));
  EXPECT_FALSE(std::filesystem::exists(options.output()));
}

}  // namespace
}  // namespace cassle
