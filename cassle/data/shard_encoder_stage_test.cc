#include "cassle/data/shard_encoder_stage.h"

#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/records/class_target.h"
#include "cassle/data/records/dataset.h"
#include "cassle/data/records/pixel_hashes.h"
#include "cassle/data/sources/source_testutil.h"
#include "cassle/stage/stage_main.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using Options = v1::ShardEncoderOptions;

absl::StatusOr<StageOutcome> Encode(const Options& options, int threads = 1) {
  return RunStage(ShardEncoderInfo(), options, {.threads = threads, .omit_costs = true},
                  RunShardEncoder);
}

// The exit code and message of a run that must fail.
void ExpectFailure(const Options& options, int exit_code, const std::string& message) {
  const auto outcome = Encode(options);
  EXPECT_EQ(ExitCode(outcome.status()), exit_code) << outcome.status();
  EXPECT_THAT(std::string(outcome.status().message()), HasSubstr(message));
  EXPECT_FALSE(FileExists(options.output()));
}

Options FolderOptions(const std::string& input, const std::string& output) {
  Options options;
  options.set_input(input);
  options.set_output(output);
  return options;
}

// Two classes of 20 pictures with one that cannot be read.
std::string MakePhotos(const std::string& name, bool with_bad) {
  const std::string root = FreshFolder(name);
  for (int i = 0; i < 20; ++i) {
    PutFile(absl::StrCat(root, "/train/cat/", 10 + i, ".png"), FlatPng(4 + i, 6, 10, 20, 5 * i));
    PutFile(absl::StrCat(root, "/train/dog/", 10 + i, ".jpg"), FlatJpeg(6, 4 + i, 90, 5 * i, 0));
  }
  PutFile(root + "/test/dog/1.png", FlatPng(3, 3, 1, 2, 3));
  if (with_bad) PutFile(root + "/train/cat/15b.png", FlatPng(9, 9, 1, 1, 1).substr(0, 60));
  return root;
}

std::map<std::string, std::string> Contents(const std::string& folder) {
  std::map<std::string, std::string> contents;
  const std::vector<std::string> names = ListDirectory(folder).value();
  for (const std::string& name : names) {
    contents[name] = ReadFile(JoinPath(folder, name)).value();
  }
  return contents;
}

TEST(ShardEncoderTest, KeepsTheBytesOfTheFilesAndCountsIdsOverAllSplits) {
  const std::string root = MakePhotos("keep", /*with_bad=*/false);
  const std::string output = FreshFolder("keep_out") + "/data";
  ASSERT_OK(Encode(FolderOptions(root, output)));
  ASSERT_OK_AND_ASSIGN(const auto train, Dataset::Open(output));
  EXPECT_EQ(train->size(), 40);
  EXPECT_THAT(train->info().classes(), ElementsAre("cat", "dog"));
  EXPECT_THAT(train->split().class_counts(), ElementsAre(20, 20));
  v1::ImageRecord record;
  RgbImage image;
  ASSERT_OK(train->ReadImage(3, &record, &image));
  EXPECT_EQ(record.key(), "train/cat/13.png");
  EXPECT_EQ(record.encoded(), FlatPng(7, 6, 10, 20, 15));
  EXPECT_EQ(image.height, 7);
  EXPECT_EQ(image.At(6, 5)[2], 15);
  ASSERT_OK_AND_ASSIGN(const auto test, Dataset::Open(output, "test"));
  ASSERT_OK(test->Read(0, &record));
  EXPECT_EQ(record.id(), 40);
  EXPECT_EQ(record.label(), 1);
}

TEST(ShardEncoderTest, TheSameBytesForAnyNumberOfThreads) {
  const std::string folder = FreshFolder("threads");
  Options options;
  options.set_source(v1::DatasetLayout::SHAPES);
  options.mutable_shapes()->set_num_train(700);
  options.mutable_shapes()->set_num_test(50);
  options.set_val_fraction(0.2);
  options.set_max_shard_bytes(300000);
  options.set_store(Options::PNG);
  std::map<std::string, std::string> first;
  for (int threads : {1, 2, 7}) {
    options.set_output(absl::StrCat(folder, "/", threads));
    ASSERT_OK(Encode(options, threads));
    const auto contents = Contents(options.output());
    EXPECT_GE(contents.size(), 10);
    if (first.empty()) first = contents;
    EXPECT_TRUE(contents == first) << threads << " threads";
  }
}

