#include "cassle/data/records/dataset.h"

#include <atomic>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/base/thread_pool.h"
#include "cassle/data/records/dataset_testutil.h"
#include "cassle/data/records/dataset_writer.h"
#include "cassle/data/records/tfrecord.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kBad = absl::StatusCode::kDataLoss;

std::string FreshPath(const std::string& name) {
  const std::string path = JoinPath(testing::TempDir(), name);
  EXPECT_OK(RemoveAll(path));
  return path;
}

// A complete data set of 20 and 7 pictures of 16 pixels.
std::string MakeDataset(const std::string& name) {
  const std::string folder = FreshPath(name);
  EXPECT_OK(WriteShapesDataset(folder, 20, 7, 16));
  return folder;
}

std::string TrainShard(const std::string& folder) {
  return JoinPath(folder, "train-00000-of-00001.tfrecord");
}

TEST(DatasetTest, ReadsEveryImageOfEverySplit) {
  const std::string folder = MakeDataset("all");
  ASSERT_OK_AND_ASSIGN(const auto first, Dataset::Open(folder));
  EXPECT_EQ(first->split().name(), "train");
  EXPECT_EQ(first->size(), 20);
  EXPECT_EQ(first->first_id(), 0);
  ASSERT_OK_AND_ASSIGN(const auto test, Dataset::Open(folder, "test"));
  EXPECT_EQ(test->size(), 7);
  EXPECT_EQ(test->first_id(), 20);
  v1::ImageRecord record;
  RgbImage image;
  for (int64_t i = 6; i >= 0; --i) {
    ASSERT_OK(test->ReadImage(i, &record, &image));
    EXPECT_EQ(record.id(), 20 + i);
    EXPECT_EQ(record.key(), absl::StrCat("test/", i));
    EXPECT_EQ(image.height, 16);
  }
  EXPECT_THAT(test->Read(7, &record),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("split 'test' has 7 images")));
  EXPECT_THAT(test->Read(-1, &record),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("image -1")));
}

TEST(DatasetTest, ManyThreadsReadAtATime) {
  ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(MakeDataset("threads")));
  std::atomic<int> wrong{0};
  ParallelFor(4, 400, [&](int64_t i) {
    v1::ImageRecord record;
    RgbImage image;
    if (!data->ReadImage(i % 20, &record, &image).ok() || record.id() != i % 20) ++wrong;
  });
  EXPECT_EQ(wrong, 0);
}

TEST(DatasetTest, UnknownSplitsAndIncompleteFoldersAreRefused) {
  const std::string folder = MakeDataset("refused");
  EXPECT_THAT(Dataset::Open(folder, "tset"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("has no split 'tset'; it has train, test")));
  EXPECT_THAT(Dataset::Open(folder + "/nowhere"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("nowhere")));
  ASSERT_OK(Rename(folder, FreshPath("unfinished.partial")));
  ASSERT_OK(RemoveAll(JoinPath(testing::TempDir(), "unfinished.partial/stage.textproto")));
  EXPECT_THAT(Dataset::Open(JoinPath(testing::TempDir(), "unfinished.partial")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("unfinished.partial")));
}

TEST(DatasetTest, AFlippedBitIsFoundWhenItsRecordIsRead) {
  const std::string folder = MakeDataset("flipped");
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFile(TrainShard(folder)));
  bytes[bytes.size() / 2] ^= 4;
  ASSERT_OK(WriteFile(TrainShard(folder), bytes));
  ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(folder));
  int bad = 0;
  v1::ImageRecord record;
  for (int64_t i = 0; i < data->size(); ++i) {
    const absl::Status status = data->Read(i, &record);
    if (status.ok()) continue;
    ++bad;
    EXPECT_THAT(status, StatusIs(kBad, AllOf(HasSubstr(TrainShard(folder)),
                                             HasSubstr(absl::StrCat("record ", i, " at byte")),
                                             HasSubstr("checksum"))));
  }
  EXPECT_EQ(bad, 1);
}

TEST(DatasetTest, TruncatedAndEmptyShardsAreRefusedByName) {
  const std::string folder = MakeDataset("truncated");
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFile(TrainShard(folder)));
  for (size_t size : {bytes.size() - 1, size_t{0}}) {
    ASSERT_OK(WriteFile(TrainShard(folder), bytes.substr(0, size)));
    EXPECT_THAT(Dataset::Open(folder), StatusIs(kBad, HasSubstr("train-00000-of-00001.tfrecord")));
  }
}

