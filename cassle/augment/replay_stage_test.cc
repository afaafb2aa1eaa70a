#include "cassle/augment/replay_stage.h"

#include <fcntl.h>
#include <unistd.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/augment/augment_and_record_stage.h"
#include "cassle/augment/pictures/view_comparison.h"
#include "cassle/augment/recording/recorded_views.h"
#include "cassle/augment/testing/test_images.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/records/tfrecord.h"
#include "cassle/stage/stage_main.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Recording = v1::AugmentAndRecordOptions;

constexpr int kImages = 20;

std::string DatasetFolder() {
  static const std::string folder = MakeTestDataset("images", TestImageRecords(kImages));
  return folder;
}

Recording RecordingOptions(const std::string& name, Recording::Store store) {
  Recording options;
  options.set_input(DatasetFolder());
  options.set_output(FreshPath(name));
  options.set_policy("cifar");
  options.set_seed(5);
  options.set_epochs(2);
  options.set_store(store);
  options.set_records_per_shard(33);
  return options;
}

std::string Record(const Recording& options) {
  EXPECT_OK(RunStage(AugmentAndRecordInfo(), options, {.threads = 2}, RunAugmentAndRecord));
  return options.output();
}

std::string Record(const std::string& name, Recording::Store store) {
  return Record(RecordingOptions(name, store));
}

struct Outcome {
  absl::Status status;
  nlohmann::json result;
};

Outcome Replay(const v1::ReplayOptions& options, int threads = 2) {
  Outcome outcome;
  outcome.status =
      RunStageWork(ReplayInfo(), options, {.threads = threads},
                   [&](const google::protobuf::Message& resolved, StageContext& context) {
                     const absl::Status status =
                         RunReplay(static_cast<const v1::ReplayOptions&>(resolved), context);
                     outcome.result = nlohmann::json::parse(context.result_json(), nullptr, false);
                     return status;
                   })
          .status();
  return outcome;
}

v1::ReplayOptions ReplayOf(const std::string& views, const std::string& input = DatasetFolder()) {
  v1::ReplayOptions options;
  options.set_input(input);
  options.set_views(views);
  return options;
}

// Writes a folder of views again with record `number` changed by `change`.
std::string Forge(const std::string& name, const std::string& views, int64_t number,
                  const std::function<void(v1::ViewRecord*)>& change) {
  const auto info = ReadViewsInfo(views);
  EXPECT_OK(info);
  const std::string folder = FreshPath(name);
  v1::AugmentAndRecordOptions options;
  options.set_output(folder);
  EXPECT_OK(RunStageWork({.name = "forger", .version = 1, .summary = "", .resumable = false},
                         options, {}, [&](const google::protobuf::Message&, StageContext& context) {
                           v1::ViewsInfo forged = *info;
                           int64_t at = 0;
                           for (v1::ShardInfo& shard : *forged.mutable_shards()) {
                             const std::string path = JoinPath(context.output_dir(), shard.file());
                             auto reader = TfRecordReader::Open(JoinPath(views, shard.file()));
                             auto writer = TfRecordWriter::Open(path, path + ".index");
                             std::string payload;
                             while ((*reader)->Next(&payload).value()) {
                               v1::ViewRecord record;
                               EXPECT_TRUE(record.ParseFromString(payload));
                               if (at++ == number) change(&record);
                               EXPECT_OK((*writer)->Append(record.SerializeAsString()));
                             }
                             EXPECT_OK((*writer)->Close());
                             shard.set_size_bytes((*writer)->size_bytes());
                           }
                           return WriteFile(JoinPath(context.output_dir(), kViewsInfoName),
                                            PrintTextProto(forged));
                         }));
  return folder;
}