TEST(ShardEncoderTest, EveryImageHasTheHashOfItsPixelsWhateverItsFileAndSplit) {
  const std::string root = MakePhotos("hashes", /*with_bad=*/true);
  // The pixels of a JPEG file of train, as PNG in test.
  RgbImage twin;
  ASSERT_OK(DecodeImage(ReadFile(root + "/train/dog/12.jpg").value(), &twin));
  PutFile(root + "/test/dog/2.png", EncodePng(twin).value());
  Options options = FolderOptions(root, FreshFolder("hashes.shards") + "/out");
  options.set_max_bad_fraction(0.5);
  options.set_val_fraction(0.3);
  options.set_limit(25);
  ASSERT_OK(Encode(options, 3));
  std::map<PixelHash, std::string> train, test;
  for (const char* split : {"train", "val", "test"}) {
    ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(options.output(), split));
    ASSERT_OK_AND_ASSIGN(const std::vector<PixelHash> hashes,
                         ReadPixelHashes(options.output(), data->split()));
    ASSERT_EQ(static_cast<int64_t>(hashes.size()), data->size()) << split;
    for (int64_t i = 0; i < data->size(); ++i) {
      v1::ImageRecord record;
      RgbImage image;
      ASSERT_OK(data->ReadImage(i, &record, &image));
      EXPECT_EQ(hashes[i], HashPixels(image)) << record.key();
      (split == std::string("test") ? test : train)[hashes[i]] = record.key();
    }
  }
  EXPECT_EQ(train[HashPixels(twin)], "train/dog/12.jpg");
  EXPECT_EQ(test[HashPixels(twin)], "test/dog/2.png");
}

TEST(ShardEncoderTest, MeanAndDeviationAreThoseOfTheFirstSplit) {
  const std::string root = FreshFolder("moments");
  PutFile(root + "/train/a/1.png", FlatPng(1, 1, 0, 51, 255));
  PutFile(root + "/train/a/2.png", FlatPng(1, 3, 102, 51, 255));
  PutFile(root + "/test/a/1.png", FlatPng(9, 9, 200, 200, 200));
  const std::string output = FreshFolder("moments_out") + "/data";
  ASSERT_OK(Encode(FolderOptions(root, output)));
  ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(output));
  // Red: 0 once and 0.4 three times: mean 0.3, variance 0.03.
  EXPECT_NEAR(data->info().channel_mean(0), 0.3, 1e-12);
  EXPECT_NEAR(data->info().channel_std(0), std::sqrt(0.03), 1e-12);
  EXPECT_NEAR(data->info().channel_mean(1), 0.2, 1e-12);
  EXPECT_EQ(data->info().channel_std(2), 0);
}

TEST(ShardEncoderTest, MeanAndDeviationOfLargeBrightImagesAreExact) {
  // More than 65,536 x 16 pixels at the largest value, and some that fill no vector.
  const std::string root = FreshFolder("bright");
  PutFile(root + "/a/1.png", FlatPng(1050, 1001, 255, 255, 255));
  PutFile(root + "/a/2.png", FlatPng(1, 1, 255, 255, 255));
  const std::string output = FreshFolder("bright.shards") + "/out";
  ASSERT_OK(Encode(FolderOptions(root, output)));
  ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(output));
  EXPECT_THAT(data->info().channel_mean(), ElementsAre(1, 1, 1));
  EXPECT_THAT(data->info().channel_std(), ElementsAre(0, 0, 0));
}

TEST(ShardEncoderTest, ABadImageStopsTheRunAndIsNamedWithTheRemedy) {
  const std::string root = MakePhotos("bad", /*with_bad=*/true);
  const std::string output = FreshFolder("bad_out") + "/data";
  Options options = FolderOptions(root, output);
  ExpectFailure(options, 65,
                "1 of 42 images cannot be read; the first is train/cat/15b.png: PNG: ");
  ExpectFailure(options, 65, "--max_bad_fraction=0.02");
  options.set_max_bad_fraction(0.03);
  ASSERT_OK(Encode(options));
  ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(output));
  EXPECT_EQ(data->size(), 40);
  ASSERT_OK_AND_ASSIGN(const std::string list, ReadFile(output + "/quarantine.csv"));
  EXPECT_THAT(list, HasSubstr("split,key,reason\ntrain,\"train/cat/15b.png\",\"PNG: "));
}

