#include "cassle/augment/augment_and_record_stage.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "cassle/augment/policies/policy.h"
#include "cassle/augment/recording/recorded_views.h"
#include "cassle/augment/testing/test_images.h"
#include "cassle/augment/training_record.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/records/tfrecord.h"
#include "cassle/stage/stage_main.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;
using Options = v1::AugmentAndRecordOptions;

constexpr int kImages = 20;

std::string DatasetFolder() {
  static const std::string folder = MakeTestDataset("images", TestImageRecords(kImages));
  return folder;
}

Options BasicOptions(const std::string& name) {
  Options options;
  options.set_input(DatasetFolder());
  options.set_output(FreshPath(name));
  options.set_policy("cifar");
  options.set_seed(3);
  return options;
}

absl::Status RunRecorder(const Options& options, int threads = 1,
                         const std::atomic<bool>* interrupted = nullptr) {
  StageSettings settings;
  settings.threads = threads;
  settings.omit_costs = true;
  settings.interrupted = interrupted;
  return RunStage(AugmentAndRecordInfo(), options, settings, RunAugmentAndRecord).status();
}

// File name -> bytes.
std::map<std::string, std::string> Contents(const std::string& folder) {
  std::map<std::string, std::string> contents;
  const auto names = ListFilesBelow(folder);
  EXPECT_OK(names);
  if (!names.ok()) return contents;
  for (const std::string& name : *names) {
    contents[name] = ReadFile(JoinPath(folder, name)).value_or("?");
  }
  return contents;
}

TEST(AugmentAndRecordTest, WritesEveryViewWhereTheDescriptionSays) {
  Options options = BasicOptions("views");
  options.set_epochs(2);
  options.set_views(3);
  options.set_store(Options::PNG);
  options.set_records_per_shard(50);
  ASSERT_OK(RunRecorder(options, 2));
  ASSERT_OK_AND_ASSIGN(const auto views, RecordedViews::Open(options.output()));
  EXPECT_EQ(views->info().shards_size(), 3);
  EXPECT_EQ(views->info().shards(2).num_records(), 20);
  EXPECT_EQ(views->info().policy().name(), "cifar");
  EXPECT_EQ(views->info().split(), "train");
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (int image = 0; image < kImages; ++image) {
      for (int view = 0; view < 3; ++view) {
        v1::ViewRecord record;
        ASSERT_OK(views->Read(epoch, image, view, &record));
        EXPECT_EQ(record.has_label(), image % 7 != 6);
        RgbImage pixels;
        ASSERT_OK(DecodeViewPixels(record, &pixels));
        EXPECT_EQ(pixels.width, 32);
      }
    }
  }
}

// A policy file with these lines besides what it needs.
std::string PolicyFile(const std::string& lines) {
  const std::string path = FreshPath("policy.textproto");
  EXPECT_OK(WriteFile(path, R"(name: "mine" size: 16 mean: [0, 0, 0] std: [1, 1, 1]
    crop { scale_min: 0.5 scale_max: 1 ratio_min: 1 ratio_max: 1 }
    color_jitter { probability: 1 brightness: 0.4 } )" +
                                lines));
  return path;
}

TEST(AugmentAndRecordTest, PolicyDecidesTheNumberOfViews) {
  Options options = BasicOptions("three_views");
  options.clear_policy();
  options.set_policy_file(PolicyFile("views { count: 1 } views { count: 2 change { size: 8 } }"));
  options.set_store(Options::RAW);
  ASSERT_OK(RunRecorder(options));
  ASSERT_OK_AND_ASSIGN(const auto views, RecordedViews::Open(options.output()));
  EXPECT_EQ(views->info().views(), 3);
  v1::ViewRecord record;
  for (int view = 0; view < 3; ++view) {
    ASSERT_OK(views->Read(0, 4, view, &record));
    EXPECT_EQ(record.size(), view == 0 ? 16 : 8);
    EXPECT_EQ(record.pixels().size(), 3 * record.size() * record.size());
  }
  options.set_views(2);
  options.set_output(FreshPath("two_views"));
  EXPECT_THAT(RunRecorder(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr("--views=2 contradicts policy mine, which "
                                                       "fixes 3 views")));
}

