#include "cassle/augment/recording/view_parts.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/augment/augment_and_record_stage.h"
#include "cassle/augment/recording/recorded_views.h"
#include "cassle/augment/testing/test_images.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/stage/stage_main.h"
#include "cassle/stage/stage_manifest.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Options = v1::AugmentAndRecordOptions;

constexpr int kImages = 20;

std::string DatasetFolder() {
  static const std::string folder = MakeTestDataset("images", TestImageRecords(kImages));
  return folder;
}

// 120 views in 11 shards; most end between the views of one image.
Options WholeRun(const std::string& name) {
  Options options;
  options.set_input(DatasetFolder());
  options.set_output(FreshPath(name));
  options.set_policy("cifar");
  options.set_seed(3);
  options.set_epochs(3);
  options.set_store(Options::PNG);
  options.set_records_per_shard(11);
  return options;
}

Options PartRun(const std::string& folder, int index, int count) {
  Options options = WholeRun(absl::StrCat(folder, "/", index));
  options.set_shard_index(index);
  options.set_num_shards(count);
  return options;
}

absl::Status RunRecorder(const Options& options, int threads = 2) {
  StageSettings settings;
  settings.threads = threads;
  settings.omit_costs = true;
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

std::map<std::string, std::string> WholeContents() {
  static const auto contents = [] {
    const Options options = WholeRun("whole");
    EXPECT_OK(RunRecorder(options));
    return Contents(options.output());
  }();
  return contents;
}

// All parts into the folder NAME; returns its path.
std::string MakeParts(const std::string& name, int count) {
  const std::string folder = FreshPath(name);
  EXPECT_OK(MakeDirectories(folder));
  for (int i = 0; i < count; ++i) EXPECT_OK(RunRecorder(PartRun(name, i, count), 1 + i % 3));
  return folder;
}

Options MergeRun(const std::string& name, const std::string& parts) {
  Options options = WholeRun(name);
  options.add_merge(parts);
  return options;
}

// Expects the exit code and one line with these words; nothing is left behind.
void ExpectRefused(const Options& options, int exit_code, const std::vector<std::string>& words) {
  const absl::Status status = RunRecorder(options);
  EXPECT_EQ(ExitCode(status), exit_code) << status;
  for (const std::string& word : words) {
    EXPECT_THAT(std::string(status.message()), HasSubstr(word));
  }
  EXPECT_THAT(std::string(status.message()), ::testing::Not(HasSubstr("\n")));
  EXPECT_FALSE(FileExists(options.output()));
}

TEST(ViewPartsTest, ConsecutiveShardsOfEqualNumberMakeUpTheWhole) {
  for (int64_t total : {1, 7, 11, 1000}) {
    for (int64_t count : {1, 2, 3, 7}) {
      if (count > total) continue;
      int64_t next = 0;
      std::set<int64_t> sizes;
      for (int64_t i = 0; i < count; ++i) {
        ASSERT_OK_AND_ASSIGN(const v1::ViewsPart part, PartOfShards(total, i, count));
        EXPECT_EQ(part.first_shard(), next);
        next = part.end_shard();
        sizes.insert(part.end_shard() - part.first_shard());
      }
      EXPECT_EQ(next, total);
      EXPECT_LE(*sizes.rbegin() - *sizes.begin(), 1);
      EXPECT_GE(*sizes.begin(), 1);
    }
  }
}

TEST(ViewPartsTest, MergedPartsEqualOneRunFileByFile) {
  for (int count : {1, 3, 7}) {
    const std::string name = absl::StrCat("parts_of_", count);
    const std::string parts = MakeParts(name, count);
    std::map<std::string, std::string> shards;
    for (int i = 0; i < count; ++i) {
      for (const auto& [file, bytes] : Contents(JoinPath(parts, absl::StrCat(i)))) {
        if (file.find(".tfrecord") == std::string::npos) continue;
        EXPECT_EQ(shards.count(file), 0) << file << " is in two parts";
        shards[file] = bytes;
        EXPECT_EQ(WholeContents().at(file), bytes);
      }
    }
    EXPECT_EQ(shards.size() + 2, WholeContents().size());
    // A folder of parts, or every part by its name, in any order.
    const Options by_folder = MergeRun(name + "_merged", parts);
    ASSERT_OK(RunRecorder(by_folder));
    EXPECT_EQ(Contents(by_folder.output()), WholeContents());
    Options by_name = WholeRun(name + "_by_name");
    for (int i = count - 1; i >= 0; --i) by_name.add_merge(JoinPath(parts, absl::StrCat(i)));
    ASSERT_OK(RunRecorder(by_name));
    EXPECT_EQ(Contents(by_name.output()), WholeContents());
    // It is the output of the single run: that one has nothing left to do.
    Options single = by_folder;
    single.clear_merge();
    ::testing::internal::CaptureStderr();
    ASSERT_OK(RunRecorder(single));
    EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("up to date"));
  }
}