// Keys that several archives have begin with the archive's name.
TEST(ShardEncoderTest, AKeyOfTheSplitListThatTwoArchivesHaveIsAnError) {
  const std::string root = FreshFolder("same_keys");
  for (int j = 0; j < 2; ++j) {
    PutFile(absl::StrCat(root, "/train-", j, ".tar"), MakeTar({{"0.png", FlatPng(1, 1, j, 1, 1)}}));
  }
  const std::string lists = FreshFolder("same_keys_list");
  PutFile(lists + "/split.list", "\xef\xbb\xbftrain/0.png val\r\n");
  Options options = FolderOptions(root, FreshFolder("same_keys_out") + "/data");
  options.set_split_list(lists + "/split.list");
  ExpectFailure(options, 65, "names 'train/0.png', which the input does not have");
  PutFile(lists + "/split.list", "train/train-1.tar/0.png val\r\n");
  ASSERT_OK(Encode(options));
  ASSERT_OK_AND_ASSIGN(const auto val, Dataset::Open(options.output(), "val"));
  EXPECT_EQ(val->size(), 1);
}

TEST(ShardEncoderTest, ClassesWithoutAnImageAreSaid) {
  const std::string root = FreshFolder("empty_classes");
  PutFile(root + "/train.tar", MakeTar({{"0.png", FlatPng(1, 1, 1, 1, 1)}, {"0.cls", "3"}}));
  Options options = FolderOptions(root, FreshFolder("empty_classes_out") + "/data");
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Encode(options));
  EXPECT_THAT(outcome.manifest.notes(), Contains("3 of 4 classes have no image (0, ...)"));
  PutFile(root + "/classes.txt", "\xef\xbb\xbfone\ntwo\nthree\nfour\n");
  options.set_output(FreshFolder("empty_classes_out") + "/named");
  ASSERT_OK(Encode(options));
  ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(options.output()));
  EXPECT_THAT(data->info().classes(), ElementsAre("one", "two", "three", "four"));
}

TEST(ShardEncoderTest, FilesThatOptionsNameAreNotUnread) {
  const std::string root = FreshFolder("named_files");
  PutFile(root + "/a/train.tar", MakeTar({{"0.png", FlatPng(1, 1, 1, 1, 1)}, {"0.cls", "0"}}));
  PutFile(root + "/f/train/cat/0.png", FlatPng(1, 1, 1, 1, 1));
  for (const std::string& input : {root + "/a", root + "/f"}) {
    PutFile(input + "/names.txt", "cat\n");
    PutFile(input + "/coarse.txt", "pet\n");
    Options options = FolderOptions(input, input + "_out");
    ASSERT_OK_AND_ASSIGN(const StageOutcome unread, Encode(options));
    EXPECT_THAT(unread.manifest.notes(), Contains(HasSubstr("skipped")));
    options.set_classes(input + "/names.txt");
    options.set_coarse(root + "/./" + BaseName(input) + "/coarse.txt");
    options.set_output(input + "_named");
    ASSERT_OK_AND_ASSIGN(const StageOutcome read, Encode(options));
    EXPECT_THAT(read.manifest.notes(), Not(Contains(HasSubstr("skipped"))));
  }
}

TEST(ShardEncoderTest, AClassWithoutANameIsNamedByItsLine) {
  const std::string root = FreshFolder("nameless_class");
  PutFile(root + "/train.tar", MakeTar({{"0.png", FlatPng(1, 1, 1, 1, 1)}, {"0.cls", "1"}}));
  PutFile(root + "/names.txt", "one\n\ntwo\n");
  Options options = FolderOptions(root, FreshFolder("nameless_class_out") + "/data");
  options.set_classes(root + "/names.txt");
  ExpectFailure(options, 65, "names.txt:2: the line is empty");
  // As in what lies beside the archive.
  options.clear_classes();
  PutFile(root + "/classes.txt", "one\none\n");
  ExpectFailure(options, 65, "classes.txt:2: the class 'one' is named twice");
}

TEST(ShardEncoderTest, WithoutImagesThereIsNoDataSet) {
  const std::string out = FreshFolder("none_out") + "/data";
  ExpectFailure(FolderOptions(FreshFolder("none"), out), 65, "there are no images");
  const std::string hub = FreshFolder("hub");
  PutFile(hub + "/data/train-00000-of-00001.parquet", "PAR1....");
  ExpectFailure(FolderOptions(hub, out), 65, "is Parquet, which is not read");
  Options shapes;
  shapes.set_source(v1::DatasetLayout::SHAPES);
  shapes.mutable_shapes()->set_num_train(0);
  shapes.mutable_shapes()->set_num_test(0);
  shapes.set_output(out);
  ExpectFailure(shapes, 65, "there are no images");
  const std::string root = FreshFolder("all_bad");
  PutFile(root + "/a/1.png", "no picture");
  Options options = FolderOptions(root, out);
  options.set_max_bad_fraction(1);
  ExpectFailure(options, 65, "1 of 1 images cannot be read; the first is train/a/1.png: neither");
  // Images that were not wanted are no foreign format.
  PutFile(root + "/a/1.png", FlatPng(2, 2, 1, 2, 3));
  options.add_leave_out("*");
  ExpectFailure(options, 65, "all_bad: there are no images (layout folder): ");
}

