#include "cassle/data/records/tfrecord.h"

#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/testing/status_matchers.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::StatusCode kBad = absl::StatusCode::kDataLoss;

std::string TestPath(const std::string& name) { return JoinPath(testing::TempDir(), name); }

const std::vector<std::string>& Payloads() {
  static const auto* payloads =
      new std::vector<std::string>{"first", "", std::string(3 << 20, 'x'), "last"};
  return *payloads;
}

// Writes the payloads with their index; returns the file's bytes.
std::string WriteShard(const std::string& path) {
  auto writer = TfRecordWriter::Open(path);
  EXPECT_OK(writer);
  for (const std::string& payload : Payloads()) EXPECT_OK((*writer)->Append(payload));
  EXPECT_OK((*writer)->Close());
  EXPECT_OK(WriteRecordIndex(path, (*writer)->offsets()));
  return ReadFile(path).value();
}

// Reads to the end or the first error; the number of records before it.
absl::Status ReadAll(const std::string& path, int* records) {
  *records = 0;
  CASSLE_ASSIGN_OR_RETURN(auto reader, TfRecordReader::Open(path));
  std::string payload;
  while (true) {
    CASSLE_ASSIGN_OR_RETURN(const bool more, reader->Next(&payload));
    if (!more) return absl::OkStatus();
    if (payload != Payloads()[*records]) return absl::InternalError("another payload");
    ++*records;
  }
}

TEST(TfRecordTest, ChecksumsEqualThePublishedOnes) {
  // RFC 3720, B.4.
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aa);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283);
}

TEST(TfRecordTest, WritesTheFrameTensorFlowWrites) {
  const std::string path = TestPath("frame.tfrecord");
  ASSERT_OK_AND_ASSIGN(auto writer, TfRecordWriter::Open(path));
  ASSERT_OK(writer->Append("foo"));
  ASSERT_OK(writer->Close());
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFile(path));
  // masked = rotate_right(crc, 15) + 0xa282ead8, written out by hand.
  const uint32_t crc = Crc32c("foo");
  const uint32_t masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
  ASSERT_EQ(bytes.size(), 19);
  EXPECT_EQ(bytes.substr(0, 8), std::string("\3\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(bytes.substr(12, 3), "foo");
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(static_cast<uint8_t>(bytes[15 + i]), masked >> (8 * i) & 255);
  }
}

TEST(TfRecordTest, ReadsWhatItWroteInOrderAndByOffset) {
  const std::string path = TestPath("round_trip.tfrecord");
  const std::string bytes = WriteShard(path);
  int records = 0;
  EXPECT_OK(ReadAll(path, &records));
  EXPECT_EQ(records, 4);
  ASSERT_OK_AND_ASSIGN(const std::vector<uint64_t> offsets,
                       ReadRecordIndex(path, 4, static_cast<int64_t>(bytes.size())));
  for (int i : {2, 0, 3, 1}) {
    ASSERT_OK_AND_ASSIGN(const absl::string_view payload, RecordAt(bytes, offsets[i], path, i));
    EXPECT_EQ(payload, Payloads()[i]);
  }
}

TEST(TfRecordTest, AnEmptyFileHasNoRecords) {
  const std::string path = TestPath("empty.tfrecord");
  ASSERT_OK(WriteFile(path, ""));
  int records = 0;
  EXPECT_OK(ReadAll(path, &records));
  EXPECT_EQ(records, 0);
}

TEST(TfRecordTest, ATruncatedFileIsNamedWithItsRecord) {
  const std::string path = TestPath("truncated.tfrecord");
  const std::string bytes = WriteShard(path);
  int records = 0;
  // In the last footer, in the big payload, in the first header.
  const struct {
    size_t size;
    int record;
  } cuts[] = {{bytes.size() - 1, 3}, {1 << 20, 2}, {5, 0}};
  for (const auto& cut : cuts) {
    ASSERT_OK(WriteFile(path, bytes.substr(0, cut.size)));
    EXPECT_THAT(ReadAll(path, &records),
                StatusIs(kBad, AllOf(HasSubstr(path), HasSubstr("the file ends early"),
                                     HasSubstr(absl::StrCat("record ", cut.record, " at byte")))));
    EXPECT_EQ(records, cut.record);
  }
}