TEST(ViewPartsTest, MergeSurvivesTheRemovalOfTheParts) {
  const std::string parts = MakeParts("removed", 2);
  const Options options = MergeRun("survives", parts);
  ASSERT_OK(RunRecorder(options));
  ASSERT_OK(RemoveAll(parts));
  EXPECT_EQ(Contents(options.output()), WholeContents());
}

TEST(ViewPartsTest, KilledPartGoesOnShardByShardToTheSameBytes) {
  const Options whole = PartRun("undisturbed", 1, 2);
  ASSERT_OK(RunRecorder(whole));
  const auto expected = Contents(whole.output());
  const Options killed = PartRun("killed", 1, 2);
  const auto outcome = RunStageWork(
      AugmentAndRecordInfo(), killed, {},
      [&expected](const google::protobuf::Message&, StageContext& context) {
        // Part 1 of 2 has shards 5 to 10. The first is whole, the second torn.
        const std::string shard = expected.at("views-00005-of-00011.tfrecord");
        const std::string next = expected.at("views-00006-of-00011.tfrecord");
        const auto write = [&](const std::string& name, const std::string& bytes) {
          EXPECT_OK(WriteFile(JoinPath(context.output_dir(), name), bytes));
        };
        write("views-00005.tfrecord", shard);
        write("views-00005.tfrecord.index", expected.at("views-00005-of-00011.tfrecord.index"));
        write("views-00006.tfrecord", next.substr(0, next.size() / 2));
        write("views-00006.tfrecord.index.growing", "torn");
        return absl::CancelledError("killed");
      });
  EXPECT_THAT(outcome, StatusIs(absl::StatusCode::kCancelled, ::testing::_));
  ::testing::internal::CaptureStderr();
  ASSERT_OK(RunRecorder(killed));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("11 views are recorded already"));
  EXPECT_EQ(Contents(killed.output()), expected);
}

TEST(ViewPartsTest, MissingDoubledAndForeignPartsAreNamed) {
  const std::string parts = MakeParts("wanting", 3);
  const auto run = [&](const std::string& where) { return MergeRun("refused", where); };

  ASSERT_OK(Rename(JoinPath(parts, "1"), FreshPath("aside")));
  ExpectRefused(run(parts), 66, {parts, "2 of 3 parts", "--shard_index=1"});
  // An unfinished part is a missing one.
  ASSERT_OK(MakeDirectories(JoinPath(parts, "1.partial")));
  ExpectRefused(run(parts), 66, {"--shard_index=1"});

  Options doubled = PartRun("unused", 2, 3);
  doubled.set_output(JoinPath(parts, "2_again"));
  ASSERT_OK(RunRecorder(doubled));
  ExpectRefused(run(parts), 65, {"/2_again and ", "/2 are both part 2 of 3"});
  ASSERT_OK(RemoveAll(doubled.output()));

  Options other_seed = PartRun("wanting", 1, 3);
  other_seed.set_seed(4);
  ASSERT_OK(RunRecorder(other_seed));
  ExpectRefused(run(parts), 65, {other_seed.output(), "--seed: 4 there, 3 now"});
  ASSERT_OK(RemoveAll(other_seed.output()));

  Options other_images = PartRun("wanting", 1, 3);
  other_images.set_input(MakeTestDataset("others", TestImageRecords(kImages, /*salt=*/1)));
  ASSERT_OK(RunRecorder(other_images));
  ExpectRefused(run(parts), 65, {other_images.output(), "other inputs"});
  ASSERT_OK(RemoveAll(other_images.output()));

  ASSERT_OK(RunRecorder(PartRun("wanting", 1, 4)));
  ExpectRefused(run(parts), 65, {"part 1 of 4", "part 0 of 3", "--num_shards"});

  ExpectRefused(run(DatasetFolder()), 65, {DatasetFolder(), "no part", "test-images"});
  ExpectRefused(run(FreshPath("nowhere")), 66, {"nowhere"});
  const std::string empty = FreshPath("empty_parts");
  ASSERT_OK(MakeDirectories(empty));
  ExpectRefused(run(empty), 66, {"holds no parts"});
  const Options whole = WholeRun("a_whole");
  ASSERT_OK(RunRecorder(whole));
  ExpectRefused(run(whole.output()), 65, {"not a part but a whole"});
}