TEST(ShardEncoderTest, OneClassAndOnePixelAreFine) {
  const std::string root = FreshFolder("tiny");
  PutFile(root + "/only/1.png", FlatPng(1, 1, 1, 2, 3));
  const std::string output = FreshFolder("tiny_out") + "/data";
  ASSERT_OK(Encode(FolderOptions(root, output)));
  ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(output));
  v1::ImageRecord record;
  RgbImage image;
  ASSERT_OK(data->ReadImage(0, &record, &image));
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{1, 2, 3}));
}

TEST(ShardEncoderTest, ImagesAboveThePixelLimitAreBad) {
  const std::string root = FreshFolder("huge");
  PutFile(root + "/a/1.png", FlatPng(20, 20, 1, 2, 3));
  Options options = FolderOptions(root, FreshFolder("huge_out") + "/data");
  options.set_max_pixels(399);
  ExpectFailure(options, 65, "20x20 are 400 pixels, more than the limit of 399");
}

TEST(ShardEncoderTest, MissingAndUnreadableInputIsNotFound) {
  const std::string out = FreshFolder("missing_out") + "/data";
  ExpectFailure(FolderOptions("/nowhere/photos", out), 66, "/nowhere/photos");
  const std::string root = FreshFolder("in_the_way");
  PutFile(root + "/file", "x");
  ExpectFailure(FolderOptions(root + "/file/photos", out), 66, "/file/photos");
  Options nothing;
  nothing.set_output(out);
  ExpectFailure(nothing, 64, "--input is missing");
}

TEST(ShardEncoderTest, AFullDiskIsReportedAndLeavesNoOutput) {
  signal(SIGXFSZ, SIG_IGN);
  Options options;
  options.set_source(v1::DatasetLayout::SHAPES);
  options.mutable_shapes()->set_num_train(600);
  options.set_output(FreshFolder("full") + "/data");
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = 100000;
  setrlimit(RLIMIT_FSIZE, &small);
  const auto outcome = Encode(options);
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(ExitCode(outcome.status()), 73) << outcome.status();
  EXPECT_FALSE(FileExists(options.output()));
  EXPECT_THAT(Dataset::Open(options.output()), StatusIs(absl::StatusCode::kNotFound, Not("")));
}

TEST(ShardEncoderTest, ResizeShrinksTheShortSideAndKeepsSmallerFilesAsTheyAre) {
  const std::string root = FreshFolder("resize");
  PutFile(root + "/a/1.jpg", FlatJpeg(40, 61, 100, 150, 200));
  PutFile(root + "/a/2.png", FlatPng(33, 32, 9, 8, 7));
  PutFile(root + "/a/3.jpg", FlatJpeg(10, 90, 100, 150, 200));
  Options options = FolderOptions(root, FreshFolder("resize_out") + "/data");
  options.set_resize_short(20);
  ASSERT_OK(Encode(options));
  ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(options.output()));
  v1::ImageRecord record;
  RgbImage image;
  ASSERT_OK(data->ReadImage(0, &record, &image));
  EXPECT_EQ(record.format(), v1::JPEG);
  EXPECT_EQ(image.height, 20);
  EXPECT_EQ(image.width, 30);
  EXPECT_NEAR(image.At(5, 5)[1], 150, 2);
  ASSERT_OK(data->ReadImage(1, &record, &image));
  EXPECT_EQ(record.format(), v1::PNG);
  EXPECT_EQ(image.height, 20);
  EXPECT_EQ(image.width, 20);
  EXPECT_EQ(image.At(19, 19)[0], 9);
  ASSERT_OK(data->Read(2, &record));
  EXPECT_EQ(record.encoded(), FlatJpeg(10, 90, 100, 150, 200));
}

TEST(ShardEncoderTest, StoreRawHoldsThePixels) {
  const std::string root = FreshFolder("raw");
  PutFile(root + "/a/1.png", FlatPng(2, 1, 7, 8, 9));
  Options options = FolderOptions(root, FreshFolder("raw_out") + "/data");
  options.set_store(Options::RAW);
  ASSERT_OK(Encode(options));
  ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(options.output()));
  v1::ImageRecord record;
  ASSERT_OK(data->Read(0, &record));
  EXPECT_EQ(record.format(), v1::RAW_RGB8);
  EXPECT_EQ(record.encoded(), "\x07\x08\x09\x07\x08\x09");
}