TEST(DatasetTest, AnotherFileOfTheSameSizeIsNoShard) {
  const std::string folder = MakeDataset("magic");
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFile(TrainShard(folder)));
  ASSERT_OK(WriteFile(TrainShard(folder), std::string(bytes.size(), 'x')));
  ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(folder));
  v1::ImageRecord record;
  EXPECT_THAT(data->Read(0, &record), StatusIs(kBad, HasSubstr("no TFRecord file")));
}

TEST(DatasetTest, ADamagedIndexOrDescriptionIsRefused) {
  const std::string folder = MakeDataset("index");
  const std::string index = TrainShard(folder) + ".index";
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFile(index));
  const std::string good = bytes;
  bytes[15] = '\x7f';
  ASSERT_OK(WriteFile(index, bytes));
  EXPECT_THAT(Dataset::Open(folder), StatusIs(kBad, AllOf(HasSubstr(index), HasSubstr("entry 1"))));
  // Two entries exchanged for one: right checksums, wrong image.
  bytes = good;
  bytes.replace(0, 8, good.substr(8, 8));
  ASSERT_OK(WriteFile(index, bytes));
  EXPECT_THAT(Dataset::Open(folder), StatusIs(kBad, HasSubstr("entry 0")));
  ASSERT_OK(WriteFile(index, good));
  const std::string description = JoinPath(folder, kDatasetInfoName);
  ASSERT_OK_AND_ASSIGN(std::string text, ReadFile(description));
  text[0] = 'N';
  ASSERT_OK(WriteFile(description, text));
  EXPECT_THAT(Dataset::Open(folder), StatusIs(kBad, HasSubstr("dataset.textproto:1:")));
}

v1::ImageRecord RecordWithLabel(int64_t label) {
  v1::ImageRecord record;
  record.set_key(absl::StrCat("key ", label));
  record.set_format(v1::RAW_RGB8);
  record.set_encoded("rgb");
  record.set_height(1);
  record.set_width(1);
  if (label >= 0) record.set_label(label);
  return record;
}

TEST(DatasetWriterTest, LaterSplitsWaitAndGetTheIdsBehindTheEarlierOnes) {
  const std::string folder = FreshPath("writer");
  ASSERT_OK(MakeDirectories(folder));
  DatasetWriter writer(folder, {"train", "val", "test"}, /*max_shard_bytes=*/80);
  for (int64_t label : {0, 5, 1}) {
    v1::ImageRecord record = RecordWithLabel(label);
    ASSERT_OK(writer.Append(label == 5 ? 1 : 0, &record));
  }
  ASSERT_OK(writer.AdvanceTo(2));
  v1::ImageRecord late = RecordWithLabel(0);
  EXPECT_THAT(writer.Append(0, &late),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("'train' is closed")));
  for (int i = 0; i < 5; ++i) {
    v1::ImageRecord record = RecordWithLabel(-1);
    ASSERT_OK(writer.Append(2, &record));
  }
  v1::DatasetInfo info;
  info.set_name("x");
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g"}) info.add_classes(name);
  ASSERT_OK(writer.Finish(&info));
  ASSERT_EQ(info.splits_size(), 3);
  EXPECT_THAT(info.splits(0).class_counts(), ElementsAre(1, 1, 0, 0, 0, 0, 0));
  EXPECT_EQ(info.splits(1).num_images(), 1);
  EXPECT_EQ(info.splits(2).num_unlabeled(), 5);
  // Bounded shards, numbered when their number was known, and nothing else.
  EXPECT_GE(info.splits(2).shards_size(), 2);
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names, ListDirectory(folder));
  for (const std::string& name : names) {
    EXPECT_TRUE(name == kDatasetInfoName || absl::EndsWith(name, ".tfrecord") ||
                absl::EndsWith(name, ".tfrecord.index"))
        << name;
  }
  uint64_t id = 0;
  for (const v1::SplitInfo& split : info.splits()) {
    for (const v1::ShardInfo& shard : split.shards()) {
      ASSERT_OK_AND_ASSIGN(auto reader, TfRecordReader::Open(JoinPath(folder, shard.file())));
      std::string payload;
      v1::ImageRecord record;
      for (int64_t i = 0; i < shard.num_records(); ++i) {
        ASSERT_TRUE(reader->Next(&payload).value());
        ASSERT_TRUE(record.ParseFromString(payload));
        EXPECT_EQ(record.id(), id++);
      }
    }
  }
  EXPECT_EQ(id, 8);
}

}  // namespace
}  // namespace cassle