TEST(ViewPartsTest, DamagedPartIsNamed) {
  const std::string parts = MakeParts("torn_parts", 2);
  const std::string shard = JoinPath(parts, "1/views-00010-of-00011.tfrecord");
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFile(shard));
  ASSERT_OK(WriteFile(shard, bytes.substr(1)));
  ExpectRefused(MergeRun("from_torn", parts), 65, {"views-00010-of-00011.tfrecord"});
}

// The links of a merge that failed are files of the parts.
TEST(ViewPartsTest, ARunAfterAFailedMergeLeavesThePartsAlone) {
  const std::string parts = MakeParts("linked_parts", 2);
  const std::string shard = JoinPath(parts, "1/views-00010-of-00011.tfrecord");
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFile(shard));
  for (size_t i = bytes.size() - 20; i < bytes.size(); ++i) bytes[i] = 0;
  ASSERT_OK(WriteFile(shard, bytes));
  Options options = MergeRun("after_merge", parts);
  ASSERT_FALSE(RunRecorder(options).ok());
  options.clear_merge();
  ASSERT_OK(RunRecorder(options));
  EXPECT_EQ(Contents(options.output()), WholeContents());
  EXPECT_EQ(ReadFile(shard).value(), bytes);
}

// A run of `options` that is killed when `left` has written into its folder.
void Kill(const Options& options, const std::function<void(const std::string& folder)>& left) {
  EXPECT_THAT(RunStageWork(AugmentAndRecordInfo(), options, {},
                           [&](const google::protobuf::Message&, StageContext& context) {
                             left(context.output_dir());
                             return absl::CancelledError("killed");
                           }),
              StatusIs(absl::StatusCode::kCancelled, ::testing::_));
}

TEST(ViewPartsTest, AMergeKilledWhileItNamesItsShardsGoesOnToTheSameFiles) {
  const std::string parts = MakeParts("named_parts", 2);
  const Options options = MergeRun("killed_merge", parts);
  Kill(options, [&](const std::string& folder) {
    for (const char* ending : {"", ".index"}) {
      const std::string name = absl::StrCat("views-00000-of-00011.tfrecord", ending);
      EXPECT_OK(LinkOrCopy(JoinPath(parts, "0/" + name), JoinPath(folder, name)));
    }
  });
  ASSERT_OK(RunRecorder(options));
  EXPECT_EQ(Contents(options.output()), WholeContents());
}

TEST(ViewPartsTest, AMergeInPlaceOfARunThatWasKilledLeavesNothingOfIt) {
  const std::string parts = MakeParts("parts_instead", 2);
  Options options = MergeRun("single_first", parts);
  options.clear_merge();
  Kill(options, [](const std::string& folder) {
    EXPECT_OK(WriteFile(JoinPath(folder, "views-00000.tfrecord"), "torn"));
    EXPECT_OK(WriteFile(JoinPath(folder, "views-00000.tfrecord.index.growing"), "torn"));
  });
  options.add_merge(parts);
  ASSERT_OK(RunRecorder(options));
  EXPECT_EQ(Contents(options.output()), WholeContents());
}

TEST(ViewPartsTest, PartsAreNotReadAsAWhole) {
  const Options part = PartRun("lonely", 0, 2);
  ASSERT_OK(RunRecorder(part));
  EXPECT_THAT(
      RecordedViews::Open(part.output()),
      StatusIs(absl::StatusCode::kDataLoss,
               AllOf(HasSubstr(part.output()), HasSubstr("part 0 of 2"), HasSubstr("--merge"))));
}

TEST(ViewPartsTest, ImpossiblePartsAreRefused) {
  ExpectRefused(PartRun("impossible", 3, 3), 64, {"--shard_index=3", "counted from 0"});
  ExpectRefused(PartRun("impossible", -1, 3), 64, {"--shard_index=-1"});
  ExpectRefused(PartRun("impossible", 0, 0), 64, {"--num_shards=0"});
  ExpectRefused(PartRun("impossible", 0, 12), 64, {"--num_shards=12", "11 shard files"});
  Options half = WholeRun("impossible");
  half.set_num_shards(3);
  ExpectRefused(half, 64, {"go together"});
  Options both = PartRun("impossible", 0, 3);
  both.add_merge("parts");
  ExpectRefused(both, 64, {"--merge", "leave --shard_index"});
  Options stream = PartRun("impossible", 0, 3);
  stream.set_input("-");
  stream.set_epochs(1);
  ExpectRefused(stream, 64, {"--input=-", "no parts"});
}

}  // namespace
}  // namespace cassle