TEST(ShardEncoderTest, ValFractionDrawsTheSameImagesForTheSameSeed) {
  Options options;
  options.set_source(v1::DatasetLayout::SHAPES);
  options.mutable_shapes()->set_num_train(500);
  options.mutable_shapes()->set_num_test(20);
  options.set_val_fraction(0.3);
  const std::string folder = FreshFolder("val");
  std::vector<std::vector<std::string>> keys;
  for (int run = 0; run < 3; ++run) {
    options.set_output(absl::StrCat(folder, "/", run));
    options.set_split_seed(run < 2 ? 1 : 2);
    ASSERT_OK(Encode(options));
    ASSERT_OK_AND_ASSIGN(const auto val, Dataset::Open(options.output(), "val"));
    // Five deviations of a binomial draw.
    EXPECT_NEAR(val->size(), 150, 5 * std::sqrt(500 * 0.3 * 0.7));
    ASSERT_OK_AND_ASSIGN(const auto train, Dataset::Open(options.output()));
    EXPECT_EQ(train->size() + val->size(), 500);
    EXPECT_EQ(val->first_id(), train->size());
    keys.emplace_back();
    v1::ImageRecord record;
    for (int64_t i = 0; i < val->size(); ++i) {
      ASSERT_OK(val->Read(i, &record));
      keys.back().push_back(record.key());
    }
    ASSERT_OK_AND_ASSIGN(const auto test, Dataset::Open(options.output(), "test"));
    EXPECT_EQ(test->first_id(), 500);
  }
  EXPECT_EQ(keys[0], keys[1]);
  EXPECT_NE(keys[0], keys[2]);
}

TEST(ShardEncoderTest, AListPutsImagesIntoSplitsByName) {
  const std::string root = MakePhotos("list", /*with_bad=*/false);
  const std::string list = FreshFolder("list_file") + "/splits.txt";
  PutFile(list, "# held out\ntrain/cat/10.png val\ntest/dog/1.png\ttrain\n");
  Options options = FolderOptions(root, FreshFolder("list_out") + "/data");
  options.set_split_list(list);
  ASSERT_OK(Encode(options));
  ASSERT_OK_AND_ASSIGN(const auto val, Dataset::Open(options.output(), "val"));
  EXPECT_EQ(val->size(), 1);
  ASSERT_OK_AND_ASSIGN(const auto train, Dataset::Open(options.output(), "train"));
  EXPECT_EQ(train->size(), 40);
  EXPECT_THAT(Dataset::Open(options.output(), "test"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("has no split 'test'; it has train, val")));
  PutFile(list, "train/cat/99.png val\n");
  options.set_output(FreshFolder("list_typo") + "/data");
  ExpectFailure(options, 65,
                "splits.txt:1 names 'train/cat/99.png', which the input does not have (1 of 1 keys "
                "are unknown); its keys are like train/cat/");
}

TEST(ShardEncoderTest, AListFindsImagesHoweverTheirPathsAreWritten) {
  const std::string root = FreshFolder("list_paths");
  // Latin-1, as Linux may have it; decomposed, as macOS has it; composed.
  for (const char* name : {"caf\xe9", "cafe\xcc\x81", "th\xc3\xa9", "1", "2", "3", "4"}) {
    PutFile(absl::StrCat(root, "/cat/", name, ".png"), FlatPng(1, 1, 1, 1, 1));
  }
  const std::string list = FreshFolder("list_paths_file") + "/splits.txt";
  PutFile(list,
          "cat/caf\xe9.png val\ncat/caf\xc3\xa9.png val\ncat/the\xcc\x81.png val\n"
          "./cat/1.png val\n/cat/2.png val\ncat\\3.png val\n");
  Options options = FolderOptions(root, FreshFolder("list_paths_out") + "/data");
  options.set_split_list(list);
  ASSERT_OK(Encode(options));
  ASSERT_OK_AND_ASSIGN(const auto val, Dataset::Open(options.output(), "val"));
  EXPECT_EQ(val->size(), 6);
  PutFile(list, "cat/1.png val\n./cat/1.png val\n");
  options.set_output(FreshFolder("list_paths_twice") + "/data");
  ExpectFailure(options, 65,
                "splits.txt:2 names './cat/1.png', the image that line 1 names as 'cat/1.png'");
}