TEST(ReplayTest, EqualViewsHaveOneFingerprintWhateverWasStoredAndHoweverManyThreads) {
  const Outcome expected = Replay(ReplayOf(Record("params", Recording::PARAMS)), 1);
  EXPECT_OK(expected.status);
  EXPECT_EQ(expected.result["records"], 80);
  EXPECT_EQ(expected.result["views_fingerprint"].get<std::string>().size(), 32);
  EXPECT_EQ(expected.result["compared"], nlohmann::json({"draws", "colour difference"}));
  for (Recording::Store store :
       {Recording::PARAMS, Recording::RAW, Recording::PNG, Recording::JPEG}) {
    const std::string views = Record(absl::StrCat("store_", store), store);
    for (int threads : {1, 2, 7}) {
      const Outcome outcome = Replay(ReplayOf(views), threads);
      EXPECT_OK(outcome.status);
      EXPECT_EQ(outcome.result["views_fingerprint"], expected.result["views_fingerprint"]);
    }
    // The stored pixels alone give it too, if they are exact.
    if (store == Recording::RAW || store == Recording::PNG) {
      const Outcome alone = Replay(ReplayOf(views, ""));
      EXPECT_OK(alone.status);
      EXPECT_EQ(alone.result["views_fingerprint"], expected.result["views_fingerprint"]);
    }
  }
  Recording other = RecordingOptions("other_seed", Recording::PARAMS);
  other.set_seed(6);
  EXPECT_NE(Replay(ReplayOf(Record(other))).result["views_fingerprint"],
            expected.result["views_fingerprint"]);
}

// All of them: replay_presets_test.
TEST(ReplayTest, PresetsOfThreeSizesReplay) {
  for (const char* policy : {"cifar", "stl10", "imagenet"}) {
    Recording options = RecordingOptions(policy, Recording::PNG);
    options.set_policy(policy);
    const Outcome outcome = Replay(ReplayOf(Record(options)));
    EXPECT_OK(outcome.status);
    EXPECT_EQ(outcome.result["compared"].size(), 3);
  }
}

TEST(ReplayTest, WrongParameterIsShownWithBothValues) {
  const std::string views = Record("true_parameters", Recording::PARAMS);
  const Outcome outcome =
      Replay(ReplayOf(Forge("false_parameter", views, 37, [](v1::ViewRecord* record) {
        record->set_flipped(!record->flipped());
      })));
  EXPECT_THAT(outcome.status,
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("1 of 80 views differ"),
                             HasSubstr("record 37 (view 1 of image 18, epoch 0): flipped: "),
                             HasSubstr("recorded "), HasSubstr(", replayed "))));
  EXPECT_EQ(ExitCode(outcome.status), 65);
  EXPECT_EQ(outcome.result["differences"], 1);

  const Outcome label = Replay(ReplayOf(
      Forge("false_label", views, 2, [](v1::ViewRecord* record) { record->set_label(77); })));
  EXPECT_THAT(std::string(label.status.message()), HasSubstr("label: recorded 77, replayed 1"));

  const Outcome box = Replay(ReplayOf(Forge("false_box", views, 0, [](v1::ViewRecord* record) {
    record->mutable_crop()->set_top(record->crop().top() + 1000);
  })));
  EXPECT_THAT(std::string(box.status.message()), HasSubstr("crop.top: recorded 10"));
}

TEST(ReplayTest, WrongColorDifferenceIsShown) {
  const std::string views = Record("true_color", Recording::PARAMS);
  int64_t number = -1;
  for (int64_t i = 0; i < 20 && number < 0; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto recorded, RecordedViews::Open(views));
    v1::ViewRecord record;
    ASSERT_OK(recorded->Read(0, i, 0, &record));
    if (record.has_color_jitter()) number = 2 * i;
  }
  ASSERT_GE(number, 0);
  const Outcome outcome =
      Replay(ReplayOf(Forge("false_color", views, number, [](v1::ViewRecord* record) {
        record->mutable_color_jitter()->set_color_difference(1, 0.5f);
      })));
  EXPECT_THAT(outcome.status,
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("color_jitter.color_difference[1]: recorded 0.5, replayed ")));
}