TEST(TfRecordTest, EveryFlippedBitIsFound) {
  const std::string path = TestPath("flipped.tfrecord");
  std::string bytes = WriteShard(path).substr(0, 21);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_THAT(RecordAt(bytes, 0, path, 0),
                StatusIs(kBad, AllOf(HasSubstr("record 0 at byte 0"), HasSubstr("checksum"))))
        << bit;
    // The sequential reader checks with the same functions: one bit of each byte.
    if (bit % 9 == 0) {
      std::ofstream(path, std::ios::binary) << bytes;
      int records = 0;
      EXPECT_THAT(ReadAll(path, &records), StatusIs(kBad, HasSubstr("checksum"))) << bit;
    }
    bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
  }
}

TEST(TfRecordTest, ALengthWithARightChecksumButNoBytesTakesNoMemory) {
  for (uint64_t length : {uint64_t{1} << 30, uint64_t{1} << 60}) {
    std::string bytes;
    for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(length >> (8 * i)));
    const uint32_t crc = MaskedCrc32c(bytes);
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(crc >> (8 * i)));
    bytes += "four";
    const std::string path = TestPath("long.tfrecord");
    ASSERT_OK(WriteFile(path, bytes));
    ASSERT_OK_AND_ASSIGN(auto reader, TfRecordReader::Open(path));
    std::string payload;
    EXPECT_THAT(reader->Next(&payload), StatusIs(kBad, HasSubstr("record 0")));
    EXPECT_LT(payload.capacity(), size_t{8} << 20);
    EXPECT_THAT(RecordAt(bytes, 0, path, 0), StatusIs(kBad, HasSubstr("record 0")));
  }
}

TEST(TfRecordTest, AnotherKindOfFileIsNoTfRecordFile) {
  const std::string path = TestPath("magic.tfrecord");
  ASSERT_OK(WriteFile(path, "\x89PNG\r\n and something behind it"));
  int records = 0;
  EXPECT_THAT(ReadAll(path, &records),
              StatusIs(kBad, AllOf(HasSubstr(path), HasSubstr("no TFRecord file"))));
}

TEST(TfRecordTest, MissingFilesAreNotFound) {
  EXPECT_THAT(TfRecordReader::Open(TestPath("nowhere.tfrecord")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("nowhere.tfrecord")));
}

TEST(TfRecordTest, ADamagedIndexIsRefused) {
  const std::string path = TestPath("index.tfrecord");
  const int64_t size = static_cast<int64_t>(WriteShard(path).size());
  EXPECT_THAT(ReadRecordIndex(path, 5, size),
              StatusIs(kBad, HasSubstr("5 records need 8 bytes each")));
  for (const std::vector<uint64_t>& offsets :
       {std::vector<uint64_t>{16, 32}, {0, 15}, {0, uint64_t{1} << 63}}) {
    ASSERT_OK(WriteRecordIndex(path, offsets));
    EXPECT_THAT(ReadRecordIndex(path, 2, size),
                StatusIs(kBad, AllOf(HasSubstr("index.tfrecord.index"), HasSubstr("entry"))));
  }
  // Eight times these counts overflow to the size of the file.
  ASSERT_OK(WriteRecordIndex(path, {}));
  for (int64_t count : {int64_t{1} << 61, -(int64_t{1} << 61)}) {
    EXPECT_THAT(ReadRecordIndex(path, count, size),
                StatusIs(kBad, HasSubstr("records need 8 bytes each")));
  }
}

TEST(TfRecordTest, AFullDiskIsReported) {
  ASSERT_OK_AND_ASSIGN(auto full, TfRecordWriter::Open("/dev/full"));
  ASSERT_OK(full->Append("small enough for the buffer"));
  EXPECT_THAT(full->Close(),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("/dev/full")));
  // A file system that ends at 1 MiB.
  signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = 1 << 20;
  setrlimit(RLIMIT_FSIZE, &small);
  ASSERT_OK_AND_ASSIGN(auto limited, TfRecordWriter::Open(TestPath("limited.tfrecord")));
  const absl::Status status = limited->Append(std::string(2 << 20, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("limited.tfrecord")));
  // Not forgotten.
  EXPECT_THAT(limited->Append("more"),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("limited.tfrecord")));
}

}  // namespace
}  // namespace cassle