TEST(ShardEncoderTest, AListSaysWhichSplitsItMeans) {
  const std::string root = MakePhotos("list_splits", /*with_bad=*/false);
  const std::string list = FreshFolder("list_splits_file") + "/splits.txt";
  PutFile(list, "train/cat/10.png Validation\n");
  Options options = FolderOptions(root, FreshFolder("list_splits_out") + "/data");
  options.set_split_list(list);
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Encode(options));
  EXPECT_THAT(outcome.manifest.notes(),
              Contains("40 images stay in their splits, since --split_list does not name them"));
  EXPECT_OK(Dataset::Open(options.output(), "val").status());
  PutFile(list, "train/cat/10.png tset\n");
  options.set_output(FreshFolder("list_splits_typo") + "/data");
  ExpectFailure(options, 65, "splits.txt:1: 'tset' is none of the splits train, val, test");
}

TEST(ShardEncoderTest, NoSplitIsWrittenOutsideTheOutput) {
  const std::string root = MakePhotos("split_names", /*with_bad=*/false);
  Options options = FolderOptions(root, FreshFolder("split_names_out") + "/data");
  for (const std::string& name : std::vector<std::string>{"../other/train", "a/b", "/tmp/x", ".x",
                                                          "a\nb", std::string(101, 'a')}) {
    options.set_join_splits(name);
    ExpectFailure(options, 64, "is no name for a split: it ");
  }
  for (const std::string& name :
       std::vector<std::string>{"train+val", "b\xC3\xBCro 1", std::string(100, 'a')}) {
    options.set_join_splits(name);
    options.set_output(FreshFolder("split_names_out") + "/data");
    ASSERT_OK(Encode(options));
    EXPECT_OK(Dataset::Open(options.output(), name).status());
  }
  // What files say.
  options.clear_join_splits();
  options.set_output(FreshFolder("split_names_out") + "/data");
  const std::string list = FreshFolder("split_names_list") + "/splits.txt";
  PutFile(list, "train/cat/10.png ../z\n");
  options.set_split_list(list);
  options.add_splits("../z");
  ExpectFailure(options, 65, "splits.txt:1: '../z' is no name for a split: it begins with '.'");
  options.clear_split_list();
  options.clear_splits();
  PutFile(root + "/list.csv", "path,split\ntrain/cat/10.png,../z\ntrain/cat/11.png,train\n");
  options.set_input(root + "/list.csv");
  options.add_splits("../z");
  ExpectFailure(options, 65, "list.csv: '../z' is no name for a split: it begins with '.'");
  // Those that are not wanted have no files.
  options.set_splits(0, "train");
  ASSERT_OK(Encode(options));
}

TEST(ShardEncoderTest, AnOutputIsNotUpToDateWhenAnImageThatItsTableNamesHasChanged) {
  const std::string root = FreshFolder("named_images");
  PutFile(root + "/photos/1.png", FlatPng(4, 4, 1, 2, 3));
  PutFile(root + "/table/list.csv", "path,label\n../photos/1.png,cat\n");
  for (const char* input : {"/table/list.csv", "/table"}) {
    Options options;
    options.set_input(root + input);
    options.set_output(FreshFolder("named_images_out") + "/data");
    ASSERT_OK(Encode(options));
    ASSERT_OK_AND_ASSIGN(const StageOutcome again, Encode(options));
    EXPECT_TRUE(again.up_to_date);
    PutFile(root + "/photos/1.png", FlatPng(4, 4, 3, 2, 1));
    EXPECT_THAT(Encode(options).status(),
                StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("from other inputs")));
    PutFile(root + "/photos/1.png", FlatPng(4, 4, 1, 2, 3));
  }
}

TEST(ShardEncoderTest, AnOutputIsNotUpToDateWhenWhatLiesBesideItsFileHasChanged) {
  struct Case {
    const char* input;
    std::string bytes;
    const char* beside;
    std::string before, after;
  };
  const std::string record = std::string(1, '\1') + std::string(3072, 'x');
  const std::string names = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n";
  const std::string renamed = "A\nb\nc\nd\ne\nf\ng\nh\ni\nj\n";
  const Case cases[] = {
      {"data_batch_1.bin", record, "batches.meta.txt", names, renamed},
      {"train_X.bin", std::string(3 * 96 * 96, 'x'), "train_y.bin", "\1", "\2"},
      {"train-images-idx3-ubyte", std::string("\0\0\x08\x03\0\0\0\1\0\0\0\1\0\0\0\1x", 17),
       "train-labels-idx1-ubyte", std::string("\0\0\x08\x01\0\0\0\1\0", 9),
       std::string("\0\0\x08\x01\0\0\0\1\1", 9)},
  };
  for (const Case& one : cases) {
    const std::string root = FreshFolder("beside");
    PutFile(absl::StrCat(root, "/", one.input), one.bytes);
    PutFile(absl::StrCat(root, "/", one.beside), one.before);
    Options options = FolderOptions("", FreshFolder("beside_out") + "/data");
    options.set_train(absl::StrCat(root, "/", one.input));
    ASSERT_OK(Encode(options)) << one.input;
    ASSERT_OK_AND_ASSIGN(const StageOutcome again, Encode(options));
    EXPECT_TRUE(again.up_to_date) << one.input;
    PutFile(absl::StrCat(root, "/", one.beside), one.after);
    EXPECT_THAT(Encode(options).status(),
                StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("from other inputs")))
        << one.input;
  }
}