TEST(ReplayTest, WrongPixelIsShownWithItsPlaceAndAPicture) {
  const std::string views = Record("true_pixels", Recording::RAW);
  v1::ReplayOptions options = ReplayOf(Forge("false_pixels", views, 50, [](v1::ViewRecord* record) {
    std::string& pixels = *record->mutable_pixels();
    pixels[3 * (record->size() * 2 + 5) + 1] ^= 0x10;
    pixels[pixels.size() - 1] ^= 0x01;
  }));
  options.set_difference_image(FreshPath("difference.png"));
  const Outcome outcome = Replay(options);
  EXPECT_THAT(
      outcome.status,
      StatusIs(absl::StatusCode::kDataLoss,
               AllOf(HasSubstr("record 50 (view 0 of image 5, epoch 1): pixel at row 2, column 5, "
                               "green: recorded "),
                     HasSubstr("2 of "), HasSubstr("by at most 16"))));
  ASSERT_OK_AND_ASSIGN(const std::string png, ReadFile(options.difference_image()));
  RgbImage picture;
  ASSERT_OK(DecodeImage(png, &picture));
  EXPECT_GT(picture.width, 3 * 224);
  // Equal views leave no picture.
  v1::ReplayOptions equal = ReplayOf(views);
  equal.set_difference_image(FreshPath("none.png"));
  EXPECT_OK(Replay(equal).status);
  EXPECT_FALSE(FileExists(equal.difference_image()));
}

TEST(ReplayTest, JpegPixelsMayDifferALittleButNotMore) {
  const std::string views = Record("true_jpeg", Recording::JPEG);
  const auto changed = [&](const std::string& name, int levels) {
    return Forge(name, views, 3, [levels](v1::ViewRecord* record) {
      RgbImage pixels;
      EXPECT_OK(DecodeViewPixels(*record, &pixels));
      for (uint8_t& value : pixels.pixels) {
        value = static_cast<uint8_t>(std::min(255, value + levels));
      }
      const auto encoded = EncodeImage(pixels, v1::JPEG, 100);
      EXPECT_OK(encoded);
      record->set_pixels(*encoded);
    });
  };
  EXPECT_OK(Replay(ReplayOf(changed("near_jpeg", 2))).status);
  EXPECT_THAT(Replay(ReplayOf(changed("far_jpeg", 40))).status,
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 3 ")));
}

TEST(ReplayTest, SampleIsFixedAndPartsAndFilesCanBeChecked) {
  const std::string views = Record("sampled", Recording::PNG);
  v1::ReplayOptions sample = ReplayOf(views);
  sample.set_sample(7);
  const Outcome first = Replay(sample, 1);
  EXPECT_OK(first.status);
  EXPECT_EQ(first.result["records"], 7);
  EXPECT_EQ(Replay(sample, 3).result, first.result);

  Recording part = RecordingOptions("a_part", Recording::PNG);
  part.set_shard_index(1);
  part.set_num_shards(2);
  const Outcome of_part = Replay(ReplayOf(Record(part)));
  EXPECT_OK(of_part.status);
  EXPECT_EQ(of_part.result["records"], 47);

  const std::string shard = JoinPath(views, "views-00001-of-00003.tfrecord");
  const Outcome of_file = Replay(ReplayOf(shard));
  EXPECT_OK(of_file.status);
  EXPECT_EQ(of_file.result["records"], 33);
  EXPECT_EQ(of_file.result["compared"].size(), 3);

  // Away from its folder, a file has no seed and no policy unless they are given.
  const std::string alone = FreshPath("alone.tfrecord");
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFile(shard));
  ASSERT_OK(WriteFile(alone, bytes));
  const Outcome lone = Replay(ReplayOf(alone));
  EXPECT_OK(lone.status);
  EXPECT_EQ(lone.result["compared"], nlohmann::json({"colour difference", "pixels"}));
  EXPECT_EQ(lone.result["views_fingerprint"], of_file.result["views_fingerprint"]);
  v1::ReplayOptions told = ReplayOf(alone);
  told.set_policy("cifar");
  told.set_seed(5);
  EXPECT_OK(Replay(told).status);
  told.set_seed(4);
  EXPECT_THAT(Replay(told).status, StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 0 ")));
  // Nor the quality of JPEG pixels.
  const std::string jpeg = FreshPath("alone_jpeg.tfrecord");
  const std::string lossy = Record(RecordingOptions("jpeg_folder", Recording::JPEG));
  ASSERT_OK(LinkOrCopy(JoinPath(lossy, "views-00000-of-00003.tfrecord"), jpeg));
  ::testing::internal::CaptureStderr();
  const Outcome lone_jpeg = Replay(ReplayOf(jpeg));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("JPEG pixels are not compared: their quality stands in views.textproto"));
  EXPECT_OK(lone_jpeg.status);
  EXPECT_EQ(lone_jpeg.result["compared"], nlohmann::json({"colour difference"}));
  // Nor anything to compare with, without its images.
  ::testing::internal::CaptureStderr();
  const Outcome whole = Replay(ReplayOf(alone, ""));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("nothing was compared"));
  EXPECT_OK(whole.status);
  EXPECT_TRUE(whole.result["compared"].empty());
  EXPECT_EQ(whole.result["views_fingerprint"], of_file.result["views_fingerprint"]);
}