TEST(AugmentAndRecordTest, OfficialCompatNeedsTheBatchSizeAndADataSet) {
  Options options = BasicOptions("official");
  options.clear_policy();
  options.set_policy_file(PolicyFile("compat: OFFICIAL"));
  EXPECT_THAT(RunRecorder(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("give --batch_size=N")));
  options.set_batch_size(5);
  ASSERT_OK(RunRecorder(options));
  options.set_input("-");
  options.set_output(FreshPath("from_stream"));
  EXPECT_THAT(RunRecorder(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name the data set folder")));
}

TEST(AugmentAndRecordTest, BytesDoNotDependOnThreads) {
  for (Options::Store store : {Options::PARAMS, Options::RAW, Options::JPEG}) {
    Options one = BasicOptions("one");
    one.set_store(store);
    Options seven = one;
    seven.set_output(FreshPath("seven"));
    ASSERT_OK(RunRecorder(one, 1));
    ASSERT_OK(RunRecorder(seven, 7));
    EXPECT_EQ(Contents(one.output()), Contents(seven.output()));
  }
}

// Leaves behind what a killed run of these options would: OUTPUT.partial with the given files.
void LeaveUnfinished(const Options& options, const std::map<std::string, std::string>& files) {
  const auto outcome =
      RunStageWork(AugmentAndRecordInfo(), options, {},
                   [&files](const google::protobuf::Message&, StageContext& context) {
                     for (const auto& [name, bytes] : files) {
                       EXPECT_OK(WriteFile(JoinPath(context.output_dir(), name), bytes));
                     }
                     return absl::CancelledError("killed");
                   });
  EXPECT_THAT(outcome, StatusIs(absl::StatusCode::kCancelled, ::testing::_));
  EXPECT_TRUE(IsDirectory(options.output() + ".partial"));
}

// Shards of 16 views of a run that was killed.
class KilledRunTest : public ::testing::Test {
 protected:
  // Fills expected_ with the files of an undisturbed run.
  void Record(int epochs) {
    options_ = BasicOptions("undisturbed");
    options_.set_epochs(epochs);
    options_.set_records_per_shard(16);
    ASSERT_OK(RunRecorder(options_));
    expected_ = Contents(options_.output());
  }

  // The run goes on from these files to the bytes of the undisturbed one; what it says.
  std::string GoOnFrom(const std::map<std::string, std::string>& left) {
    options_.set_output(FreshPath("killed"));
    LeaveUnfinished(options_, left);
    ::testing::internal::CaptureStderr();
    EXPECT_OK(RunRecorder(options_));
    EXPECT_EQ(Contents(options_.output()), expected_);
    return ::testing::internal::GetCapturedStderr();
  }

  Options options_;
  std::map<std::string, std::string> expected_;
};

TEST_F(KilledRunTest, GoesOnShardByShard) {
  // 120 views: eight shards.
  Record(/*epochs=*/3);
  const std::string& third = expected_.at("views-00002-of-00008.tfrecord");
  EXPECT_THAT(
      GoOnFrom({{"views-00000.tfrecord", expected_.at("views-00000-of-00008.tfrecord")},
                {"views-00000.tfrecord.index", expected_.at("views-00000-of-00008.tfrecord.index")},
                {"views-00001.tfrecord", expected_.at("views-00001-of-00008.tfrecord")},
                {"views-00001.tfrecord.index", expected_.at("views-00001-of-00008.tfrecord.index")},
                {"views-00002.tfrecord", third.substr(0, third.size() / 2)}}),
      HasSubstr("32 views are recorded already"));
}

TEST_F(KilledRunTest, DoesNotMakeShardsAgainThatHaveTheirNamesAlready) {
  Record(/*epochs=*/1);
  // Killed between the two names of the second.
  const std::string first = "views-00000-of-00003.tfrecord";
  const std::string second = "views-00001-of-00003.tfrecord";
  EXPECT_THAT(GoOnFrom({{first, expected_.at(first)},
                        {first + ".index", expected_.at(first + ".index")},
                        {second, expected_.at(second)},
                        {"views-00001.tfrecord.index", expected_.at(second + ".index")}}),
              HasSubstr("32 views are recorded already"));
}

TEST_F(KilledRunTest, MakesATornShardAgain) {
  Record(/*epochs=*/1);
  // The index survived, but the last pages of the shard did not.
  std::string bytes = expected_.at("views-00000-of-00003.tfrecord");
  for (size_t i = bytes.size() - 20; i < bytes.size(); ++i) bytes[i] = 0;
  GoOnFrom({{"views-00000.tfrecord", bytes},
            {"views-00000.tfrecord.index", expected_.at("views-00000-of-00003.tfrecord.index")}});
}

TEST(AugmentAndRecordTest, InterruptedRunIsCancelledAndLeavesNoOutput) {
  const Options options = BasicOptions("interrupted");
  const std::atomic<bool> interrupted{true};
  EXPECT_THAT(RunRecorder(options, 1, &interrupted),
              StatusIs(absl::StatusCode::kCancelled, ::testing::_));
  EXPECT_FALSE(FileExists(options.output()));
}

// Runs with stdin and stdout taken from and put into files.
absl::Status RunWithStreams(const Options& options, const std::string& in, const std::string& out) {
  const int old_in = dup(0);
  const int old_out = dup(1);
  const int in_fd = open(in.c_str(), O_RDONLY);
  const int out_fd = open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  dup2(in_fd, 0);
  dup2(out_fd, 1);
  const absl::Status status = RunRecorder(options, 2);
  dup2(old_in, 0);
  dup2(old_out, 1);
  for (int fd : {old_in, old_out, in_fd, out_fd}) close(fd);
  return status;
}

std::string WriteStream(const std::string& name, const std::vector<v1::ImageRecord>& records) {
  const std::string path = FreshPath(name);
  const auto writer = TfRecordWriter::Open(path);
  EXPECT_OK(writer);
  for (const auto& record : records) EXPECT_OK((*writer)->Append(record.SerializeAsString()));
  EXPECT_OK((*writer)->Close());
  return path;
}

TEST(AugmentAndRecordTest, StreamsCarryTheSameRecordsAsFolders) {
  Options folder = BasicOptions("from_folder");
  ASSERT_OK(RunRecorder(folder));
  ASSERT_OK_AND_ASSIGN(const std::string expected,
                       ReadFile(JoinPath(folder.output(), "views-00000-of-00001.tfrecord")));
  const std::string images = WriteStream("images.tfrecord", TestImageRecords(kImages));
  const std::string stdout_path = FreshPath("stdout.tfrecord");

  Options options = folder;
  options.set_input("-");
  options.set_output("-");
  ASSERT_OK(RunWithStreams(options, images, stdout_path));
  EXPECT_EQ(ReadFile(stdout_path).value_or(""), expected);

  options.set_output(FreshPath("from_stream"));
  ASSERT_OK(RunWithStreams(options, images, stdout_path));
  EXPECT_EQ(Contents(options.output()).at("views-00000-of-00001.tfrecord"), expected);

  options = folder;
  options.set_output("-");
  ASSERT_OK(RunWithStreams(options, images, stdout_path));
  EXPECT_EQ(ReadFile(stdout_path).value_or(""), expected);
}

TEST(AugmentAndRecordTest, DamagedStreamsAreNamed) {
  Options options = BasicOptions("damaged_stream");
  options.set_input("-");
  std::vector<v1::ImageRecord> records = TestImageRecords(3);
  records[2].set_id(7);
  const std::string gap = WriteStream("gap.tfrecord", records);
  const std::string out = FreshPath("unused");
  EXPECT_THAT(RunWithStreams(options, gap, out),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 2 has id 7 instead of 2")));
  const std::string whole = WriteStream("whole.tfrecord", TestImageRecords(3));
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFile(whole));
  ASSERT_OK(WriteFile(whole, bytes.substr(0, bytes.size() - 5)));
  EXPECT_THAT(RunWithStreams(options, whole, out),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 2")));
  ASSERT_OK(WriteFile(whole, ""));
  EXPECT_THAT(RunWithStreams(options, whole, out),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("no images")));
}

TEST(AugmentAndRecordTest, ContactSheetIsWrittenBesideTheOutput) {
  Options options = BasicOptions("with_sheet");
  options.set_contact_sheet(FreshPath("sheet.png"));
  ASSERT_OK(RunRecorder(options));
  ASSERT_OK_AND_ASSIGN(const std::string png, ReadFile(options.contact_sheet()));
  RgbImage sheet;
  ASSERT_OK(DecodeImage(png, &sheet));
  EXPECT_GT(sheet.width, 1000);
  EXPECT_GT(sheet.height, 800);
}

TEST(AugmentAndRecordTest, EveryPresetHasAContactSheet) {
  for (const std::string& preset : PresetNames()) {
    Options options = BasicOptions("preset_" + preset);
    options.set_policy(preset);
    options.set_contact_sheet(FreshPath("preset.png"));
    options.set_contact_sheet_images(3);
    ASSERT_OK(RunRecorder(options)) << preset;
    ASSERT_OK_AND_ASSIGN(const std::string png, ReadFile(options.contact_sheet()));
    ASSERT_OK_AND_ASSIGN(const ImageHeader header, ReadImageHeader(png));
    EXPECT_GE(header.width, 500) << preset;
    EXPECT_LE(header.width, 2200) << preset;
  }
  Options options = BasicOptions("no_images");
  options.set_contact_sheet_images(0);
  EXPECT_THAT(RunRecorder(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--contact_sheet_images=0")));
}

TEST(AugmentAndRecordTest, AContactSheetOfManyViewsShowsTheFirst) {
  const auto width_for = [](uint32_t views) {
    Options options = BasicOptions(absl::StrCat("views_", views));
    options.set_views(views);
    options.set_contact_sheet_images(1);
    options.set_contact_sheet(FreshPath("many.png"));
    EXPECT_OK(RunRecorder(options));
    return ReadImageHeader(ReadFile(options.contact_sheet()).value()).value().width;
  };
  EXPECT_LT(width_for(12), width_for(16));
  EXPECT_EQ(width_for(16), width_for(40));
}

TEST(AugmentAndRecordTest, AContactSheetThatCannotBeWrittenIsSaidFirst) {
  Options options = BasicOptions("sheet_is_folder");
  options.set_contact_sheet(::testing::TempDir());
  EXPECT_THAT(RunRecorder(options), StatusIs(absl::StatusCode::kPermissionDenied,
                                             HasSubstr("cannot be written: it is a folder")));
  EXPECT_FALSE(FileExists(options.output()));
}

TEST(AugmentAndRecordTest, OwnPolicyIsPartOfTheIdentity) {
  Options options = BasicOptions("own");
  options.clear_policy();
  options.set_policy_file(FreshPath("own.textproto"));
  ASSERT_OK_AND_ASSIGN(v1::Policy policy, LoadPolicy("cifar"));
  ASSERT_OK(WriteFile(options.policy_file(), PrintTextProto(policy)));
  ASSERT_OK(RunRecorder(options));
  policy.set_size(16);
  ASSERT_OK(WriteFile(options.policy_file(), PrintTextProto(policy)));
  EXPECT_THAT(RunRecorder(options),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("from other inputs")));
}

// Leaves what a training with such settings says of its batches. Those that are looked at have the
// names of these.
void LeaveTraining(const Options& options) {
  ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy("cifar"));
  ASSERT_OK(RunStageWork({.name = "pretrain", .version = 1, .summary = "", .resumable = false},
                         options, {}, [&](const google::protobuf::Message&, StageContext& context) {
                           return WriteFile(JoinPath(context.output_dir(), "policy.textproto"),
                                            PrintTextProto(policy));
                         }));
}

TEST(AugmentAndRecordTest, RecordsOfAStepAreThoseThatItsImagesAreRecordedWith) {
  Options options = BasicOptions("all_views");
  options.set_epochs(2);
  ASSERT_OK(RunRecorder(options));
  ASSERT_OK_AND_ASSIGN(const auto recorded, RecordedViews::Open(options.output()));
  options.set_output(FreshPath("trained"));
  options.set_batch_size(8);
  LeaveTraining(options);
  Options step;
  step.set_run(options.output());
  step.set_step(3);
  step.set_input(DatasetFolder());
  step.set_output(FreshPath("step"));
  ASSERT_OK(RunRecorder(step));
  ASSERT_OK_AND_ASSIGN(const auto reader, TfRecordReader::Open(JoinPath(
                                              step.output(), "views-00000-of-00001.tfrecord")));
  std::string payload;
  int labels = 0;
  for (int i = 0; i < 16; ++i) {
    ASSERT_OK_AND_ASSIGN(const bool more, reader->Next(&payload));
    ASSERT_TRUE(more);
    v1::ViewRecord found, expected;
    ASSERT_TRUE(found.ParseFromString(payload));
    ASSERT_OK(recorded->Read(/*epoch=*/1, found.image_id(), i % 2, &expected));
    EXPECT_EQ(found.DebugString(), expected.DebugString());
    labels += found.has_label();
  }
  EXPECT_GT(labels, 0);
}

TEST(AugmentAndRecordTest, ATrainingsSplitIsReadAsItIsCalled) {
  for (const std::string split : {"train", "tr\"ain\"", "back\\slash", "\xc3\xa9t\xc3\xa9"}) {
    Options options;
    options.set_output(FreshPath("training"));
    options.set_split(split);
    options.set_batch_size(4);
    LeaveTraining(options);
    ASSERT_OK_AND_ASSIGN(const TrainingRecord record, ReadTrainingRecord(options.output()));
    EXPECT_EQ(record.split, split);
    EXPECT_EQ(record.batch_size, 4);
  }
}

TEST(AugmentAndRecordTest, OnePixelIsEnough) {
  v1::ImageRecord record;
  record.set_format(v1::RAW_RGB8);
  record.set_encoded(std::string("\x10\x80\xf0", 3));
  record.set_height(1);
  record.set_width(1);
  Options options = BasicOptions("pixel");
  options.set_input(MakeTestDataset("one_pixel", {record}));
  options.set_contact_sheet(FreshPath("pixel.png"));
  options.set_policy("imagenet");
  ASSERT_OK(RunRecorder(options));
}

TEST(AugmentAndRecordTest, UsersMistakesAreNamedWithTheirExitCode) {
  const auto expect = [](const Options& options, int exit_code, const std::string& words) {
    const absl::Status status = RunRecorder(options);
    EXPECT_EQ(ExitCode(status), exit_code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(words));
  };
  Options options = BasicOptions("mistake");
  options.set_policy("cifra");
  expect(options, 64, "did you mean cifar?");
  options.set_policy("./mine.textproto");
  expect(options, 64, "--policy_file=./mine.textproto");
  options.clear_policy();
  expect(options, 64, "name one by --policy (");
  options = BasicOptions("mistake");
  options.set_policy_file("x");
  expect(options, 66, "x");
  options = BasicOptions("mistake");
  options.set_epochs(0);
  expect(options, 64, "--epochs=0");
  options = BasicOptions("mistake");
  options.set_input("-");
  options.set_epochs(2);
  expect(options, 64, "read only once");
  options = BasicOptions("mistake");
  options.set_store(Options::JPEG);
  options.set_jpeg_quality(101);
  expect(options, 64, "--jpeg_quality=101");
  options = BasicOptions("mistake");
  options.set_split("tset");
  expect(options, 64, "tset");
  options = BasicOptions("mistake");
  options.set_input("/no/such/folder");
  expect(options, 66, "/no/such/folder");
  options = BasicOptions("mistake");
  options.set_input(MakeTestDataset("empty", {}));
  expect(options, 65, "no images");
  options = BasicOptions("mistake");
  options.clear_policy();
  options.set_policy_file(FreshPath("bad.textproto"));
  ASSERT_OK(WriteFile(options.policy_file(), "size: 8\nblurr { kernel_px: 9 }\n"));
  expect(options, 64, "bad.textproto:2:");
}

TEST(AugmentAndRecordTest, DamagedImageIsNamed) {
  std::vector<v1::ImageRecord> records = TestImageRecords(3);
  records[1].mutable_encoded()->resize(40);
  Options options = BasicOptions("damaged");
  options.set_input(MakeTestDataset("damaged_images", records));
  EXPECT_THAT(RunRecorder(options),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("image 1 (image 1)")));
  EXPECT_FALSE(FileExists(options.output()));
}

}  // namespace
}  // namespace cassle