TEST(ShardEncoderTest, TheSpellingOfAFolderThatHoldsATableAndItsImagesTellsNothing) {
  const std::string root = FreshFolder("named_within");
  PutFile(root + "/set/photos/1.png", FlatPng(4, 4, 1, 2, 3));
  PutFile(root + "/set/list.csv", "path,label\nphotos/1.png,cat\n");
  Options options;
  options.set_output(FreshFolder("named_within_out") + "/data");
  for (const char* input : {"/set", "/set/", "/./set", "/set/../set"}) {
    options.set_input(root + input);
    ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Encode(options));
    EXPECT_EQ(outcome.manifest.inputs_size(), 1) << input;
  }
}

TEST(ShardEncoderTest, LimitAndSplitsKeepAPart) {
  Options options = FolderOptions(MakePhotos("limit", false), FreshFolder("limit_out") + "/data");
  options.set_limit(7);
  options.add_splits("train");
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Encode(options));
  EXPECT_THAT(outcome.manifest.notes(),
              AllOf(Contains("33 images left out: --limit=7 takes the first of each split"),
                    Contains("1 of 2 classes have no image (dog)")));
  ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(options.output()));
  EXPECT_EQ(data->size(), 7);
  EXPECT_EQ(data->info().splits_size(), 1);
}

TEST(ShardEncoderTest, AnEmptyValThatWasToBeDrawnIsSaid) {
  const std::string root = FreshFolder("few");
  PutFile(root + "/train/a/1.png", FlatPng(1, 1, 1, 1, 1));
  Options options = FolderOptions(root, FreshFolder("few_out") + "/data");
  options.set_val_fraction(0.01);
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Encode(options));
  EXPECT_THAT(outcome.manifest.notes(),
              Contains("val is empty: --val_fraction=0.01 drew none of the images of train"));
}

TEST(ShardEncoderTest, ClassesThatTrainLacksAreNamedWhateverTheLayout) {
  const std::string root = FreshFolder("lacks");
  for (const char* image : {"train/cat/1.png", "train/dog/1.png", "val/cats/1.png"}) {
    PutFile(JoinPath(root, image), FlatPng(1, 1, 1, 1, 1));
  }
  PutFile(root + "/val/dog/1.png", FlatPng(1, 1, 1, 1, 1));
  ASSERT_OK_AND_ASSIGN(const StageOutcome folder,
                       Encode(FolderOptions(root, FreshFolder("lacks_out") + "/data")));
  EXPECT_THAT(folder.manifest.notes(), Contains("1 classes that train lacks (val/cats)"));
  const std::string tars = FreshFolder("lacks_tars");
  PutFile(tars + "/train.tar", MakeTar({{"0.png", FlatPng(1, 1, 1, 1, 1)}, {"0.cls", "0"}}));
  PutFile(tars + "/test.tar", MakeTar({{"0.png", FlatPng(1, 1, 1, 1, 1)}, {"0.cls", "1"}}));
  ASSERT_OK_AND_ASSIGN(const StageOutcome archive,
                       Encode(FolderOptions(tars, FreshFolder("lacks_out") + "/tars")));
  EXPECT_THAT(archive.manifest.notes(), Contains("1 classes that train lacks (test/1)"));
}