TEST(ReplayTest, ImpossibleParametersAreFoundWithoutImagesAndPolicy) {
  const std::string folder =
      Forge("impossible", Record("possible", Recording::PNG), 3,
            [](v1::ViewRecord* record) { record->mutable_crop()->set_top(1000); });
  const std::string alone = FreshPath("impossible.tfrecord");
  ASSERT_OK(LinkOrCopy(JoinPath(folder, "views-00000-of-00003.tfrecord"), alone));
  EXPECT_THAT(Replay(ReplayOf(alone, "")).status,
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("1 of 33 views differ"), HasSubstr("record 3 "),
                             HasSubstr("does not lie inside the source"))));
}

TEST(ReplayTest, TheDifferenceIsNamedAlsoWhereItsPictureCannotBeWritten) {
  v1::ReplayOptions options =
      ReplayOf(Forge("no_picture", Record("pictured", Recording::PARAMS), 4,
                     [](v1::ViewRecord* record) { record->set_flipped(!record->flipped()); }));
  options.set_difference_image("/no/such/folder/difference.png");
  EXPECT_THAT(Replay(options).status,
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("1 of 80 views differ"), HasSubstr("record 4 "),
                             HasSubstr("without a picture: cannot write /no/such/folder"))));
}

TEST(ReplayTest, MistakesAreNamedWithTheirExitCode) {
  const std::string views = Record("mistaken", Recording::PARAMS);
  const auto expect = [](const v1::ReplayOptions& options, int exit_code,
                         const std::string& words) {
    const absl::Status status = Replay(options).status;
    EXPECT_EQ(ExitCode(status), exit_code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(words));
  };
  expect(v1::ReplayOptions(), 64, "--views is missing");
  expect(ReplayOf("/no/such/views"), 66, "/no/such/views");
  expect(ReplayOf(views, "/no/such/images"), 66, "/no/such/images");
  expect(ReplayOf(views, ""), 65, "without its pixels");
  expect(ReplayOf(DatasetFolder()), 65, "is no folder of recorded views");
  expect(ReplayOf(views, MakeTestDataset("others", TestImageRecords(kImages, /*salt=*/1))), 65,
         "fingerprint");
  v1::ReplayOptions options = ReplayOf(views);
  options.set_sample(81);
  expect(options, 64, "has 80 records");
  options.set_sample(-1);
  expect(options, 64, "--sample=-1");
  options = ReplayOf(views);
  options.set_policy("imagenet");
  expect(options, 64, "leave --policy");
  options = ReplayOf(views);
  for (const uint64_t seed : {0, 4}) {
    options.set_seed(seed);
    expect(options, 64, absl::StrCat("drawn with seed 5, not ", seed, ": leave --seed out"));
  }
  options.set_seed(5);
  EXPECT_OK(Replay(options).status);
  // What would say nothing.
  const std::string alone = FreshPath("alone.tfrecord");
  ASSERT_OK(LinkOrCopy(JoinPath(views, "views-00000-of-00003.tfrecord"), alone));
  options = ReplayOf(alone);
  options.set_seed(4);
  expect(options, 64, "name it by --policy");
  options = ReplayOf(Record("mistaken_pixels", Recording::RAW), "");
  options.set_split("train");
  expect(options, 64, "--split=train is of the data set");
}