TEST(ShardEncoderTest, CoarseClassesBecomeATarget) {
  const std::string root = FreshFolder("coarse");
  for (const char* name : {"cat", "dog", "oak"}) {
    PutFile(absl::StrCat(root, "/photos/train/", name, "/1.png"), FlatPng(4, 4, 1, 2, 3));
  }
  PutFile(root + "/coarse.txt", "pet\npet\ntree\n");
  Options options = FolderOptions(root + "/photos", root + "/out");
  options.set_coarse(root + "/coarse.txt");
  // The lines are those of the input's classes, whatever is kept of them.
  options.add_without_classes("cat");
  ASSERT_OK(Encode(options));
  ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(root + "/out"));
  ASSERT_EQ(data->info().targets_size(), 1);
  EXPECT_EQ(data->info().targets(0).name(), "coarse");
  EXPECT_THAT(data->info().targets(0).classes(), ElementsAre("pet", "tree"));
  for (int64_t i = 0; i < 2; ++i) {
    v1::ImageRecord record;
    ASSERT_OK(data->Read(i, &record));
    EXPECT_EQ(record.label(), i);
    EXPECT_EQ(ClassOf(record, "coarse"), i);
  }

  PutFile(root + "/coarse.txt", "pet\ntree\n");
  options.set_output(root + "/short");
  ExpectFailure(options, 65, "coarse.txt has 2 lines, the input 3 classes");
  PutFile(root + "/coarse.txt", "pet\n\ntree\n");
  ExpectFailure(options, 65, "coarse.txt:2: the line is empty");
  options.set_coarse(root + "/missing.txt");
  ExpectFailure(options, 66, "missing.txt");
}

TEST(ShardEncoderTest, BadSettingsAreNamed) {
  const auto fails = [](void (*change)(Options*), const std::string& message) {
    Options options;
    options.set_source(v1::DatasetLayout::SHAPES);
    options.set_output(FreshFolder("settings") + "/data");
    change(&options);
    ExpectFailure(options, 64, message);
  };
  // Before any image is looked at: the input is not there.
  fails([](Options* o) { o->set_input("/nowhere"), o->add_expect("foo"); },
        "--expect=foo is not SPLIT=COUNT");
  fails([](Options* o) { o->set_jpeg_quality(0); }, "--jpeg_quality=0: expected 1 to 100");
  fails([](Options* o) { o->set_max_bad_fraction(2); }, "--max_bad_fraction=2: expected 0 to 1");
  fails([](Options* o) { o->set_val_fraction(1); },
        "--val_fraction=1: expected at least 0 and below 1");
  fails([](Options* o) { o->set_limit(-1); }, "--limit=-1: expected at least 0");
  fails([](Options* o) { o->add_splits("tset"); }, "--splits names 'tset', but there are train");
  fails([](Options* o) { o->mutable_shapes()->set_size_px(1); },
        "--shapes.size_px=1: expected 16 to 512");
  fails(
      [](Options* o) {
        o->mutable_shapes()->set_num_val(5);
        o->set_val_fraction(0.1);
      },
      "the input has train, val, test");
}

TEST(ShardEncoderTest, ALabelWithoutAClassIsNamed) {
  const std::string root = FreshFolder("label");
  PutFile(root + "/train.tar", MakeTar({{"1.png", FlatPng(1, 1, 1, 1, 1)}, {"1.cls", "5"}}));
  PutFile(root + "/classes.txt", "a\nb\n");
  ExpectFailure(FolderOptions(root, FreshFolder("label_out") + "/data"), 65,
                "train/1.png: label 5 is not in 0 .. 1");
}

TEST(ShardEncoderTest, RealPhotographsAreReadAsTheyAre) {
  const std::string data_dir = RealDataDir();
  if (data_dir.empty()) GTEST_SKIP() << "no CASSLE_DATA_DIR";
  Options options =
      FolderOptions(JoinPath(data_dir, "imagenet-sample"), FreshFolder("photos_out") + "/data");
  ASSERT_OK(Encode(options, 2));
  ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(options.output()));
  EXPECT_EQ(data->size(), 200);
  EXPECT_EQ(data->info().classes_size(), 1000);
  // The README of the set: one of the photos has EXIF orientation 6, ten are gray.
  int turned = 0, gray = 0;
  v1::ImageRecord record;
  RgbImage image;
  for (int64_t i = 0; i < data->size(); ++i) {
    ASSERT_OK(data->ReadImage(i, &record, &image));
    ASSERT_OK_AND_ASSIGN(const ImageHeader header, ReadImageHeader(record.encoded()));
    turned += header.orientation == 6;
    bool colourless = true;
    for (size_t k = 0; k < image.pixels.size() && colourless; k += 3) {
      colourless = image.pixels[k] == image.pixels[k + 1] && image.pixels[k] == image.pixels[k + 2];
    }
    gray += colourless;
  }
  EXPECT_EQ(turned, 1);
  EXPECT_GE(gray, 10);
}

}  // namespace
}  // namespace cassle