TEST(ReplayTest, ADescriptionThatCannotBeTrueIsDamage) {
  const std::string views = Record("without_views", Recording::PNG);
  const std::string path = JoinPath(views, kViewsInfoName);
  ASSERT_OK_AND_ASSIGN(std::string text, ReadFile(path));
  const size_t at = text.find("num_images: ") + 12;
  ASSERT_LT(at, text.size());
  // As many bytes as before: the manifest has nothing to say.
  for (size_t i = at; text[i] != '\n'; ++i) text[i] = '0';
  ASSERT_OK(WriteFile(path, text));
  EXPECT_THAT(Replay(ReplayOf(views)).status,
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr(kViewsInfoName), HasSubstr("no 0 images"))));
}

TEST(ReplayTest, CountsThatNoRecordingHasAreDamage) {
  Recording part = RecordingOptions("counted_part", Recording::PARAMS);
  part.set_shard_index(1);
  part.set_num_shards(2);
  const std::string views = Record(part);
  ASSERT_OK_AND_ASSIGN(const v1::ViewsInfo info, ReadViewsInfo(views));
  const auto expect = [&](void (*change)(v1::ViewsInfo*), const std::string& words) {
    v1::ViewsInfo changed = info;
    change(&changed);
    const std::string folder = FreshPath("counted");
    v1::AugmentAndRecordOptions options;
    options.set_output(folder);
    ASSERT_OK(RunStageWork(
        {.name = "forger", .version = 1, .summary = "", .resumable = false}, options, {},
        [&](const google::protobuf::Message&, StageContext& context) {
          return WriteFile(JoinPath(context.output_dir(), kViewsInfoName), PrintTextProto(changed));
        }));
    EXPECT_THAT(
        Replay(ReplayOf(folder)).status,
        StatusIs(absl::StatusCode::kDataLoss, AllOf(HasSubstr(kViewsInfoName), HasSubstr(words))));
  };
  expect([](v1::ViewsInfo* info) { info->set_views(0xffffffff); }, "4294967295 views");
  expect([](v1::ViewsInfo* info) { info->mutable_policy()->add_views()->set_count(1); },
         "2 views of policy cifar, which has 1");
  expect([](v1::ViewsInfo* info) { info->set_pixel_format(v1::JPEG); }, "JPEG quality 0");
  expect([](v1::ViewsInfo* info) { info->mutable_part()->set_index(-1); }, "no part -1 of 2");
  expect([](v1::ViewsInfo* info) { info->mutable_part()->set_count(INT64_MAX); }, "no part 1 of");
  expect([](v1::ViewsInfo* info) { info->mutable_part()->set_first_shard(INT64_MAX); },
         "with shards 9223372036854775807 to 3 of 3");
  expect([](v1::ViewsInfo* info) { info->mutable_part()->set_total_shards(INT64_MAX); },
         "with shards 1 to 3 of 9223372036854775807");
  expect([](v1::ViewsInfo* info) { info->mutable_shards(0)->set_num_records(-1); },
         "shard 0 has -1 records instead of 33");
  expect(
      [](v1::ViewsInfo* info) {
        info->clear_part();
        info->set_num_images(1);
      },
      "records more than 1 images");
  expect([](v1::ViewsInfo* info) { info->clear_part(); }, "records fewer than");
}

TEST(ReplayTest, DamagedRecordsAreNamed) {
  const std::string views = Record("to_damage", Recording::PNG);
  const std::string shard = JoinPath(views, "views-00001-of-00003.tfrecord");
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFile(shard));
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_OK(WriteFile(shard, bytes));
  EXPECT_THAT(Replay(ReplayOf(views)).status,
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("views-00001-of-00003.tfrecord"), HasSubstr("checksum"))));
}

}  // namespace
}  // namespace cassle
